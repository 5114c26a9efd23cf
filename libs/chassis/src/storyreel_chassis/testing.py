"""Twins put together, for rooms' tests: one room, or several on one in-memory bus. No sockets, no waiting."""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from storyreel_contracts import Envelope, Event, Fact, decode
from storyreel_contracts.ids import event_id

from storyreel_chassis.delivery import Delivery
from storyreel_chassis.folds import MemoryFoldStore
from storyreel_chassis.limits import Bound, DeadLetterLimit
from storyreel_chassis.publisher import MemoryPublisher
from storyreel_chassis.runtime import Runtime
from storyreel_chassis.timers import publish_due
from storyreel_chassis.work import Record, Room


class FakeClock:
    """A clock that moves when told to; `sleep` moves it."""

    def __init__(self, start: datetime = datetime(2026, 11, 21, 12, tzinfo=UTC)) -> None:
        self._start, self._passed = start, 0.0

    def now(self) -> datetime:
        """Wall clock."""
        return self._start + timedelta(seconds=self._passed)

    def monotonic(self) -> float:
        """Seconds since the start."""
        return self._passed

    async def sleep(self, seconds: float) -> None:
        """Move on by so many seconds and let others run."""
        self._passed += seconds
        await asyncio.sleep(0)

    def advance(self, seconds: float) -> None:
        """Move on by so many seconds."""
        self._passed += seconds


def an_event(fact: Fact, *, film_id: str = "film", name: str = "", at: datetime | None = None, tenant: str = "acme") -> Event:
    """A fact in an envelope whose id follows from `name` (or from the fact itself)."""
    moment = at or datetime(2026, 11, 21, 12, tzinfo=UTC)
    identity = event_id(film_id, fact.TYPE, name or fact.model_dump_json())
    return Event(Envelope(event_id=identity, type=fact.TYPE, film_id=film_id, tenant_id=tenant, occurred_at=moment), fact)


class RoomHarness:
    """One room on twins, through the real runtime and delivery."""

    def __init__(self, room: Room, clock: FakeClock | None = None, bound: Bound | None = None) -> None:
        self.clock = clock or FakeClock()
        self.room = room
        self.folds = MemoryFoldStore()
        self.publisher = MemoryPublisher(room.name)
        self.runtime = Runtime(room=room, folds=self.folds, publisher=self.publisher, clock=self.clock)
        self.limit = DeadLetterLimit(bound, self.clock) if bound else None
        self.delivery = Delivery(self.runtime, self.limit)

    async def give(self, *events: Event) -> list[Event]:
        """Handle events; returns what the room published for them."""
        before = len(self.publisher.events)
        for event in events:
            await self.runtime.handle(event)
        return self.publisher.events[before:]

    async def deliver(self, record: Record) -> None:
        """Bring a raw record to its end."""
        await self.delivery.deliver(record)

    async def ring(self) -> list[Event]:
        """Publish and handle the timers that are due now; returns what the room published for them."""
        before = len(self.publisher.events)
        await publish_due(self.folds, self.publisher, self.clock, self.room.name)
        due = self.publisher.events[before:]
        return await self.give(*due)


class Bus:
    """Several rooms on one in-memory log; every record reaches every reader of its topic, in order, at least once."""

    def __init__(self, rooms: Iterable[RoomHarness], topics_read_by: "dict[str, Sequence[str]]") -> None:
        self._rooms = list(rooms)
        self._topics = topics_read_by
        self._read = {room.room.name: {other.room.name: 0 for other in self._rooms} for room in self._rooms}

    async def settle(self, limit: int = 10_000) -> None:
        """Deliver until nothing new is written. Raises AssertionError if that takes too long."""
        for _ in range(limit):
            if not await self._round():
                return
        raise AssertionError(f"the rooms still write after {limit} rounds")

    async def _round(self) -> bool:
        moved = False
        for reader in self._rooms:
            for writer in self._rooms:
                moved |= await self._deliver(reader, writer)
        return moved

    async def _deliver(self, reader: RoomHarness, writer: RoomHarness) -> bool:
        start = self._read[reader.room.name][writer.room.name]
        records = writer.publisher.records[start:]
        self._read[reader.room.name][writer.room.name] = start + len(records)
        mine = [r for r in records if r[0] in self._topics[reader.room.name]]
        for _, _, value, headers in mine:
            await reader.runtime.handle(decode(list(headers.items()), value or b""))
        return bool(mine)
