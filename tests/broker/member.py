"""One member of a group: the chassis' real consumer, lanes, runtime and publisher around a small room, in a process of its own.

`member.py SETTING` (JSON, see `Setting`) runs until its input ends. It writes what happens to it into its journal.
`without` takes one guard away: "fold version", "leases", "done marks".
"""

import asyncio
import json
import sys
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, cast

from pydantic import BaseModel
from redis.asyncio import Redis
from storyreel_chassis import logs
from storyreel_chassis.clock import SystemClock
from storyreel_chassis.consumer import Consumer
from storyreel_chassis.delivery import Delivery
from storyreel_chassis.folds import Loaded
from storyreel_chassis.lanes import Lanes, Partition
from storyreel_chassis.leases import RedisLeases
from storyreel_chassis.publisher import KafkaPublisher
from storyreel_chassis.redis_folds import RedisFoldStore, connect
from storyreel_chassis.runtime import Runtime
from storyreel_chassis.s3 import S3ArtifactStore
from storyreel_chassis.settings import SharedSettings
from storyreel_chassis.work import Context, Room
from storyreel_contracts import Event, ShotMatched, ShotRendered
from storyreel_contracts.decisions import Decision, NewFact, Task

NAME, OUT = "continuity", "continuity-reports"
_LEASE_S = 4.0


@dataclass(frozen=True)
class Setting:
    """How a member is set up. `work_s` is paid under a lease; `publish_s` passes between publishing and saving."""

    servers: str
    redis: str
    topics: tuple[str, ...]
    group: str
    journal: str
    work_s: float | None = None
    publish_s: float = 0.0
    instance: str = ""
    s3: Mapping[str, str] = field(default_factory=dict)
    without: str = ""

    def line(self) -> str:
        """The same for the command line."""
        return json.dumps(asdict(self))


class Count(BaseModel):
    """What the room knows of a film."""

    takes: int = 0


class Job(BaseModel):
    """Work on one take."""

    name: str


@dataclass(frozen=True)
class Matcher:
    """Every take is a match; `works` if something has to be paid for first."""

    works: bool

    def empty(self) -> Count:
        return Count()

    def decide(self, state: Count, event: Event) -> Decision[Count]:
        if not isinstance(event.data, ShotRendered):
            return Decision(state=state)
        more = Count(takes=state.takes + 1)
        if self.works:
            return Decision(state=more, tasks=(Task(key="job", work=Job(name=event.event_id)),))
        return Decision(state=more, facts=(self._match(event),))

    def absorb(self, state: Count, event: Event, task: Task, outcome: Any) -> Decision[Count]:
        return Decision(state=state, facts=(self._match(event),))

    def _match(self, event: Event) -> NewFact:
        names = ("version", "shot_id", "tier", "attempt", "key")
        return NewFact(data=ShotMatched(**{n: getattr(event.data, n) for n in names}, measures=[]))


class Journal:
    """Lines of what happened, readable while the member runs, frozen or dead."""

    def __init__(self, path: str) -> None:
        self._file = Path(path).open("a", buffering=1)  # noqa: SIM115 - open for as long as the process lives

    def note(self, what: str, **more: object) -> None:
        self._file.write(json.dumps({"t": time.time(), "what": what, **more}) + "\n")


class RedisKeys:
    """First writer wins, without an object store."""

    def __init__(self, redis: Redis, prefix: str) -> None:
        self._redis, self._prefix = redis, prefix

    async def remember(self, key: str, value: bytes) -> bytes:
        await self._redis.set(self._prefix + key, value.decode(), nx=True)
        return await self.recall(key) or b""

    async def recall(self, key: str) -> bytes | None:
        found = await self._redis.get(self._prefix + key)
        return found.encode() if found else None


@dataclass(frozen=True)
class Hands:
    """Pays for a take once, under a lease; stores what it made under a key that only the first writer gets."""

    setting: Setting
    journal: Journal
    leases: RedisLeases
    store: RedisKeys | S3ArtifactStore

    async def perform(self, task: Task, context: Context) -> str:
        name, token = cast(Job, task.work).name, 0
        key = f"keys/{self.setting.group}/{name}"
        while (kept := await self.store.recall(key)) is None:
            lease = None if self.setting.without == "leases" else await self.leases.acquire(name, _LEASE_S)
            if lease is None and self.setting.without != "leases":
                await asyncio.sleep(0.1)
                continue
            token = lease.token if lease else 0
            self.journal.note("began", job=name, token=token)
            await asyncio.sleep(self.setting.work_s or 0)
            if lease and not await lease.renew():
                self.journal.note("refused", job=name, token=token)
                continue
            await self.store.remember(key, str(token).encode())
            self.journal.note("paid", job=name, token=token)
            if lease:
                await lease.release()
        return kept.decode()


