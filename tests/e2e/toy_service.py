"""A small service of the chassis on real parts: for every take it publishes one match. A bad release of it fails them all.

`toy_service.py SERVERS REDIS TOPIC NAME` runs it in a process of its own until its input ends; its memory can be watched.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel
from storyreel_chassis import logs
from storyreel_chassis.clock import SystemClock
from storyreel_chassis.consumer import Consumer
from storyreel_chassis.delivery import Delivery
from storyreel_chassis.errors import Permanent
from storyreel_chassis.folds import FoldStore, MemoryFoldStore
from storyreel_chassis.lanes import Lanes
from storyreel_chassis.limits import Bound, DeadLetterLimit
from storyreel_chassis.publisher import KafkaPublisher
from storyreel_chassis.redis_folds import RedisFoldStore, connect
from storyreel_chassis.runtime import Runtime
from storyreel_chassis.work import Room
from storyreel_contracts import ArtifactRef, Envelope, Event, FailureKind, ShotMatched, ShotRendered, Tier
from storyreel_contracts.decisions import Decision, NewFact, Task
from storyreel_contracts.plan import ModelRef

NAME, OUT, DLQ = "continuity", "continuity-reports", "continuity-dlq"
DEFAULT = Bound(dead=100, records=200, seconds=600)
_HASH = "ab" * 32


class Count(BaseModel):
    """What the toy knows of a film."""

    takes: int = 0


@dataclass(frozen=True)
class Matcher:
    """Every take is a match; or, in a bad release, a fault."""

    broken: bool = False

    def empty(self) -> Count:
        return Count()

    def decide(self, state: Count, event: Event) -> Decision[Count]:
        if self.broken:
            raise Permanent(FailureKind.INTERNAL, "a bad release")
        more = Count(takes=state.takes + 1)
        if not isinstance(event.data, ShotRendered):
            return Decision(state=more)
        names = ("version", "shot_id", "tier", "attempt", "key")
        fact = ShotMatched(**{n: getattr(event.data, n) for n in names}, measures=[])
        return Decision(state=more, facts=(NewFact(data=fact),))

    def absorb(self, state: Count, event: Event, task: Task, outcome: Any) -> Decision[Count]:
        return Decision(state=state)


@dataclass(frozen=True)
class Setting:
    """How a toy is set up."""

    servers: str
    topic: str
    group: str
    folds: FoldStore
    broken: bool = False
    bound: Bound | None = DEFAULT


@asynccontextmanager
async def running(setting: Setting) -> AsyncIterator[Lanes]:
    """The toy, put together as `serve` does it."""
    clock, room = SystemClock(), Room(name=NAME, decider=Matcher(setting.broken), state=Count)
    limit = DeadLetterLimit(setting.bound, clock) if setting.bound else None
    async with KafkaPublisher(setting.servers, NAME) as publisher:
        runtime = Runtime(room=room, folds=setting.folds, publisher=publisher, clock=clock)
        lanes = Lanes(room.lane, Delivery(runtime, limit).deliver, limit.stopped if limit else frozenset())
        consumer = Consumer(setting.servers, setting.group, [setting.topic], lanes, setting.folds, clock)
        await consumer.broker.start()
        commits = asyncio.create_task(consumer.run_commits())
        try:
            yield lanes
        finally:
            consumer.stop_taking()
            await asyncio.wait_for(lanes.finish(), 20)
            await consumer.commit()
            commits.cancel()
            await consumer.broker.stop()


def memory_folds() -> MemoryFoldStore:
    return MemoryFoldStore()


def take(name: str, number: int, films: int) -> Event:
    """A take; its id follows from its number."""
    envelope = Envelope(
        event_id=f"{name}-{number}", type=ShotRendered.TYPE, source="/storyreel/renderer", tenant_id="dev",
        film_id=f"{name}-film-{number % films}", occurred_at=datetime(2026, 11, 21, tzinfo=UTC),
    )  # fmt: skip
    data = ShotRendered(
        version=1, shot_id=f"s{number // films}", tier=Tier.PREVIEW, attempt=1, key=_HASH, width=256, height=144, frames=25,
        fps=16, seed=number, model=ModelRef(name="null", version="1"), device_seconds=0.4, cost_micros=400,
        artifact=ArtifactRef(uri=f"s3://storyreel/sha256/ab/{_HASH}", sha256=_HASH, size=26_766, media_type="video/mp4"),
    )  # fmt: skip
    return Event(envelope, data)


async def main(servers: str, redis_url: str, topic: str, name: str) -> None:
    """Run until the input ends."""
    logs.configure(NAME, "CRITICAL")
    setting = Setting(servers, topic, name, RedisFoldStore(connect(redis_url), name))
    async with running(setting):
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
