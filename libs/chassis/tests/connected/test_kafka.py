"""The consumer on a real broker: nothing lost, order kept, rebalances and lost stores survived."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from brokers import PARTITIONS, several_members
from storyreel_chassis.clock import SystemClock
from storyreel_chassis.consumer import Consumer
from storyreel_chassis.errors import Unavailable
from storyreel_chassis.folds import MemoryFoldStore
from storyreel_chassis.lanes import Lanes
from storyreel_chassis.testing import FakeClock
from storyreel_chassis.work import Lane, Record
from storyreel_local.testing import KafkaPlace

pytestmark = pytest.mark.connected


@asynccontextmanager
async def member(
    kafka: KafkaPlace, group: str, topic: str, deliver: Callable[[Record], object], folds: MemoryFoldStore, **lane: Any
) -> AsyncIterator[Consumer]:
    lanes = Lanes(lambda _: Lane(**lane), deliver)  # type: ignore[arg-type]
    consumer = Consumer(kafka.bootstrap_servers, group, [topic], lanes, folds, SystemClock())
    await consumer.broker.start()
    commits = asyncio.create_task(consumer.run_commits())
    try:
        yield consumer
    finally:
        consumer.stop_taking()
        await asyncio.wait_for(lanes.finish(), 20)
        await consumer.commit()
        commits.cancel()
        await consumer.broker.stop()


async def write(kafka: KafkaPlace, topic: str, start: int, count: int, films: int = 20) -> None:
    async with AIOKafkaProducer(bootstrap_servers=kafka.bootstrap_servers, acks="all") as producer:
        sent = [
            await producer.send(topic, str(i).encode(), key=f"film-{i % films}".encode()) for i in range(start, start + count)
        ]
        await asyncio.gather(*sent)


async def until(condition: Callable[[], bool], seconds: float = 40) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.05)


async def test_each_record_is_worked_once_and_in_order_of_its_film(real_kafka: KafkaPlace) -> None:
    topic, seen = await real_kafka.new_topic("order", PARTITIONS), defaultdict(list)

    async def deliver(record: Record) -> None:
        await asyncio.sleep(0)
        seen[record.key].append(int(record.value))

    await write(real_kafka, topic, 0, 2000)
    async with member(real_kafka, uuid4().hex, topic, deliver, MemoryFoldStore()):
        await until(lambda: sum(map(len, seen.values())) >= 2000)
    assert all(values == sorted(set(values)) for values in seen.values())


async def test_work_longer_than_any_poll_limit_keeps_its_partition_and_commits_behind_it(real_kafka: KafkaPlace) -> None:
    topic, group, gate, started = await real_kafka.new_topic("long", partitions=1), uuid4().hex, asyncio.Event(), []

    async def deliver(record: Record) -> None:
        started.append(int(record.value))
        if record.value == b"0":
            await gate.wait()

    async with member(real_kafka, group, topic, deliver, MemoryFoldStore(), concurrency=8, ordered=False) as consumer:
        await write(real_kafka, topic, 0, 50)
        await until(lambda: len(started) == 50)
        await asyncio.sleep(0.5)
        assert not await consumer.client.committed(TopicPartition(topic, 0)), "record 0 is not done, so nothing is committed"
        gate.set()
        await asyncio.sleep(0.5)
        assert await consumer.client.committed(TopicPartition(topic, 0)) == 50


async def test_a_second_member_takes_over_without_a_lost_record(real_kafka: KafkaPlace) -> None:
    topic, group, folds = await real_kafka.new_topic("share", PARTITIONS), uuid4().hex, MemoryFoldStore()
    several_members(real_kafka)
    by_first: set[int] = set()
    by_second: set[int] = set()

    def into(where: set[int]) -> Callable[[Record], object]:
        async def deliver(record: Record) -> None:
            await asyncio.sleep(0.002)
            where.add(int(record.value))

        return deliver

    async with member(real_kafka, group, topic, into(by_first), folds):
        await write(real_kafka, topic, 0, 500)
        async with member(real_kafka, group, topic, into(by_second), folds) as second:
            await until(lambda: bool(second.assigned))
            await write(real_kafka, topic, 500, 500)
            await until(lambda: len(by_first | by_second) == 1000)
    assert by_second


async def test_a_lost_fold_store_brings_a_replay_from_the_beginning(real_kafka: KafkaPlace) -> None:
    topic, group, seen = await real_kafka.new_topic("replay", PARTITIONS), uuid4().hex, []

    async def deliver(record: Record) -> None:
        seen.append(int(record.value))

    folds = MemoryFoldStore()
    await write(real_kafka, topic, 0, 100)
    async with member(real_kafka, group, topic, deliver, folds):
        await until(lambda: len(seen) == 100)
        await asyncio.sleep(0.5)
    async with member(real_kafka, group, topic, deliver, folds):
        await asyncio.sleep(1.5)
    assert len(seen) == 100, "with its store, a restarted service goes on where it stood"
    async with member(real_kafka, group, topic, deliver, MemoryFoldStore()):
        await until(lambda: len(seen) == 200)
    assert sorted(seen) == sorted([*range(100)] * 2)


async def test_a_store_lost_while_running_is_noticed(real_kafka: KafkaPlace) -> None:
    topic, seen, folds = await real_kafka.new_topic("lost", PARTITIONS), [], MemoryFoldStore()

    async def deliver(record: Record) -> None:
        seen.append(int(record.value))

    async with member(real_kafka, uuid4().hex, topic, deliver, folds):
        await write(real_kafka, topic, 0, 10)
        await until(lambda: len(seen) == 10)
        await asyncio.sleep(0.5)
        folds.lose_everything()
        await write(real_kafka, topic, 10, 1)
        await until(lambda: len(seen) == 22)
    assert sorted(seen) == sorted([*range(11), *range(11)])


async def test_records_with_headers_that_are_not_text_do_not_stop_the_loop(real_kafka: KafkaPlace) -> None:
    topic, seen = await real_kafka.new_topic("bytes", partitions=1), []

    async def deliver(record: Record) -> None:
        seen.append(record)

    async with AIOKafkaProducer(bootstrap_servers=real_kafka.bootstrap_servers) as producer:
        await producer.send_and_wait(topic, b"\xff", headers=[("h", b"\xff\xfe"), ("n", b"")])
        await producer.send_and_wait(topic, None, key=b"tombstone")
    async with member(real_kafka, uuid4().hex, topic, deliver, MemoryFoldStore()):
        await until(lambda: len(seen) == 2)
    assert seen[0].headers == (("h", b"\xff\xfe"), ("n", b""))
    assert seen[1].value == b""


async def test_commits_that_are_refused_for_long_show_on_the_probe(real_kafka: KafkaPlace) -> None:
    class Away(MemoryFoldStore):
        async def advance(self, _: object) -> bool:
            raise Unavailable("Redis is away")

    topic, seen = await real_kafka.new_topic("refused", PARTITIONS), []

    async def deliver(record: Record) -> None:
        seen.append(record)

    clock = FakeClock()
    lanes = Lanes(lambda _: Lane(), deliver)
    consumer = Consumer(real_kafka.bootstrap_servers, uuid4().hex, [topic], lanes, Away(), clock)
    await consumer.broker.start()
    try:
        await write(real_kafka, topic, 0, 1)
        await until(lambda: bool(seen))
        await consumer.commit()
        assert await consumer.check() == "", "a short refusal is no reason to die"
        clock.advance(121)
        await consumer.commit()
        assert "for 121 s no commit was accepted" in await consumer.check()
    finally:
        await consumer.broker.stop()
