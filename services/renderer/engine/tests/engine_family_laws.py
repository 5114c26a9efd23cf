"""What holds for every family's adapter, written once: a test module gives the cases, and inherits these tests."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from engine_loras import save_lora, with_lora
from engine_videos import a_picture, ask, card, eight_bit, passes, pictures, prepare, render
from storyreel_engine.card import write_card
from storyreel_engine.carding import derive_card
from storyreel_engine.failures import InvalidInputError
from storyreel_engine.loader import load_pipeline
from storyreel_engine.pipelines.base import VideoAdapter
from storyreel_engine.pipelines.loras import load_loras
from storyreel_engine.ports import Frames, Unit
from storyreel_engine.settings import EngineSettings
from storyreel_engine.wire import RenderRequest

TOLERANCE = 1
"""Levels of 255 by which a job in a batch may differ from the same job alone: matrix products round otherwise there."""

HALF_PRECISION = 2.0
"""Mean difference in levels of 255 that a tiny network in bfloat16 may make over a whole shot; up to 0.7 was seen."""


@dataclass(frozen=True)
class Case:
    """One kind of pipeline: how it is made, its adapter, and how the pipeline's own call is asked for the same."""

    build: Callable[[], Any]
    adapter: type[VideoAdapter]
    arguments: Callable[[RenderRequest], dict[str, Any]]
    asked: dict[str, Any] = field(default_factory=dict)
    card: dict[str, Any] = field(default_factory=dict)
    picture: bool = False

    @property
    def frame(self) -> Frames | None:
        """The first frame, if it starts from one."""
        return a_picture(self.ask().width, self.ask().height) if self.picture else None

    def ask(self, job_id: str = "job", **fields: Any) -> RenderRequest:
        """A request that this case can render."""
        return ask(job_id, **{"guidance": 4.0, "negative_prompt": "blurry", "steps": 3, **self.asked, **fields})

    def make(self, **fields: Any) -> VideoAdapter:
        """A new adapter of a new pipeline."""
        return self.adapter(self.build(), card(**{**self.card, **fields}), torch.device("cpu"))

    def call(self, asked: RenderRequest, lora: Path | None = None) -> Frames:
        """What diffusers itself renders, with the LoRA in that file if there is one."""
        pipe = self.build() if lora is None else with_lora(self.build(), lora, asked.lora_scale)
        arguments = {
            "prompt": asked.prompt,
            "negative_prompt": asked.negative_prompt,
            "width": asked.width,
            "height": asked.height,
            "num_frames": asked.frames,
            "num_inference_steps": asked.steps,
            **self.arguments(asked),
        }
        if self.picture:
            arguments["image"] = _image(self.frame)
        video = pipe(**arguments, generator=torch.Generator("cpu").manual_seed(asked.seed), output_type="np")
        return eight_bit(video.frames[0])


def _image(frame: Frames | None) -> Any:
    from PIL import Image

    assert frame is not None
    return Image.fromarray(frame)


