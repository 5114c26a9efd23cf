"""The device's own meter: an engine that writes down each step it makes. The bill is the renderer's word, this is not.

One line of JSON per job and step, appended in one write, so that lines of several processes never mix and a SIGKILL loses none
but the one under way.
"""

import json
import os
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from records import Step
from storyreel_renderer.domain.ports import EngineEvent, Progress, RenderEngine, RenderJob, ServerCard
from storyreel_renderer.domain.takes import trajectory


class MeteredEngine:
    """An engine and its meter."""

    def __init__(self, inner: RenderEngine, book: Path) -> None:
        self._inner = inner
        self._book = os.open(book, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    async def describe(self) -> ServerCard:
        """The inner engine's card."""
        return await self._inner.describe()

    async def cancel(self, job_id: str) -> None:
        """Stop a job before its next step."""
        await self._inner.cancel(job_id)

    async def render(self, job: RenderJob, checkpoint: bytes | None = None) -> AsyncIterator[EngineEvent]:
        """The inner engine's events; job and steps go into the book first."""
        path, before = trajectory(job.spec, job.window), 0.0
        self._write(job, path, 0, 0.0)
        async for event in self._inner.render(job, checkpoint):
            if isinstance(event, Progress):
                self._write(job, path, event.step, event.device_seconds - before)
                before = event.device_seconds
            yield event

    def _write(self, job: RenderJob, path: str, step: int, seconds: float) -> None:
        line = {
            "path": path,
            "step": step,
            "job": f"{os.getpid()}/{job.job_id}",
            "at_ms": int(time.time() * 1000),
            "seconds": seconds,
        }
        os.write(self._book, json.dumps(line).encode() + b"\n")


def steps(book: Path) -> Iterator[Step]:
    """What the book says."""
    for line in book.read_text().splitlines() if book.exists() else ():
        yield Step(**json.loads(line))