class Witness(Consumer):
    """The chassis' consumer, telling what it was assigned; with a static membership if the setting names an instance."""

    def __init__(self, setting: Setting, journal: Journal, lanes: Lanes, folds: RedisFoldStore) -> None:
        super().__init__(setting.servers, setting.group, setting.topics, lanes, folds, SystemClock())
        self._journal = journal
        if setting.instance:
            self._subscriber._connection_args["group_instance_id"] = setting.instance

    async def commit(self) -> None:
        self._journal.note("commit begins")
        await super().commit()
        self._journal.note("commit ends")

    async def on_partitions_revoked(self, revoked: Any) -> None:
        self._journal.note("revoked", partitions=sorted(tp.partition for tp in revoked))
        await super().on_partitions_revoked(revoked)

    async def on_partitions_assigned(self, assigned: Any) -> None:
        await super().on_partitions_assigned(assigned)
        self._journal.note("assigned", partitions=sorted(tp.partition for tp in assigned))


class LastWriterFolds(RedisFoldStore):
    """Without the version: whoever saves last is right."""

    async def save(self, whose: Any, loaded: Loaded, timers: Any) -> bool:
        return await super().save(whose, Loaded(loaded.fold, (await self.load(whose.film_id)).version), timers)


class TellingFolds(RedisFoldStore):
    """Notes a save that was refused."""

    journal: Journal

    async def save(self, whose: Any, loaded: Loaded, timers: Any) -> bool:
        saved = await super().save(whose, loaded, timers)
        if not saved:
            self.journal.note("stale save", film=whose.film_id)
        return saved


class LeisurelyPublisher(KafkaPublisher):
    """Takes its time after the broker has acknowledged, so that a freeze falls between publish and save."""

    seconds = 0.0
    journal: Journal

    async def publish(self, *events: Event) -> None:
        await super().publish(*events)
        if self.seconds:
            self.journal.note("published", film=events[0].film_id)
            await asyncio.sleep(self.seconds)


class LanesAhead(Lanes):
    """Without done marks: what was taken counts as done."""

    def marks(self) -> Mapping[Partition, int]:
        taken = {p: lane.offsets.next_offset for p, lane in self.items()}
        return {p: offset for p, offset in taken.items() if offset is not None}


def store_of(setting: Setting, redis: Redis) -> RedisKeys | S3ArtifactStore:
    """The object store if there is one, else Redis."""
    if not setting.s3:
        return RedisKeys(redis, f"broker-test:{setting.group}:")
    shared = SharedSettings(kafka_bootstrap_servers=setting.servers, redis_url=setting.redis, **setting.s3)  # type: ignore[arg-type]
    return S3ArtifactStore(shared)


async def run(setting: Setting) -> None:
    """Take part until the input ends."""
    journal, redis, clock = Journal(setting.journal), connect(setting.redis), SystemClock()
    folds = LastWriterFolds(redis, setting.group) if setting.without == "fold version" else TellingFolds(redis, setting.group)
    folds.journal = journal  # type: ignore[union-attr]
    hands = Hands(setting, journal, RedisLeases(redis, setting.group), store_of(setting, redis))
    room = Room(name=NAME, decider=Matcher(setting.work_s is not None), state=Count, performer=hands)
    async with AsyncExitStack() as stack:
        publisher = await stack.enter_async_context(LeisurelyPublisher(setting.servers, NAME))
        publisher.seconds, publisher.journal = setting.publish_s, journal  # type: ignore[attr-defined]
        runtime = Runtime(room=room, folds=folds, publisher=publisher, clock=clock)
        lanes = (LanesAhead if setting.without == "done marks" else Lanes)(room.lane, Delivery(runtime).deliver)
        consumer = Witness(setting, journal, lanes, folds)
        await consumer.broker.start()
        commits = asyncio.create_task(consumer.run_commits())
        journal.note("up")
        await asyncio.to_thread(sys.stdin.read)
        consumer.stop_taking()
        await asyncio.wait_for(lanes.finish(), 20)
        await consumer.commit()
        commits.cancel()
        await consumer.broker.stop()
        journal.note("down")
    await redis.aclose()


if __name__ == "__main__":
    logs.configure(NAME, "WARNING")
    given = json.loads(sys.argv[1])
    asyncio.run(run(Setting(**{**given, "topics": tuple(given["topics"])})))