class FamilyLaws:
    """Each test runs for every `case` of the module that inherits it, all tests of a case on one `adapter`: no job may leave
    anything behind."""

    @pytest.mark.parametrize("guidance", [1.0, 4.0])
    def test_step_by_step_equals_the_pipelines_own_call_bit_for_bit(
        self, case: Case, adapter: VideoAdapter, guidance: float
    ) -> None:
        asked = case.ask(guidance=guidance)
        frames = render(adapter, asked, case.frame)
        assert frames.dtype == np.uint8
        assert frames.shape == (asked.frames, asked.height, asked.width, 3)
        assert (frames == case.call(asked)).all()

    def test_another_text_is_another_film(self, case: Case, adapter: VideoAdapter) -> None:
        texts = ({"prompt": "a red shoe"}, {"prompt": "a green hat"})
        first, second = (render(adapter, case.ask(steps=1, **text), case.frame) for text in texts)
        assert (first != second).any()

    def test_unlike_jobs_in_one_batch_give_what_each_gives_alone(self, case: Case, adapter: VideoAdapter) -> None:
        several = [case.ask("a"), case.ask("b", prompt="a green hat", negative_prompt="", seed=9, steps=2, guidance=6.0)]
        assert len({adapter.key(asked) for asked in several}) == 1
        alone = [render(adapter, asked, case.frame) for asked in several]
        states = [prepare(adapter, asked, case.frame) for asked in several]
        passes(adapter, states[:1], 1)
        while batch := [state for state in states if state.unit is Unit.PASS]:
            adapter.advance(batch)
        for state, expected in zip(states, alone, strict=True):
            assert _apart(pictures(adapter, state), expected) <= TOLERANCE
        # The control: by the same measure, the two jobs are far from each other.
        assert _apart(*alone) > 10 * TOLERANCE

    def test_a_job_resumed_on_another_server_gives_the_same_bits(self, case: Case, adapter: VideoAdapter) -> None:
        asked, there = case.ask(), case.make()
        state = prepare(adapter, asked, case.frame)
        saves = [adapter.save(state)()]
        for _ in range(asked.steps - 1):
            passes(adapter, [state], 1)
            saves.append(adapter.save(state)())
        passes(adapter, [state], 1)
        for after in range(asked.steps):
            resumed = prepare(there, asked, case.frame, saves[after])
            assert resumed.step == after
            passes(there, [resumed], asked.steps - after)
            assert torch.equal(resumed.finished[0], state.finished[0])
        assert (pictures(there, resumed) == pictures(adapter, state)).all()

    def test_a_draft_is_not_the_film_and_its_final_goes_on_to_the_bits_of_an_uninterrupted_one(
        self, case: Case, adapter: VideoAdapter
    ) -> None:
        asked = case.ask()
        draft = prepare(adapter, replace(asked, stop_after=2), case.frame)
        passes(adapter, [draft], 2)
        saved = adapter.save(draft)()
        shown = pictures(adapter, draft)
        whole = render(adapter, asked, case.frame)
        assert shown.shape == whole.shape
        assert (shown != whole).any()
        assert (pictures(adapter, prepare(adapter, asked, case.frame, saved)) == whole).all()

    def test_a_lora_gives_the_bits_of_the_pipelines_own_call_and_beside_it_all_others_keep_theirs(
        self, case: Case, adapter: VideoAdapter, tmp_path: Path
    ) -> None:
        plain, looked = case.ask(steps=2), case.ask(steps=2, lora="ink", lora_scale=0.5)
        file = save_lora(case.build(), tmp_path / "ink.safetensors")
        pipe = case.build()
        allowing = replace(adapter.card, loras=["ink"])
        both = case.adapter(pipe, allowing, adapter.device, loras=load_loras(pipe, {"ink": file}))
        states = [prepare(both, replace(asked, job_id=str(i)), case.frame) for i, asked in enumerate((plain, looked))]
        for _ in range(2):
            for state in states:
                both.advance([state])
        without, within = (pictures(both, state) for state in states)
        assert (within == case.call(looked, file)).all()
        assert (without == render(adapter, plain, case.frame)).all()
        assert (within != without).any()

    def test_the_card_derived_from_a_folder_has_the_familys_own_rules(self, case: Case, tmp_path: Path) -> None:
        pipe = case.build()
        pipe.save_pretrained(tmp_path)
        asked = case.ask()
        call = {"width": 256, "height": 256, "num_frames": 49, "num_inference_steps": 8}
        derived = derive_card(tmp_path, "tiny", {"preview": 1.0, "final": 2.0}, call)
        adapter = case.adapter(pipe, derived, torch.device("cpu"))
        with pytest.raises(InvalidInputError, match="first_frame"):
            adapter.check(replace(asked, first_frame="" if case.picture else "0" * 64))
        if derived.window_overlap:  # what the card promises to the planner, the adapter keeps
            adapter.check(case.ask(frames=2 * derived.max_frames - 1, first_frame="0" * 64 if case.picture else ""))
        factor = int(derived.frame_rule.split("k", maxsplit=1)[0])
        for frames in (1, factor + 1, 3 * factor + 1):
            few = case.ask(frames=frames, steps=1, first_frame="0" * 64 if case.picture else "")
            assert len(render(adapter, few, case.frame)) == frames

    def test_a_folder_loaded_as_triton_loads_it_renders_the_same_and_nearly_so_in_half_precision(
        self, case: Case, adapter: VideoAdapter, tmp_path: Path
    ) -> None:
        case.build().save_pretrained(tmp_path)
        write_card(tmp_path, adapter.card)
        asked = case.ask(steps=2)
        frames = render(adapter, asked, case.frame)
        full, half = (
            load_pipeline(EngineSettings(tmp_path, device="cpu", dtype=dtype, torch_threads=1))
            for dtype in ("float32", "bfloat16")
        )
        assert type(full) is type(half) is case.adapter
        assert (render(full, asked, case.frame) == frames).all()
        assert half.pipe.transformer.dtype is torch.bfloat16
        assert half.pipe.vae.dtype is torch.float32
        apart = np.abs(render(half, asked, case.frame).astype(int) - frames.astype(int)).mean()
        assert 0 < apart < HALF_PRECISION


def _apart(one: Frames, other: Frames) -> int:
    return int(np.abs(one.astype(np.int16) - other.astype(np.int16)).max())
