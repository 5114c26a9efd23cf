"""The one client process: a gRPC stream per render, for every side alike; times are monotonic seconds, as in the ledger."""

import asyncio
import hashlib
import json
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import grpc
import numpy as np
import tritonclient.grpc.aio as triton

from engine.workloads import Job

OPEN_ENDED = ("result", "cancelled", "failed")


@dataclass
class Outcome:
    """What the client of one render saw. `checkpoint` is the last one received, `checkpoint_step` its step."""

    job: Job
    sent: float
    done: float = 0.0
    kind: str = "lost"
    pictures: str = ""
    checkpoint: bytes | None = None
    checkpoint_step: int = 0
    reason: str = ""
    seen: dict[str, int] = field(default_factory=dict)

    @property
    def latency(self) -> float:
        """Seconds from request to last picture."""
        return self.done - self.sent


Watch = Callable[[Outcome, dict[str, Any]], None]


class Client:
    """Connects on first use; use and close it on one event loop."""

    def __init__(self, url: str) -> None:
        self._client = triton.InferenceServerClient(url, channel_args=[("grpc.max_receive_message_length", -1)])

    async def close(self) -> None:
        """Streams that are still open end."""
        await self._client.close()

    async def ours(self, model: str, job: Job, *, checkpoint: bytes | None = None, watch: Watch | None = None) -> Outcome:
        """Render on the step engine; `watch` sees every event. A broken stream is an outcome too (`lost`)."""
        outcome = Outcome(job, time.monotonic())
        digest = hashlib.sha256()
        try:
            async for result in self._stream(model, job.body(), checkpoint=checkpoint):
                event = json.loads(result.as_numpy("EVENT").reshape(-1)[0])
                _note(outcome, event, result, digest)
                if watch is not None:
                    watch(outcome, event)
                if event["kind"] in OPEN_ENDED:
                    break
        except (triton.InferenceServerException, grpc.RpcError) as error:
            outcome.reason = str(error)
        outcome.done = time.monotonic()
        outcome.pictures = digest.hexdigest()
        return outcome

    async def whole(self, model: str, job: Job) -> Outcome:
        """Render on a baseline; a preview has the higher of Triton's two priorities (B's batcher knows none)."""
        outcome = Outcome(job, time.monotonic())
        options: dict[str, Any] = {"priority": 1 if job.tier == "preview" else 2} if model.startswith("a_") else {}
        async for result in self._stream(model, job.body(), shape=[1, 1], **options):
            outcome.pictures = hashlib.sha256(result.as_numpy("FRAMES").tobytes()).hexdigest()
            outcome.kind = "result"
            break
        outcome.done = time.monotonic()
        return outcome

    async def cancel(self, model: str, job_id: str) -> bool:
        """Say cancel; whether the engine knew the job."""
        async for result in self._stream(model, {"op": "cancel", "job_id": job_id}):
            return bool(json.loads(result.as_numpy("EVENT").reshape(-1)[0])["found"])
        return False

    async def _stream(
        self,
        model: str,
        body: dict[str, object],
        *,
        checkpoint: bytes | None = None,
        shape: Sequence[int] = (1,),
        **options: Any,
    ) -> AsyncIterator[Any]:
        done = asyncio.Event()
        request = {"model_name": model, "inputs": _inputs(body, checkpoint, shape), **options}

        async def upward() -> AsyncIterator[dict[str, Any]]:
            yield request
            await done.wait()

        responses = self._client.stream_infer(upward())
        try:
            async for result, error in responses:
                if error is not None:
                    raise error
                yield result
        finally:
            done.set()
            responses.cancel()


def _inputs(body: dict[str, object], checkpoint: bytes | None, shape: Sequence[int]) -> list[Any]:
    request = triton.InferInput("REQUEST", list(shape), "BYTES")
    request.set_data_from_numpy(np.array([json.dumps(body).encode()], dtype=np.object_).reshape(shape))
    if checkpoint is None:
        return [request]
    state = triton.InferInput("CHECKPOINT", [len(checkpoint)], "UINT8")
    state.set_data_from_numpy(np.frombuffer(checkpoint, dtype=np.uint8))
    return [request, state]


def _note(outcome: Outcome, event: dict[str, Any], result: Any, digest: Any) -> None:
    kind = event["kind"]
    outcome.seen[kind] = outcome.seen.get(kind, 0) + 1
    if kind == "checkpoint":
        outcome.checkpoint, outcome.checkpoint_step = result.as_numpy("CHECKPOINT").tobytes(), event["step"]
    elif kind == "frames":
        digest.update(result.as_numpy("FRAMES").tobytes())
    elif kind in OPEN_ENDED:
        outcome.kind, outcome.reason = kind, event.get("reason", "")
