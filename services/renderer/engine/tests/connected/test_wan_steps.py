"""The cut-up Wan pipeline gives the very bits of diffusers' own `__call__`, also interleaved, and also when resumed."""

# ruff: noqa: E402 - what follows can only be imported where torch is

import pytest

pytest.importorskip("torch", reason="torch is only in the engine's environment (.venv-engine)")
pytestmark = pytest.mark.connected

from typing import Any

import numpy as np
import torch
from diffusers import FlowMatchEulerDiscreteScheduler, UniPCMultistepScheduler, WanPipeline
from engine_fakes import CARD, request
from storyreel_engine import checkpoint as ckpt
from storyreel_engine.failures import InvalidInputError, ModelFaultError
from storyreel_engine.ports import Frames
from storyreel_engine.tiny import build_tiny
from storyreel_engine.wan import WanAdapter, WanState
from storyreel_engine.wire import RenderRequest

CPU = torch.device("cpu")
SMALL: dict[str, Any] = {"width": 64, "height": 48, "frames": 9, "steps": 4}
FLOW = {"prediction_type": "flow_prediction", "use_flow_sigmas": True, "flow_shift": 3.0}

SCHEDULERS = {
    "unipc": lambda: UniPCMultistepScheduler(**FLOW),
    "unipc, third order": lambda: UniPCMultistepScheduler(solver_order=3, **FLOW),
    "euler": lambda: FlowMatchEulerDiscreteScheduler(shift=3.0),
}


def pipeline(scheduler: str = "unipc", *, experts: bool = False) -> WanPipeline:
    """A tiny pipeline; with `experts` the two networks of Wan 2.2, which share the work at 90 % noise."""
    pipe = build_tiny()
    pipe.scheduler = SCHEDULERS[scheduler]()
    if experts:
        pipe.register_modules(transformer_2=build_tiny(seed=1).transformer)
        pipe.register_to_config(boundary_ratio=0.9)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def whole(pipe: WanPipeline, asked: RenderRequest) -> Frames:
    """What diffusers itself renders, brought to 8 bit as diffusers does it."""
    video = pipe(
        prompt=asked.prompt,
        negative_prompt=asked.negative_prompt,
        width=asked.width,
        height=asked.height,
        num_frames=asked.frames,
        num_inference_steps=asked.steps,
        guidance_scale=asked.guidance,
        generator=torch.Generator("cpu").manual_seed(asked.seed),
        output_type="np",
    ).frames[0]
    frames: Frames = (video * 255).round().astype(np.uint8)
    return frames


def stepped(wan: WanAdapter, state: WanState) -> Frames:
    """Step to the end and decode."""
    while state.step < state.steps:
        wan.step(state)
    return wan.decode(state)


@pytest.mark.parametrize("guidance", [1.0, 5.0])
@pytest.mark.parametrize("experts", [False, True], ids=["one network", "two experts"])
@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_step_by_step_equals_the_pipelines_own_call_bit_for_bit(scheduler: str, experts: bool, guidance: float) -> None:
    asked = request(**SMALL, guidance=guidance, negative_prompt="blurry")
    expected = whole(pipeline(scheduler, experts=experts), asked)
    wan = WanAdapter(pipeline(scheduler, experts=experts), CARD, CPU)
    frames = stepped(wan, wan.prepare(asked))
    assert frames.dtype == np.uint8
    assert frames.shape == (9, 48, 64, 3)
    assert (frames == expected).all()


def test_the_comparison_would_see_another_seed_another_prompt_and_a_missing_step() -> None:
    wan = WanAdapter(pipeline(), CARD, CPU)
    base = stepped(wan, wan.prepare(request(**SMALL)))
    assert (stepped(wan, wan.prepare(request(**SMALL, seed=8))) != base).any()
    assert (stepped(wan, wan.prepare(request(**SMALL, prompt="a green hat"))) != base).any()
    state = wan.prepare(request(**SMALL))
    for _ in range(3):
        wan.step(state)
    assert (wan.decode(state) != base).any()


