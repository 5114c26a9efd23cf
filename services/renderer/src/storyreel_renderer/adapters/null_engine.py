"""`RenderEngine` without a model: plain moving gradients at once, for tests, benches and chaos. Chosen by setting only.

It keeps the port's whole promise (progress, checkpoints, resume, cancel), so that everything around a model can be
tried and measured without one. It is never a fallback: a film rendered by it says so in its model, `null`.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import numpy as np
from storyreel_chassis.clock import Clock
from storyreel_contracts.failures import FailureKind
from storyreel_contracts.plan import ModelCard
from storyreel_contracts.planning import RenderSpec

from storyreel_renderer.domain.ports import (
    Accepted,
    CheckpointTaken,
    EngineEvent,
    Failed,
    Finished,
    Progress,
    RenderJob,
)

if TYPE_CHECKING:
    from storyreel_renderer.domain.ports import Frames

# Two calm colours that flow into each other: bright enough, never still, never flashing.
_FROM, _TO = np.array([46, 84, 138]), np.array([214, 178, 122])
_PICTURES_ACROSS_PERIOD = 2
_FRAMES_ACROSS_PICTURE = 128


class NullEngine:
    """One server. A step lasts `step_seconds` of the clock; what is billed follows the card, so that prices are real."""

    def __init__(self, card: ModelCard, clock: Clock, *, step_seconds: float = 0.0) -> None:
        self._card, self._clock, self._step_seconds = card, clock, step_seconds
        self._running: dict[str, asyncio.Event] = {}

    async def describe(self) -> ModelCard:
        """Its card."""
        return self._card

    async def cancel(self, job_id: str) -> None:
        """Stop the job before its next step."""
        if job_id in self._running:
            self._running[job_id].set()

    async def render(self, job: RenderJob, checkpoint: bytes | None = None) -> AsyncIterator[EngineEvent]:
        """Steps that do nothing but pass time, then a gradient."""
        cancelled = self._running[job.job_id] = asyncio.Event()
        try:
            yield Accepted()
            first, used, steps = _resume(job, checkpoint), 0.0, job.spec.steps
            for step in range(first + 1, steps + 1):
                await self._clock.sleep(self._step_seconds)
                if cancelled.is_set():
                    yield Failed(FailureKind.CANCELLED, "cancelled", used)
                    return
                used += self._card.device_seconds.get(job.tier, 0.0) / steps
                yield Progress(step, steps, used)
                if job.checkpoint_every and step < steps and step % job.checkpoint_every == 0:
                    yield CheckpointTaken(_checkpoint(job, step), step)
            yield Finished(gradient(job.spec), used)
        except ValueError as error:
            yield Failed(FailureKind.INVALID_INPUT, f"checkpoint: {error}")
        finally:
            self._running.pop(job.job_id, None)


def gradient(spec: RenderSpec) -> "Frames":
    """Frames of `spec`'s size, uint8 (frames, height, width, 3); the seed sets only where the gradient starts."""
    period = _PICTURES_ACROSS_PERIOD * spec.width
    wave = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(period + spec.width) / period)
    strip = np.rint(_FROM + wave[:, None] * (_TO - _FROM)).astype(np.uint8).ravel()
    # Every row of every frame is a piece of one strip: rows and frames only start further on.
    starts = np.arange(spec.height)[None, :] // 2 + np.arange(spec.frames)[:, None] * max(
        spec.width // _FRAMES_ACROSS_PICTURE, 1
    )
    rows = np.lib.stride_tricks.sliding_window_view(strip, spec.width * 3)
    pictures: Frames = rows[(starts + spec.seed) % period * 3].reshape(spec.frames, spec.height, spec.width, 3)
    return pictures


def _checkpoint(job: RenderJob, step: int) -> bytes:
    return json.dumps({"step": step, "seed": job.spec.seed}).encode()


def _resume(job: RenderJob, checkpoint: bytes | None) -> int:
    if checkpoint is None:
        return 0
    state = json.loads(checkpoint)
    if not isinstance(state, dict) or state.get("seed") != job.spec.seed or "step" not in state:
        raise ValueError("written for another render")
    return int(state["step"])
