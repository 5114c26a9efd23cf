"""Lanes: how records of many partitions are worked at once, in order per film, with a bounded number in flight.

Polling never waits for work. A full partition is paused and resumed; commits follow the contiguous done mark.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import NamedTuple

from storyreel_chassis import metrics
from storyreel_chassis.offsets import OffsetTracker
from storyreel_chassis.work import Lane, Record

MAX_IN_FLIGHT = 256  # records of one partition taken and not done; beyond it the partition is paused
_RESUME_AT = MAX_IN_FLIGHT // 2


class Partition(NamedTuple):
    """A topic's partition."""

    topic: str
    number: int


class PartitionLane:
    """Work on the records of one assigned partition."""

    def __init__(self, lane: Lane, slots: asyncio.Semaphore, deliver: Callable[[Record], Awaitable[None]]) -> None:
        self._lane, self._slots, self._deliver = lane, slots, deliver
        self._last_of_key: dict[bytes | None, asyncio.Task[None]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.offsets = OffsetTracker()

    def take(self, record: Record) -> None:
        """Start (or queue behind its key) the work on a record. Never blocks."""
        self.offsets.take(record.offset)
        ordered = self._lane.ordered and record.key is not None  # else keyless garbage makes one long queue
        before = self._last_of_key.get(record.key) if ordered else None
        task = asyncio.create_task(self._work(record, before))
        self._tasks.add(task)
        task.add_done_callback(lambda t: self._finished(record, t))
        if ordered:
            self._last_of_key[record.key] = task
        metrics.IN_FLIGHT.inc()

    @property
    def full(self) -> bool:
        """Whether the partition should be paused."""
        return self.offsets.in_flight >= MAX_IN_FLIGHT

    @property
    def roomy(self) -> bool:
        """Whether a paused partition should be resumed."""
        return self.offsets.in_flight <= _RESUME_AT

    async def finish(self) -> None:
        """Wait for all work in flight."""
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def cancel(self) -> None:
        """Stop all work in flight; what was not done will be read again by whoever owns the partition."""
        for task in self._tasks:
            task.cancel()
        await self.finish()

    async def _work(self, record: Record, before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await asyncio.wait({before})
        async with self._slots:
            await self._deliver(record)

    def _finished(self, record: Record, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        metrics.IN_FLIGHT.dec()
        if self._last_of_key.get(record.key) is task:
            del self._last_of_key[record.key]
        if not task.cancelled() and task.exception() is None:
            self.offsets.done(record.offset)


class Lanes:
    """All lanes of one process. `closed` is a live view of the topics that take nothing any more."""

    def __init__(
        self,
        lane_of: Callable[[str], Lane],
        deliver: Callable[[Record], Awaitable[None]],
        closed: Collection[str] = frozenset(),
    ) -> None:
        self._lane_of, self._deliver, self.closed = lane_of, deliver, closed
        self._slots: dict[str, asyncio.Semaphore] = {}
        self._lanes: dict[Partition, PartitionLane] = {}

    def __getitem__(self, partition: Partition) -> PartitionLane:
        """The lane of an assigned partition; opened on first use."""
        if partition not in self._lanes:
            lane = self._lane_of(partition.topic)
            slots = self._slots.setdefault(partition.topic, asyncio.Semaphore(lane.concurrency))
            self._lanes[partition] = PartitionLane(lane, slots, self._deliver)
        return self._lanes[partition]

    def get(self, partition: Partition) -> PartitionLane | None:
        """The lane if it is open."""
        return self._lanes.get(partition)

    def items(self) -> list[tuple[Partition, PartitionLane]]:
        """All open lanes."""
        return list(self._lanes.items())

    async def keep_only(self, assigned: set[Partition]) -> None:
        """Stop the work on partitions that another member owns now."""
        lost = [p for p in self._lanes if p not in assigned]
        await asyncio.gather(*(self._lanes.pop(p).cancel() for p in lost))

    def marks(self) -> Mapping[Partition, int]:
        """Offsets to commit, of lanes whose mark moved."""
        moved = {p: lane.offsets.uncommitted() for p, lane in self._lanes.items()}
        return {p: mark for p, mark in moved.items() if mark is not None}

    async def finish(self) -> None:
        """Wait for all work in flight."""
        await asyncio.gather(*(lane.finish() for lane in self._lanes.values()))
