"""One run of one service's process: the real lanes, delivery, runtime and consumer, behind a gate that every call passes.

A gate makes calls slow, lets them fail, lets their answer get lost, freezes the process or kills it: before the effect, or
after it and before the caller knows. Whoever is dead gets no further than the next call.
"""

import asyncio
import inspect
import math
import random
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from typing import Any

from aiokafka.errors import KafkaTimeoutError
from simbroker import SESSION_S, Broker, Headers, Member
from simloop import SimClock
from simredis import SimFolds, SimRedis
from storyreel_chassis.consumer import Consumer
from storyreel_chassis.delivery import Delivery
from storyreel_chassis.errors import Transient, Unavailable
from storyreel_chassis.lanes import Lanes
from storyreel_chassis.runtime import Runtime
from storyreel_chassis.timers import publish_due
from storyreel_chassis.work import Record, Room
from storyreel_contracts import Event, FailureKind, encode
from storyreel_contracts.topics import topic_for, topics_read_by

IDLE_S = 300.0


class Killed(BaseException):
    """The process is no more."""


@dataclass
class Weather:
    """What fails how often: by part (`folds`, `store`, `broker`, `leases`), as a chance per call."""

    failing: dict[str, float] = field(default_factory=dict)


ERRORS: dict[str, Callable[[], Exception]] = {
    "folds": lambda: Unavailable("Redis: connection refused"),
    "shelves": lambda: Unavailable("Redis: connection refused"),
    "leases": lambda: Transient(FailureKind.DEPENDENCY_DOWN, "Redis: connection refused"),
    "store": lambda: Transient(FailureKind.DEPENDENCY_DOWN, "object storage is away"),
    "broker": lambda: KafkaTimeoutError("no broker answers"),
    "producer": lambda: Unavailable("no broker answers"),  # as the chassis' publisher says it
}
SAME = {"producer": "broker"}  # what fails together


class Gate:
    """What stands between one process and the world."""

    def __init__(self, chance: random.Random, weather: Weather, *, die_at: int = 0) -> None:
        self._chance, self._weather, self._die_at = chance, weather, die_at
        self.alive, self.passed = True, 0
        self.open = asyncio.Event()
        self.open.set()
        self.on_death: Callable[[], None] = lambda: None

    async def pass_(self, part: str) -> None:
        """One crash point. Raises Killed, or the part's own error."""
        self.passed += 1
        if self.passed == self._die_at:
            self.kill()
        await asyncio.sleep(self._chance.random() * 0.05 if self._chance.random() < 0.1 else 0)
        if not self.open.is_set():
            await self.open.wait()
        if not self.alive:
            raise Killed
        if self._chance.random() < self._weather.failing.get(SAME.get(part, part), 0.0):
            raise ERRORS[part]()

    def kill(self) -> None:
        """From now on nothing comes through."""
        if self.alive:
            self.alive = False
            self.open.set()
            self.on_death()


class Gated:
    """A port behind a gate: every coroutine of it can be hurt before its effect and after."""

    def __init__(self, port: Any, gate: Gate, part: str) -> None:
        self._port, self._gate, self._part = port, gate, part

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._port, name)
        if not inspect.iscoroutinefunction(value):
            return value

        async def call(*args: Any, **kwargs: Any) -> Any:
            await self._gate.pass_(self._part)
            result = await value(*args, **kwargs)
            await self._gate.pass_(self._part)
            return Gated(result, self._gate, self._part) if name == "acquire" and result is not None else result

        setattr(self, name, call)
        return call


class SimPublisher:
    """The producer of one service."""

    def __init__(self, broker: Broker, service: str) -> None:
        self._broker, self._service = broker, service

    async def publish(self, *events: Event) -> None:
        """Facts to their topics."""
        for event in events:
            headers, value = encode(event)
            pairs = [(k, v.encode()) for k, v in headers.items()]
            await self.write(topic_for(event.data, self._service), event.film_id.encode(), value, pairs)

    async def write(self, topic: str, key: bytes | None, value: bytes, headers: Headers) -> None:
        """Bytes as they are."""
        self._broker.append(topic, key, value, headers)


class GatedMember:
    """Kafka's side of one process: calls to the broker pass the gate, what is local does not."""

    def __init__(self, member: Member, gate: Gate) -> None:
        self._member, self._gate = member, gate

    def __getattr__(self, name: str) -> Any:
        return getattr(self._member, name)

    async def commit(self, marks: Any) -> None:
        """Through the gate, both ways."""
        await self._gate.pass_("broker")
        await self._member.commit(marks)
        await self._gate.pass_("broker")

    async def committed(self, at: Any) -> int | None:
        """Through the gate."""
        await self._gate.pass_("broker")
        return await self._member.committed(at)


