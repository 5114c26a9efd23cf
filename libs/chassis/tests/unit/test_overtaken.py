"""A member that was frozen gets its partition back: does its lane go on, or did another member go on meanwhile?"""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition
from storyreel_chassis.consumer import Consumer
from storyreel_chassis.folds import MemoryFoldStore
from storyreel_chassis.lanes import Lanes, Partition
from storyreel_chassis.testing import FakeClock
from storyreel_chassis.work import Lane, Record

PLACE = TopicPartition("takes", 0)


class Client:
    """aiokafka's consumer, as far as an assignment needs it."""

    def __init__(self, committed: int) -> None:
        self._committed, self.sought = committed, list[int]()

    def assignment(self) -> set[TopicPartition]:
        return {PLACE}

    async def committed(self, _: TopicPartition) -> int:
        return self._committed

    def seek(self, _: TopicPartition, offset: int) -> None:
        self.sought.append(offset)

    async def commit(self, _: object) -> None:
        """Taken."""


@pytest.mark.parametrize(
    ("committed", "goes_on"), [(0, True), (2, True), (3, False)], ids=["nothing", "what we committed", "beyond our mark"]
)
async def test_a_lane_goes_on_unless_another_member_has_committed_beyond_it(committed: int, goes_on: bool) -> None:
    """Offsets 0 and 1 are done, 2 to 4 at work; a commit of 3 can only be another member's."""
    cancelled, folds = list[int](), MemoryFoldStore()

    async def deliver(record: Record) -> None:
        try:
            await asyncio.sleep(0 if record.offset < 2 else 3600)
        except asyncio.CancelledError:
            cancelled.append(record.offset)
            raise

    await folds.positions()
    await folds.advance({"takes/0": committed})
    lanes = Lanes(lambda _: Lane(ordered=False), deliver)
    consumer: Any = Consumer("nowhere:1", "group", ["takes"], lanes, folds, FakeClock())
    consumer._subscriber.consumer = client = Client(committed)
    await consumer._take(tuple(_raw(offset) for offset in range(5)))
    await asyncio.sleep(0.01)
    await consumer.on_partitions_assigned([PLACE])
    lane = lanes.get(Partition("takes", 0))
    if goes_on:
        assert client.sought == [5]
        assert lane is not None
        assert cancelled == []
    else:
        assert client.sought == [], "reading goes on from the commit"
        assert lane is None
        assert sorted(cancelled) == [2, 3, 4]
    await lanes.keep_only(set())


def _raw(offset: int) -> Any:
    return SimpleNamespace(topic="takes", partition=0, offset=offset, key=b"film", value=b"", headers=(), timestamp=0)
