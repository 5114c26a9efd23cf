"""One request to the step engine and its responses, over one gRPC stream. Called by `triton.TritonEngine` only."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import tritonclient.grpc.aio as triton
from storyreel_contracts.failures import FailureKind

from storyreel_renderer.domain.ports import Accepted, CheckpointTaken, EngineEvent, Failed, Finished, Progress


@dataclass(frozen=True)
class Timeouts:
    """Seconds without a sign of life.

    The engine repeats the progress of a job that waits, so `silence` has to cover only the longest single unit of work
    (a denoise step, a decode); `answer` covers describe, cancel and the first event of a render.
    """

    answer: float = 10.0
    silence: float = 120.0


class WedgedError(Exception):
    """The server holds the connection and says nothing."""


@dataclass(frozen=True)
class Answer:
    """One response: EVENT as `body`, and the raw result for its tensors."""

    body: Mapping[str, Any]
    result: triton.InferResult

    def as_event(self) -> EngineEvent:
        """The port's word for it; an unknown kind ends the render as a contract violation, never in silence."""
        kind = self.body.get("kind")
        seconds = float(self.body.get("device_seconds", 0.0))
        event: EngineEvent = Failed(FailureKind.CONTRACT_VIOLATION, f"unknown event {kind!r} from the engine", seconds)
        match kind:
            case "accepted":
                event = Accepted()
            case "progress":
                event = Progress(int(self.body["step"]), int(self.body["steps"]), seconds)
            case "checkpoint":
                event = CheckpointTaken(self.result.as_numpy("CHECKPOINT").tobytes(), int(self.body["step"]))
            case "result":
                event = Finished(self.result.as_numpy("FRAMES"), seconds)
            case "cancelled":
                event = Failed(FailureKind.CANCELLED, "cancelled", seconds)
            case "failed":
                event = Failed(FailureKind(self.body["failure"]), str(self.body["reason"]), seconds)
        return event


class TritonStream:
    """The stream opens with the object; `cancel` must be called in the end."""

    def __init__(
        self, client: triton.InferenceServerClient, model: str, body: Mapping[str, Any], checkpoint: bytes | None = None
    ) -> None:
        self._request = {"model_name": model, "inputs": _inputs(body, checkpoint)}
        self._done = asyncio.Event()
        self._responses = client.stream_infer(self._upward())

    async def next(self, patience: float) -> Answer | None:
        """The next response, None at the stream's end.

        Raises WedgedError after `patience` seconds of silence; gRPC's and Triton's own errors pass.
        """
        try:
            result, error = await asyncio.wait_for(anext(self._responses), patience)
        except StopAsyncIteration:
            return None
        except TimeoutError as late:
            raise WedgedError(f"no sign of life for {patience:g} s") from late
        if error is not None:
            raise error
        return Answer(json.loads(result.as_numpy("EVENT").reshape(-1)[0]), result)

    def cancel(self) -> None:
        """Close the stream; without effect once it has ended."""
        self._done.set()
        self._responses.cancel()

    async def _upward(self) -> AsyncIterator[dict[str, Any]]:
        yield self._request
        # The upward half stays open until the last response: a server may take a half-closed stream for a finished one.
        await self._done.wait()


def _inputs(body: Mapping[str, Any], checkpoint: bytes | None) -> list[triton.InferInput]:
    request = triton.InferInput("REQUEST", [1], "BYTES")
    request.set_data_from_numpy(np.array([json.dumps(body).encode()], dtype=np.object_))
    if checkpoint is None:
        return [request]
    state = triton.InferInput("CHECKPOINT", [len(checkpoint)], "UINT8")
    state.set_data_from_numpy(np.frombuffer(checkpoint, dtype=np.uint8))
    return [request, state]