class SimConsumer(Consumer):
    """The chassis' consumer with the simulated member where aiokafka's client would be."""

    def __init__(self, member: GatedMember, group: str, lanes: Lanes, folds: Any, clock: SimClock) -> None:
        self.group, self.topics, self._lanes, self._folds, self._clock = group, topics_read_by(group), lanes, folds, clock
        self._paused = set()
        self.draining = self._replaying = False
        self._refused_since, self._asked_at = None, math.inf
        self._sim = member

    @property
    def client(self) -> Any:
        """The simulated member."""
        return self._sim

    def done_and_roomy(self) -> None:
        """Resume what has room again."""
        self._resume()

    async def take(self, records: Any) -> None:
        """What the poll brought."""
        await self._take(records)


class Process:
    """A service's process from its start to its end, whichever way that comes."""

    def __init__(self, room: Room, broker: Broker, gate: Gate, redis: SimRedis, number: int) -> None:
        self.name, self.room, self.gate, self._broker = room.name, room, gate, broker
        self.clock = SimClock()
        self.folds = Gated(SimFolds(redis), gate, "folds")
        self.publisher = Gated(SimPublisher(broker, room.name), gate, "producer")
        self._redis = redis
        runtime = Runtime(room=room, folds=self.folds, publisher=self.publisher, clock=self.clock)
        self._lanes = Lanes(room.lane, self._delivering(Delivery(runtime)))
        self.member = Member(broker, room.name, topics_read_by(room.name), number)
        self.consumer = SimConsumer(GatedMember(self.member, gate), room.name, self._lanes, self.folds, self.clock)
        self._moved = asyncio.Event()
        self._tasks: list[asyncio.Task[Any]] = []
        gate.on_death = self._died

    def start(self, *more: Coroutine[Any, Any, Any]) -> None:
        """Begin to work; `more` are the room's own parts."""
        loops = (self._poll(), self._commits(), self._timers(), self.member.join(self.consumer), *more)
        self._tasks = [asyncio.create_task(loop) for loop in loops]

    async def freeze(self, seconds: float) -> None:
        """As SIGSTOP and SIGCONT do; the group goes on without a member that is away for a session."""
        self.gate.open.clear()
        await asyncio.sleep(min(seconds, SESSION_S))
        if seconds > SESSION_S and self.gate.alive and self.member in self.member.group.members:
            self.member.group.members.discard(self.member)
            left_out = asyncio.create_task(self.member.group.rebalance())
            await asyncio.sleep(seconds - SESSION_S)
            await left_out
        self.gate.open.set()
        if self.gate.alive and self.member not in self.member.group.members:
            await self.member.join(self.consumer)

    async def stop(self) -> None:
        """As on SIGTERM: no more intake, what is begun gets its time, marks are committed, the group is told."""
        self.consumer.stop_taking()
        try:
            async with asyncio.timeout(20):
                await self._lanes.finish()
        except TimeoutError:
            await self._lanes.keep_only(set())
        if self.gate.alive:
            await self.consumer.commit()
        for task in self._tasks:
            task.cancel()
        await self.member.leave()
        self.gate.alive = False

    def _died(self) -> None:
        for task in self._tasks:
            task.cancel()
        for lane in dict(self._lanes.items()).values():
            for task in lane._tasks:
                task.cancel()
        self._broker_chore = asyncio.get_running_loop().create_task(self.member.leave(after=SESSION_S))

    def _delivering(self, delivery: Delivery) -> Callable[[Record], Coroutine[Any, Any, None]]:
        async def deliver(record: Record) -> None:
            try:
                await delivery.deliver(record)
            finally:
                self._moved.set()

        return deliver

    async def _poll(self) -> None:
        while True:
            await self.member.wake.wait()
            self.member.wake.clear()
            await self.gate.pass_("poll")
            records = self.member.fetch()
            if records:
                self.member.wake.set()
                await self.consumer.take(records)
                self._moved.set()

    async def _commits(self) -> None:
        while True:
            try:
                async with asyncio.timeout(IDLE_S):
                    await self._moved.wait()
            except TimeoutError:
                self._moved.clear()  # the real loop looks ten times a second; this is often enough to see that a store was lost
            self._moved.clear()
            await self.clock.sleep(0.1)
            await self.gate.pass_("poll")
            await self.consumer.commit()
            self.consumer.done_and_roomy()
            if self._lanes.marks():
                self._moved.set()

    async def _timers(self) -> None:
        """The chassis' pump, woken when something is due instead of twice a second for days."""
        while True:
            await self._redis.until_due(self.clock)
            with suppress(Exception):  # as the pump does: they stay due
                await publish_due(self.folds, self.publisher, self.clock, self.name)
            await self.clock.sleep(0.5)


async def gated(events: AsyncGenerator[Any], gate: Gate) -> AsyncIterator[Any]:
    """A stream of a render server, as seen by a process that may die while it listens: then the server sees it closed."""
    async with aclosing(events):
        async for event in events:
            await gate.pass_("engine")
            yield event
