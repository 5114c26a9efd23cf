"""One request to the step engine and its responses, over one gRPC stream. Called by `triton.TritonEngine` only."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import tritonclient.grpc.aio as triton

if TYPE_CHECKING:
    from storyreel_renderer.domain.ports import Frames


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


@dataclass(frozen=True, eq=False)
class Question:
    """What goes up: REQUEST as `body`, and the tensors that may come along."""

    body: Mapping[str, Any]
    checkpoint: bytes | None = None
    first_frame: Frames | None = None

    def inputs(self) -> list[triton.InferInput]:
        """As Triton takes it."""
        request = triton.InferInput("REQUEST", [1], "BYTES")
        request.set_data_from_numpy(np.array([json.dumps(self.body).encode()], dtype=np.object_))
        state = None if self.checkpoint is None else np.frombuffer(self.checkpoint, dtype=np.uint8)
        beside = {"CHECKPOINT": state, "FIRST_FRAME": self.first_frame}
        return [request, *(_bytes(name, values) for name, values in beside.items() if values is not None)]


@dataclass(frozen=True)
class Answer:
    """One response: EVENT as `body`, and the raw result for its tensors."""

    body: Mapping[str, Any]
    result: triton.InferResult


class TritonStream:
    """The stream opens with the object; `cancel` must be called in the end."""

    def __init__(self, client: triton.InferenceServerClient, model: str, question: Question) -> None:
        self._request = {"model_name": model, "inputs": question.inputs()}
        self._done = asyncio.Event()
        self._responses = client.stream_infer(self._upward())

    async def next(self, patience: float) -> Answer | None:
        """The next response, None at the stream's end.

        Raises WedgedError after `patience` seconds of silence; gRPC's and Triton's own errors pass.
        """
        try:
            # Not wait_for, which on Python 3.11 loses a cancel that comes in the moment of an answer: closing would hang.
            async with asyncio.timeout(patience):
                result, error = await anext(self._responses)
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


def _bytes(name: str, values: Frames) -> triton.InferInput:
    tensor = triton.InferInput(name, list(values.shape), "UINT8")
    tensor.set_data_from_numpy(np.ascontiguousarray(values))
    return tensor
