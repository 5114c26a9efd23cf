"""What the step engine says about one render, in the port's words. Called by `triton.TritonEngine` only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from storyreel_contracts.failures import FailureKind
from storyreel_contracts.planning import RenderSpec

from storyreel_renderer.adapters.triton_stream import Answer
from storyreel_renderer.domain.ports import Accepted, CheckpointTaken, Developed, EngineEvent, Failed, Finished, Progress

if TYPE_CHECKING:
    from storyreel_renderer.domain.ports import Frames


class Reader:
    """Reads one render's answers in their order. Frames are gathered where they will stay: one take's memory, no more."""

    def __init__(self, spec: RenderSpec) -> None:
        self._spec = spec
        self._stop_after = spec.stop_after  # of a draft the engine tells the steps of the whole schedule
        self._frames: Frames = np.empty((0, spec.height, spec.width, 3), np.uint8)
        self._have = 0

    def read(self, answer: Answer) -> EngineEvent:
        """The port's word for it; an unknown kind ends the render as a contract violation, never in silence."""
        body = answer.body
        seconds = float(body.get("device_seconds", 0.0))
        match body.get("kind"):
            case "accepted":
                return Accepted()
            case "progress":
                return Progress(int(body["step"]), self._stop_after or int(body["steps"]), seconds)
            case "checkpoint":
                return CheckpointTaken(answer.result.as_numpy("CHECKPOINT").tobytes(), int(body["step"]))
            case "frames":
                return self._gather(answer.result.as_numpy("FRAMES"), int(body["first"]), seconds)
            case "result":
                seams = tuple(int(frame) for frame in body.get("seams", ()))
                return Finished(self._frames[: self._have], seconds, int(body.get("windows", 1)), seams)
            case _:
                return _failure(body, seconds)

    def _gather(self, chunk: Frames, first: int, seconds: float) -> EngineEvent:
        if not self._have:
            self._frames = np.empty((self._spec.frames, self._spec.height, self._spec.width, 3), np.uint8)
        until = first + len(chunk)
        if chunk.shape[1:] != self._frames.shape[1:] or until > len(self._frames):
            reason = f"frames {first} to {until} of shape {chunk.shape[1:]} for a take of {self._frames.shape}"
            return Failed(FailureKind.MODEL_FAULT, reason, seconds)
        if first != self._have:
            reason = f"frame {first} came where {self._have} was next"
            return Failed(FailureKind.CONTRACT_VIOLATION, reason, seconds)
        self._frames[first:until] = chunk
        self._have = until
        return Developed(until, seconds)


def _failure(body: Mapping[str, Any], seconds: float) -> Failed:
    match body.get("kind"):
        case "cancelled":
            return Failed(FailureKind.CANCELLED, "cancelled", seconds)
        case "failed":
            drained = bool(body.get("drained", False))
            return Failed(FailureKind(body["failure"]), str(body["reason"]), seconds, drained)
        case kind:
            return Failed(FailureKind.CONTRACT_VIOLATION, f"unknown event {kind!r} from the engine", seconds)