def test_jobs_that_take_turns_do_not_touch_each_other() -> None:
    wan = WanAdapter(pipeline(), CARD, CPU)
    first, second = request("a", **SMALL), request("b", **{**SMALL, "steps": 6, "seed": 9, "width": 48})
    alone = [stepped(wan, wan.prepare(asked)) for asked in (first, second)]
    states = [wan.prepare(first), wan.prepare(second)]
    for turn in range(6):
        for state in states:
            if turn < state.steps:
                wan.step(state)
    assert (wan.decode(states[0]) == alone[0]).all()
    assert (wan.decode(states[1]) == alone[1]).all()


@pytest.mark.parametrize("after", [0, 1, 2, 3, 4])
@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_a_job_resumed_on_another_server_gives_the_same_bits(scheduler: str, after: int) -> None:
    asked = request(**SMALL)
    here, there = (WanAdapter(pipeline(scheduler), CARD, CPU) for _ in range(2))
    state = here.prepare(asked)
    for _ in range(after):
        here.step(state)
    saved = here.save(state)
    resumed = there.restore(asked, saved)
    assert resumed.step == after
    assert (stepped(there, resumed) == stepped(here, state)).all()


def test_without_the_solvers_history_a_resumed_job_would_differ() -> None:
    asked = request(**SMALL)
    wan = WanAdapter(pipeline(), CARD, CPU)
    state = wan.prepare(asked)
    for _ in range(2):
        wan.step(state)
    resumed = wan.restore(asked, wan.save(state))
    resumed.scheduler.model_outputs = [None, None]
    resumed.scheduler.lower_order_nums = 0
    resumed.scheduler.last_sample = None
    assert (stepped(wan, resumed) != stepped(wan, state)).any()


def test_a_checkpoint_holds_no_code_and_is_about_as_big_as_its_latents() -> None:
    wan = WanAdapter(pipeline(), CARD, CPU)
    state = wan.prepare(request(**SMALL))
    for _ in range(3):
        wan.step(state)
    saved = wan.save(state)
    latents = state.latents.numel() * 4
    # Latents, the solver's two outputs and its last sample; beside them the random stream and the noise schedule.
    assert len(saved) < 4 * latents + 40_000
    assert saved[8:9] == b"{"


def test_a_checkpoint_of_another_request_or_model_is_refused_by_what_differs() -> None:
    wan = WanAdapter(pipeline(), CARD, CPU)
    saved = wan.save(wan.prepare(request(**SMALL)))
    with pytest.raises(InvalidInputError, match="checkpoint: request is"):
        wan.restore(request(**SMALL, seed=8), saved)
    other = WanAdapter(pipeline(), CARD.__class__(**{**CARD.to_json(), "version": "v2"}), CPU)
    with pytest.raises(InvalidInputError, match="checkpoint: model_version is"):
        other.restore(request(**SMALL), saved)


@pytest.mark.parametrize("damage", [b"", b"\x00" * 8, b"junk" * 100])
def test_damaged_checkpoints_are_refused(damage: bytes) -> None:
    with pytest.raises(InvalidInputError, match="checkpoint: damaged"):
        ckpt.unpack(damage)


def test_a_truncated_checkpoint_is_refused_wherever_it_was_cut() -> None:
    wan = WanAdapter(pipeline(), CARD, CPU)
    saved = wan.save(wan.prepare(request(**SMALL)))
    for length in range(0, len(saved), max(1, len(saved) // 40)):
        with pytest.raises(InvalidInputError, match="checkpoint: damaged"):
            ckpt.unpack(saved[:length])


def test_values_that_are_not_finite_are_a_model_fault_and_no_picture() -> None:
    pipe = pipeline()
    with torch.no_grad():
        pipe.transformer.proj_out.weight.fill_(float("nan"))
    wan = WanAdapter(pipe, CARD, CPU)
    with pytest.raises(ModelFaultError, match="not finite"):
        stepped(wan, wan.prepare(request(**SMALL)))
