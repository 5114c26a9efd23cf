"""What the rooms work with in a simulation: quick hands that answer as the real ones would, and render servers that count.

What a hand answers for one input is kept in the store, first writer wins, as the real rooms keep it.
"""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from storyreel_assembler.domain.work import Assemble, Cut, Dropped, Published
from storyreel_chassis.errors import Transient
from storyreel_chassis.work import Context
from storyreel_continuity.domain.readings import Measured, Reading
from storyreel_contracts import FailureKind, Finding, PolicyRef, Provenance, Rendition, Segment, Severity
from storyreel_contracts.decisions import Task
from storyreel_contracts.ids import outcome_key
from storyreel_renderer.cards import null_card
from storyreel_renderer.domain.ports import (
    Accepted,
    CheckpointTaken,
    EngineEvent,
    Failed,
    Finished,
    Progress,
    RenderJob,
    Running,
    ServerCard,
)
from storyreel_safety.domain.screening import Screening
from storyreel_safety.domain.words import Mark

if TYPE_CHECKING:
    from storyreel_renderer.domain.ports import Frames

STEP_S = 2.0
READING = Reading(lightness=50, a=0, b=0, exposure=0, swatches=[], motion=None)


@dataclass
class Luck:
    """Chances that a hand fails for now, that a render breaks, that a screening asks a person, that it blocks."""

    hand_fails: float = 0.0
    render_fails: float = 0.0
    asks: float = 0.0
    blocks: float = 0.0


class Hands:
    """The performers of safety, continuity and assembler."""

    def __init__(self, store: Any, chance: random.Random, luck: Luck) -> None:
        self._store, self._chance, self._luck = store, chance, luck

    async def perform(self, task: Task, context: Context) -> Any:
        """Screen, measure, cut or publish; now and then fail for now."""
        await asyncio.sleep(self._chance.random() * 2)
        if self._chance.random() < self._luck.hand_fails:
            raise Transient(FailureKind.TIMEOUT, "the dice")
        match task.work:
            case Assemble() as work:
                return await self._cut(work)
            case work if type(work).__name__ == "Publish":
                return await self._publish(work)
            case work if type(work).__name__.startswith("Screen"):
                return await self._screen(f"{context.event.film_id}/{task.key}")
        return Measured(reading=READING, evidence=None)

    async def _screen(self, what: str) -> Screening:
        dice, luck = self._chance.random(), self._luck
        wish = "block" if dice < luck.blocks else "review" if dice < luck.blocks + luck.asks else ""
        kept = (await self._store.remember(f"screenings/{what}", wish.encode() or b"clear")).decode()
        policy = PolicyRef(id="default", version="1")
        if kept == "clear":
            return Screening(policy=policy)
        found = Finding(rule="dice", category="chance", severity=Severity(kept), where="", explanation="the dice")
        return Screening(policy=policy, marks=[Mark(finding=found, about=what)], review_due_s=3_600)

    async def _cut(self, work: Assemble) -> Cut:
        made = await self._store.put(work.cut.cut_key.encode(), "video/mp4")
        size = {"width": 1280, "height": 720, "frames": work.plan.frames, "fps": work.plan.fps}
        segments = [Segment(shot_id=s.shot_id, aspect="16:9", key=s.key, artifact=made, frames=1) for s in work.cut.shots]
        return Cut(
            tier=work.cut.tier, renditions=[Rendition(aspect="16:9", artifact=made, **size)], segments=segments,
            captions=made, timeline=made, thumbnail=made, takes={},
        )  # fmt: skip

    async def _publish(self, work: Any) -> Published | Dropped:
        claimed = await self._store.remember(outcome_key(work.film_id, work.cut.version), b"published")
        if claimed != b"published":
            return Dropped(reason="another fact ended the version")
        made = await self._store.put(b"film", "video/mp4")
        mine = Published(
            cut_key=work.cut.cut_key, files={"film-16x9.mp4": made},
            provenance=Provenance(state="Trusted", issuer="x", signed=[]), cost_micros=0,
        )  # fmt: skip
        kept = await self._store.remember(f"films/{work.film_id}/{work.cut.version}", mine.model_dump_json().encode())
        return Published.model_validate_json(kept)


@dataclass
class RenderServer:
    """A render server that outlives the renderer's processes; writes down what two of them pay for at the same time."""

    chance: random.Random
    luck: Luck
    paying: Counter[str]  # renders of one spec that run at the moment, on all servers together
    doubled: list[str]
    up: bool = True
    units: int = 0
    _cancelled: set[str] = field(default_factory=set)

    async def describe(self) -> ServerCard:
        """The null model's card, and what is done here."""
        if not self.up:
            raise ConnectionError("down")
        now = Running(live_jobs=sum(self.paying.values()), units=self.units)
        return ServerCard(**null_card().model_dump(), engine=now)

    async def cancel(self, job_id: str) -> None:
        """Stop a job before its next step."""
        self._cancelled.add(job_id)

    async def render(self, job: RenderJob, checkpoint: bytes | None = None) -> AsyncIterator[EngineEvent]:
        """Step by step; breaks as luck has it."""
        what = job.spec.model_dump_json()
        self.paying[what] += 1
        if self.paying[what] > 1:
            self.doubled.append(what)
        try:
            async for event in self._render(job, checkpoint):
                yield event
        finally:
            self.paying[what] -= 1

    async def _render(self, job: RenderJob, checkpoint: bytes | None) -> AsyncIterator[EngineEvent]:
        yield Accepted()
        breaks = self.chance.random() < self.luck.render_fails
        first, used = int(checkpoint or b"0"), 0.0
        for step in range(first + 1, job.spec.steps + 1):
            await asyncio.sleep(STEP_S)
            self.units += 1
            used += null_card().device_seconds.get(job.tier, 0.0) / job.spec.steps
            if job.job_id in self._cancelled:
                yield Failed(FailureKind.CANCELLED, "cancelled", used)
                return
            if not self.up or (breaks and self.chance.random() < 0.5):
                lost = FailureKind.DEVICE_LOST if not self.up else self.chance.choice(list(_BREAKS))
                yield Failed(lost, "the dice", used)
                return
            yield Progress(step, job.spec.steps, used)
            if job.checkpoint_every and step % job.checkpoint_every == 0:
                yield CheckpointTaken(str(step).encode(), step)
        shape = (job.spec.frames, job.spec.height, job.spec.width, 3)
        yield Finished(np.broadcast_to(np.uint8(job.spec.seed % 251), shape), used)


_BREAKS = (FailureKind.TIMEOUT, FailureKind.MODEL_FAULT, FailureKind.DEVICE_LOST, FailureKind.OUT_OF_MEMORY)


class NoPictures:
    """The null model starts from none."""

    async def first_frame(self, ref: object, width: int, height: int) -> "Frames":
        """Never asked."""
        raise NotImplementedError("the null model's card says that it takes no first frame")


class Encoder:
    """The bytes of a take, short."""

    async def encode(self, frames: "Frames", fps: int) -> bytes:
        """Shape, rate and first value."""
        await asyncio.sleep(0.1)
        return repr((frames.shape, fps, int(frames.flat[0]))).encode()
