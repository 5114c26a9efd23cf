"""`RenderEngine` on a Triton server that serves the step engine (wire contract: engine/README.md).

Called by the renderer's dispatch, one instance per server. One render is one bidirectional gRPC stream: the request
goes up, events come down. Closing the stream is the cancel that cannot be lost: the engine sees it at its next step.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

import grpc
import tritonclient.grpc.aio as triton
from storyreel_contracts.failures import FailureKind
from tritonclient.utils import InferenceServerException

from storyreel_renderer.adapters.triton_answers import Reader
from storyreel_renderer.adapters.triton_stream import Question, Timeouts, TritonStream, WedgedError
from storyreel_renderer.domain.ports import (
    Accepted,
    Developed,
    EngineEvent,
    Failed,
    Finished,
    Progress,
    RenderJob,
    ServerCard,
)

MODEL = "storyreel_video"
_CHANNEL = [
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    # A restarted server is found again within seconds; gRPC alone would back off for up to two minutes.
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    # No keepalive pings: the server counts frequent ones as abuse, and the silence timeout notices a vanished host.
]


class TritonEngine:
    """Implements `domain.ports.RenderEngine`. Connects on first use; use and close it on one event loop."""

    def __init__(self, url: str, *, model: str = MODEL, timeouts: Timeouts | None = None) -> None:
        self._url = url
        self._model = model
        self._timeouts = timeouts or Timeouts()
        self._connected: triton.InferenceServerClient | None = None

    async def describe(self) -> ServerCard:
        """The server's card. Raises ConnectionError while it cannot be reached or is not ready."""
        return ServerCard.model_validate(await self._ask({"op": "describe"}, "card"))

    async def cancel(self, job_id: str) -> None:
        """Stop the job before its next step. Raises ConnectionError when the server cannot be told."""
        await self._ask({"op": "cancel", "job_id": job_id}, "acknowledged")

    async def render(self, job: RenderJob, checkpoint: bytes | None = None) -> AsyncIterator[EngineEvent]:
        """Stream the job's events; what goes wrong is told as `Failed`, see the port."""
        last = Progress(0, job.spec.steps, 0.0)
        used, accepted, patience = 0.0, False, self._timeouts.answer
        reader = Reader(job.spec)
        stream = TritonStream(self._client(), self._model, Question(render_body(job), checkpoint, job.first_frame))
        try:
            while (answer := await stream.next(patience)) is not None:
                event = reader.read(answer)
                patience = self._timeouts.silence
                accepted = accepted or isinstance(event, Accepted)
                last = event if isinstance(event, Progress) else last
                used = event.device_seconds if isinstance(event, Progress | Developed) else used
                yield event
                if isinstance(event, Finished | Failed):
                    return
            yield Failed(FailureKind.DEVICE_LOST, "the stream ended without a result", used)
        except (grpc.RpcError, InferenceServerException) as error:
            kind = FailureKind.DEVICE_LOST if accepted else FailureKind.DEPENDENCY_DOWN
            yield Failed(kind, f"{self._url}: {_words(error)}", used)
        except WedgedError as error:
            yield Failed(FailureKind.TIMEOUT, f"{self._url}: {error} at step {last.step}", used)
        finally:
            stream.cancel()

    async def close(self) -> None:
        """Close the connection; streams that are still open end."""
        if self._connected is not None:
            await self._connected.close()
            self._connected = None

    def _client(self) -> triton.InferenceServerClient:
        if self._connected is None:
            self._connected = triton.InferenceServerClient(self._url, channel_args=_CHANNEL)
        return self._connected

    async def _ask(self, body: Mapping[str, Any], expected: str) -> dict[str, Any]:
        stream = TritonStream(self._client(), self._model, Question(body))
        try:
            answer = await stream.next(self._timeouts.answer)
        except (grpc.RpcError, InferenceServerException, WedgedError) as error:
            raise ConnectionError(f"{self._url}: {_words(error)}") from error
        finally:
            stream.cancel()
        if answer is None or answer.body.get("kind") != expected:
            raise ConnectionError(f"{self._url}: {answer and answer.body} is no answer to {body['op']}")
        return dict(answer.body)


def render_body(job: RenderJob) -> dict[str, Any]:
    """The REQUEST of a render."""
    fields = {"prompt", "negative_prompt", "width", "height", "frames", "fps", "steps", "guidance", "seed", "stop_after"}
    return {
        "op": "render",
        "job_id": job.job_id,
        "tier": job.tier.value,
        "deadline_unix": None if job.deadline is None else job.deadline.timestamp(),
        "checkpoint_every": job.checkpoint_every,
        "share": job.share,
        "window": job.window,
        "model_version": job.spec.model.version,
        **job.spec.model_dump(mode="json", include=fields),
        **({"lora": job.spec.lora.name, "lora_scale": job.spec.lora.scale} if job.spec.lora else {}),
    }


def _words(error: BaseException) -> str:
    if isinstance(error, grpc.aio.AioRpcError):
        return f"{error.code().name}: {error.details()}"
    return str(error)
