"""Running a room: parts, lanes, consumer, timers, ops endpoints; a drain on SIGTERM. Called by every `app.main`."""

import asyncio
import logging
from collections.abc import Coroutine, Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

from faststream import FastStream
from prometheus_client import REGISTRY
from redis.asyncio import Redis
from redis.exceptions import RedisError
from storyreel_contracts.topics import topics_read_by

from storyreel_chassis import health, logs, timers, tracing
from storyreel_chassis.artifacts import ArtifactStore
from storyreel_chassis.clock import Clock, SystemClock
from storyreel_chassis.consumer import Consumer
from storyreel_chassis.delivery import Delivery
from storyreel_chassis.errors import Transient
from storyreel_chassis.lanes import Lanes
from storyreel_chassis.leases import Leases, RedisLeases
from storyreel_chassis.limits import Bound, DeadLetterLimit
from storyreel_chassis.publisher import KafkaPublisher
from storyreel_chassis.redis_folds import RedisFoldStore, connect
from storyreel_chassis.runtime import Runtime
from storyreel_chassis.s3 import S3ArtifactStore
from storyreel_chassis.settings import SharedSettings
from storyreel_chassis.work import Room

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Parts:
    """The outside parts of a service, for its composition root. Nothing connects before it is used."""

    redis: Redis
    store: ArtifactStore
    leases: Leases
    publisher: KafkaPublisher
    folds: RedisFoldStore


def parts_of(service: str, shared: SharedSettings) -> Parts:
    """Build the outside parts of a service from its settings."""
    redis = connect(shared.redis_url)
    return Parts(
        redis=redis,
        store=S3ArtifactStore(shared),
        leases=RedisLeases(redis, service),
        publisher=KafkaPublisher(shared.kafka_bootstrap_servers, service),
        folds=RedisFoldStore(redis, service),
    )


def serve(room: Room, shared: SharedSettings, parts: Parts) -> None:
    """Run a room until SIGTERM or SIGINT. Blocks."""
    logs.configure(room.name, shared.log_level)
    tracing.configure(room.name)
    asyncio.run(_Service(room, shared, parts).run())


class _Service:
    def __init__(self, room: Room, shared: SharedSettings, parts: Parts) -> None:
        self._room, self._shared, self._parts = room, shared, parts
        self._clock = SystemClock()
        runtime = Runtime(room=room, folds=parts.folds, publisher=parts.publisher, clock=self._clock)
        self._limit = _limit(shared, self._clock)
        closed = self._limit.stopped if self._limit else frozenset[str]()
        self._lanes = Lanes(room.lane, Delivery(runtime, self._limit).deliver, closed)
        topics = topics_read_by(room.name)
        self._consumer = Consumer(shared.kafka_bootstrap_servers, room.name, topics, self._lanes, parts.folds, self._clock)
        self._watch = health.LoopWatch(self._clock)
        self._tasks: list[asyncio.Task[None]] = []

    async def run(self) -> None:
        app = FastStream(self._consumer.broker, logger=None, on_shutdown=[self._drain])
        ops = health.ops_app(
            self._room.name,
            [self._watch.check, self._consumer.check, self._whole],
            [self._redis_answers, self._store_answers, *([self._limit.check] if self._limit else [])],
        )
        server = health.web_server(ops, self._shared.ops_host, self._shared.ops_port)
        for collector in (health.LagCollector(self), *self._room.collectors):
            REGISTRY.register(collector)
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._parts.publisher)
            for part in self._room.startup:
                await stack.enter_async_context(part)
            self._start(server.serve(), self._watch.run(), self._consumer.run_commits())
            self._start(timers.pump(self._parts.folds, self._parts.publisher, self._clock, self._room.name))
            await app.run()
            server.should_exit = True
            await asyncio.wait(self._tasks[:1], timeout=5)
            for task in self._tasks:
                task.cancel()

    def lag(self) -> Iterable[tuple[str, str, int, int]]:
        """Rows of group, topic, partition and records behind, for the partitions that this process owns."""
        for partition in self._consumer.assigned:
            end = self._consumer.end(partition)
            lane = self._lanes.get(partition)
            mark = lane.offsets.mark if lane else None
            behind = 0 if end is None or mark is None else max(0, end - mark)
            yield self._consumer.group, partition.topic, partition.number, behind

    def _start(self, *coroutines: Coroutine[Any, Any, None]) -> None:
        for coroutine in coroutines:
            task = asyncio.create_task(coroutine)
            task.add_done_callback(_log_death)
            self._tasks.append(task)

    async def _drain(self) -> None:
        self._consumer.stop_taking()
        log.info("draining for up to %.0f s", self._shared.drain_seconds)
        try:
            async with asyncio.timeout(self._shared.drain_seconds):
                await self._lanes.finish()
        except TimeoutError:
            log.warning("work in flight did not finish in time; it will be done again from its offsets")
            await self._lanes.keep_only(set())
        await self._consumer.commit()

    async def _whole(self) -> str:
        return await health.whole(self._tasks)

    async def _redis_answers(self) -> str:
        try:
            await self._parts.redis.ping()
        except RedisError as error:
            return f"Redis does not answer: {error}"
        return ""

    async def _store_answers(self) -> str:
        try:
            await self._parts.store.recall("ready")
        except Transient as error:
            return error.reason
        return ""


def _limit(shared: SharedSettings, clock: Clock) -> DeadLetterLimit | None:
    if not shared.dead_letter_limit:
        return None
    bound = Bound(
        dead=shared.dead_letter_limit, records=shared.dead_letter_limit_records, seconds=shared.dead_letter_limit_seconds
    )
    return DeadLetterLimit(bound, clock)


def _log_death(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()):
        log.critical("a background part died", exc_info=error)
