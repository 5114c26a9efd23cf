"""The engine's EVENTs in the port's words, without a server."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from storyreel_contracts.brief import Lora, Tier
from storyreel_contracts.failures import FailureKind
from storyreel_contracts.plan import ModelRef
from storyreel_contracts.planning import RenderSpec
from storyreel_renderer.adapters.triton import render_body
from storyreel_renderer.adapters.triton_answers import Reader
from storyreel_renderer.adapters.triton_stream import Answer, Question
from storyreel_renderer.domain.ports import (
    Accepted,
    CheckpointTaken,
    Developed,
    EngineEvent,
    Failed,
    Finished,
    Progress,
    RenderJob,
)

SPEC = RenderSpec(
    prompt="p", width=32, height=16, frames=5, fps=16, steps=3, guidance=2.0, seed=9, model=ModelRef(name="m", version="v")
)
TAKE = np.random.default_rng(1).integers(0, 256, (5, 16, 32, 3), dtype=np.uint8)


@dataclass
class Tensors:
    """The tensors beside an EVENT."""

    frames: npt.NDArray[np.uint8] = field(default_factory=lambda: TAKE)

    def as_numpy(self, name: str) -> npt.NDArray[np.uint8]:
        return {"FRAMES": self.frames, "CHECKPOINT": np.frombuffer(b"state", dtype=np.uint8)}[name]


def said(reader: Reader, frames: npt.NDArray[np.uint8] = TAKE, **body: Any) -> EngineEvent:
    return reader.read(Answer({"step": 2, "steps": 4, "device_seconds": 1.5, **body}, Tensors(frames)))


def read(body: dict[str, Any]) -> EngineEvent:
    return said(Reader(SPEC), **body)


@pytest.mark.parametrize(
    ("body", "event"),
    [
        ({"kind": "accepted"}, Accepted()),
        ({"kind": "progress"}, Progress(2, 4, 1.5)),
        ({"kind": "checkpoint"}, CheckpointTaken(b"state", 2)),
        ({"kind": "cancelled"}, Failed(FailureKind.CANCELLED, "cancelled", 1.5)),
        (
            {"kind": "failed", "failure": "out_of_memory", "reason": "no room"},
            Failed(FailureKind.OUT_OF_MEMORY, "no room", 1.5),
        ),
        ({"kind": "failed", "failure": "later kind", "reason": "?"}, Failed(FailureKind.UNKNOWN, "?", 1.5)),
    ],
)
def test_each_kind_has_its_word(body: dict[str, Any], event: EngineEvent) -> None:
    assert read(body) == event


def test_chunks_of_frames_become_one_take() -> None:
    reader = Reader(SPEC)
    assert said(reader, TAKE[:2], kind="frames", first=0) == Developed(2, 1.5)
    assert said(reader, TAKE[2:], kind="frames", first=2) == Developed(5, 1.5)
    event = said(reader, kind="result", windows=2, seams=[3])
    assert isinstance(event, Finished)
    assert np.array_equal(event.frames, TAKE)
    assert (event.device_seconds, event.windows, event.seams) == (1.5, 2, (3,))


def test_a_take_is_held_once_however_many_chunks_it_comes_in() -> None:
    reader = Reader(SPEC)
    said(reader, TAKE[:2], kind="frames", first=0)
    room = reader._frames
    said(reader, TAKE[2:], kind="frames", first=2)
    event = said(reader, kind="result")
    assert isinstance(event, Finished)
    assert np.shares_memory(event.frames, room)


@pytest.mark.parametrize(
    ("chunk", "first", "kind"),
    [
        (TAKE[1:2], 1, FailureKind.CONTRACT_VIOLATION),
        (TAKE[:, :8], 0, FailureKind.MODEL_FAULT),
        (np.concatenate([TAKE, TAKE]), 0, FailureKind.MODEL_FAULT),
    ],
    ids=["a gap", "another size", "too many"],
)
def test_frames_that_do_not_fit_end_the_render(chunk: npt.NDArray[np.uint8], first: int, kind: FailureKind) -> None:
    event = said(Reader(SPEC), chunk, kind="frames", first=first)
    assert isinstance(event, Failed)
    assert (event.kind, event.device_seconds) == (kind, 1.5)


def test_a_result_without_all_its_frames_shows_how_many_came() -> None:
    reader = Reader(SPEC)
    said(reader, TAKE[:2], kind="frames", first=0)
    event = said(reader, kind="result")
    assert isinstance(event, Finished)
    assert len(event.frames) == 2


def test_a_server_that_was_asked_to_stop_says_so() -> None:
    event = read({"kind": "failed", "failure": "device_lost", "reason": "stopping", "drained": True})
    assert event == Failed(FailureKind.DEVICE_LOST, "stopping", 1.5, drained=True)


def test_a_draft_tells_its_progress_towards_its_own_end() -> None:
    draft = SPEC.model_copy(update={"stop_after": 2})
    assert said(Reader(draft), kind="progress") == Progress(2, 2, 1.5)


def test_a_kind_that_nobody_knows_ends_the_render_as_a_contract_violation() -> None:
    event = read({"kind": "levitated"})
    assert isinstance(event, Failed)
    assert event.kind is FailureKind.CONTRACT_VIOLATION
    assert "levitated" in event.reason


def test_the_request_says_all_that_decides_the_pixels_and_the_order() -> None:
    due = datetime(2026, 11, 21, tzinfo=UTC)
    assert render_body(RenderJob("j", Tier.PREVIEW, due, 2, SPEC, share="ab12", window=5)) == {
        "op": "render",
        "job_id": "j",
        "tier": "preview",
        "deadline_unix": due.timestamp(),
        "checkpoint_every": 2,
        "share": "ab12",
        "window": 5,
        "stop_after": 0,
        "model_version": "v",
        "prompt": "p",
        "negative_prompt": "",
        "width": 32,
        "height": 16,
        "frames": 5,
        "fps": 16,
        "steps": 3,
        "guidance": 2.0,
        "seed": 9,
    }


def test_a_lora_is_asked_for_by_name_and_strength() -> None:
    body = render_body(RenderJob("j", Tier.FINAL, None, 0, SPEC.model_copy(update={"lora": Lora(name="ink", scale=0.5)})))
    assert (body["lora"], body["lora_scale"]) == ("ink", 0.5)


def test_pictures_and_states_go_up_as_plain_bytes() -> None:
    plain = Question({"op": "describe"}).inputs()
    assert [tensor.name() for tensor in plain] == ["REQUEST"]
    full = Question({"op": "render"}, b"state", TAKE[0, :, ::-1]).inputs()
    assert [(t.name(), t.shape(), t.datatype()) for t in full] == [
        ("REQUEST", [1], "BYTES"),
        ("CHECKPOINT", [5], "UINT8"),
        ("FIRST_FRAME", [16, 32, 3], "UINT8"),
    ]
