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
from storyreel_contracts.brief import Tier
from storyreel_contracts.failures import FailureKind
from storyreel_contracts.plan import ModelCard
from storyreel_contracts.planning import RenderSpec

from storyreel_renderer.domain.ports import (
    Accepted,
    CheckpointTaken,
    Developed,
    EngineEvent,
    Failed,
    Finished,
    Progress,
    RenderJob,
    Running,
    ServerCard,
)
from storyreel_renderer.domain.takes import trajectory
from storyreel_renderer.domain.windows import starts

if TYPE_CHECKING:
    from storyreel_renderer.domain.ports import Frames

# Two calm colours that flow into each other: bright enough, never still, never flashing.
_FROM, _TO = np.array([46, 84, 138]), np.array([214, 178, 122])
_PICTURES_ACROSS_PERIOD = 2
_FRAMES_ACROSS_PICTURE = 128
MAX_BATCH = 4  # as if its passes took so many jobs; only the places that the renderer holds depend on it


class NullEngine:
    """One server. A step lasts `step_seconds` of the clock; what is billed follows the card, so that prices are real."""

    def __init__(self, card: ModelCard, clock: Clock, *, step_seconds: float = 0.0) -> None:
        self._card = ServerCard.model_validate({"max_batch": MAX_BATCH} | card.model_dump())
        self.clock, self._step_seconds = clock, step_seconds
        self._running: dict[str, asyncio.Event] = {}
        self.units = 0

    async def describe(self) -> ServerCard:
        """Its card, and what it does now."""
        return self._card.model_copy(update={"engine": Running(live_jobs=len(self._running), units=self.units)})

    async def cancel(self, job_id: str) -> None:
        """Stop the job before its next step."""
        if job_id in self._running:
            self._running[job_id].set()

    async def render(self, job: RenderJob, checkpoint: bytes | None = None) -> AsyncIterator[EngineEvent]:
        """Steps that do nothing but pass time, then a gradient."""
        cancelled = self._running[job.job_id] = asyncio.Event()
        try:
            first, used, goal = self._begin(job, checkpoint), 0.0, job.spec.stop_after or job.spec.steps
            yield Accepted()
            for step in range(first + 1, goal + 1):
                await self.clock.sleep(self._step_seconds)
                if cancelled.is_set():
                    yield Failed(FailureKind.CANCELLED, "cancelled", used)
                    return
                used += self._seconds_of_a_step(job)
                self.units += 1
                yield Progress(step, goal, used)
                if _hands_out(job, step):
                    yield CheckpointTaken(_checkpoint(job, step), step)
            frames = pictures(job)
            yield Developed(len(frames), used)
            begun = starts(job.spec.frames, self._window(job), self._card.window_overlap)
            yield Finished(frames, used, len(begun), tuple(begun[1:]))
        except ValueError as error:
            yield Failed(FailureKind.INVALID_INPUT, str(error))
        finally:
            self._running.pop(job.job_id, None)

    def _begin(self, job: RenderJob, checkpoint: bytes | None) -> int:
        """Steps that are already done. Raises ValueError for what this model cannot render, as a real one refuses it."""
        if job.first_frame is not None and self._card.first_frame == "none":
            raise ValueError("first_frame: this model cannot start from a picture")
        if self._window(job) < job.spec.frames and not self._card.window_overlap:
            raise ValueError(f"frames: {job.spec.frames} are more than one window, and this model makes no longer shots")
        return _resume(job, checkpoint)

    def _window(self, job: RenderJob) -> int:
        return job.window or self._card.max_frames

    def _seconds_of_a_step(self, job: RenderJob) -> float:
        stage = Tier.FINAL if job.spec.stop_after else job.tier
        return self._card.device_seconds.get(stage, 0.0) / job.spec.steps


def pictures(job: RenderJob) -> "Frames":
    """The gradient, behind the picture that the shot starts from, if one came along. A draft looks like its final."""
    frames = gradient(job.spec)
    if job.first_frame is not None:
        frames = frames.copy()
        frames[0] = job.first_frame
    return frames


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


def _hands_out(job: RenderJob, step: int) -> bool:
    if step == job.spec.stop_after:
        return True
    due = bool(job.checkpoint_every) and step % job.checkpoint_every == 0
    return due and step < (job.spec.stop_after or job.spec.steps)


def _checkpoint(job: RenderJob, step: int) -> bytes:
    return json.dumps({"step": step, "of": trajectory(job.spec, job.window)}).encode()


def _resume(job: RenderJob, checkpoint: bytes | None) -> int:
    if checkpoint is None:
        return 0
    try:
        state = json.loads(checkpoint)
    except ValueError as error:
        raise ValueError(f"checkpoint: {error}") from error
    if not isinstance(state, dict) or state.get("of") != trajectory(job.spec, job.window) or "step" not in state:
        raise ValueError("checkpoint: written for another render")
    return int(state["step"])
