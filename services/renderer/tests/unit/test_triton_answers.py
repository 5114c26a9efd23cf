"""The engine's EVENTs in the port's words, without a server."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from storyreel_contracts.brief import Tier
from storyreel_contracts.failures import FailureKind
from storyreel_contracts.plan import ModelRef
from storyreel_contracts.planning import RenderSpec
from storyreel_renderer.adapters.triton import render_body
from storyreel_renderer.adapters.triton_stream import Answer
from storyreel_renderer.domain.ports import Accepted, CheckpointTaken, EngineEvent, Failed, Finished, Progress, RenderJob

FRAMES = np.zeros((5, 16, 32, 3), dtype=np.uint8)


@dataclass
class Tensors:
    """The tensors beside an EVENT."""

    def as_numpy(self, name: str) -> npt.NDArray[np.uint8]:
        return {"FRAMES": FRAMES, "CHECKPOINT": np.frombuffer(b"state", dtype=np.uint8)}[name]


def read(body: dict[str, Any]) -> EngineEvent:
    return Answer({"step": 2, "steps": 4, "device_seconds": 1.5, **body}, Tensors()).as_event()


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


def test_a_result_carries_its_frames() -> None:
    event = read({"kind": "result"})
    assert isinstance(event, Finished)
    assert event.frames is FRAMES
    assert event.device_seconds == 1.5


def test_a_kind_that_nobody_knows_ends_the_render_as_a_contract_violation() -> None:
    event = read({"kind": "levitated"})
    assert isinstance(event, Failed)
    assert event.kind is FailureKind.CONTRACT_VIOLATION
    assert "levitated" in event.reason


def test_the_request_says_all_that_decides_the_pixels_and_the_order() -> None:
    spec = RenderSpec(
        prompt="p", width=32, height=16, frames=5, fps=16, steps=3, guidance=2.0, seed=9, model=ModelRef(name="m", version="v")
    )
    due = datetime(2026, 11, 21, tzinfo=UTC)
    assert render_body(RenderJob("j", Tier.PREVIEW, due, 2, spec)) == {
        "op": "render",
        "job_id": "j",
        "tier": "preview",
        "deadline_unix": due.timestamp(),
        "checkpoint_every": 2,
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
