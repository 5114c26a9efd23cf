"""Dead letters on a real broker: byte-exact whatever the size, and a pour that stops, is seen, and goes on after a restart."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from rooms import Hands, toy_room
from storyreel_chassis.clock import SystemClock
from storyreel_chassis.consumer import Consumer
from storyreel_chassis.delivery import Delivery
from storyreel_chassis.errors import Permanent
from storyreel_chassis.folds import MemoryFoldStore
from storyreel_chassis.lanes import Lanes
from storyreel_chassis.limits import Bound, DeadLetterLimit
from storyreel_chassis.publisher import KafkaPublisher
from storyreel_chassis.runtime import Runtime
from storyreel_chassis.testing import an_event
from storyreel_contracts import Brief, FailureKind, FilmApproved, FilmRequested, encode
from storyreel_local.testing import KafkaPlace

pytestmark = pytest.mark.connected
DLQ = "gateway-dlq"
REQUEST = FilmRequested(brief=Brief(prompt="x", duration_s=5), brief_event_id="b", brief_sha256="0" * 64)


@dataclass
class Service:
    """The toy room on a real broker."""

    consumer: Consumer
    folds: MemoryFoldStore
    limit: DeadLetterLimit | None
    lanes: Lanes


@asynccontextmanager
async def service(
    kafka: KafkaPlace, topics: list[str], *, group: str = "", hands: Hands | None = None, bound: Bound | None = None
) -> AsyncIterator[Service]:
    clock, folds, room = SystemClock(), MemoryFoldStore(), toy_room(hands)
    limit = DeadLetterLimit(bound, clock) if bound else None
    async with KafkaPublisher(kafka.bootstrap_servers, "gateway") as publisher:
        delivery = Delivery(Runtime(room=room, folds=folds, publisher=publisher, clock=clock), limit)
        lanes = Lanes(room.lane, delivery.deliver, limit.stopped if limit else frozenset())
        consumer = Consumer(kafka.bootstrap_servers, group or uuid4().hex, topics, lanes, folds, clock)
        await consumer.broker.start()
        commits = asyncio.create_task(consumer.run_commits())
        try:
            yield Service(consumer, folds, limit, lanes)
        finally:
            consumer.stop_taking()
            await lanes.keep_only(set())
            commits.cancel()
            await consumer.broker.stop()


async def letters(kafka: KafkaPlace, origin: str) -> list[Any]:
    """Dead letters of records that came from one topic."""
    place = TopicPartition(DLQ, 0)
    async with AIOKafkaConsumer(bootstrap_servers=kafka.bootstrap_servers, max_partition_fetch_bytes=2**24) as consumer:
        consumer.assign([place])
        await consumer.seek_to_beginning(place)
        end, found = (await consumer.end_offsets([place]))[place], []
        while await consumer.position(place) < end:
            for records in (await consumer.getmany(place, timeout_ms=200)).values():
                found += [r for r in records if dict(r.headers)["x-origin-topic"] == origin.encode()]
    return found


async def until(condition: Any, seconds: float = 40) -> Any:
    async with asyncio.timeout(seconds):
        while not (got := await condition()):
            await asyncio.sleep(0.1)
    return got


async def write_films(kafka: KafkaPlace, topic: str, count: int) -> None:
    async with AIOKafkaProducer(bootstrap_servers=kafka.bootstrap_servers, acks="all") as producer:
        for n in range(count):
            for fact in (REQUEST, FilmApproved(version=1, approved_by="ann")):
                headers, value = encode(an_event(fact, film_id=f"film-{topic}-{n}"))
                pairs = [(k, v.encode()) for k, v in headers.items()]
                await producer.send(topic, value, key=f"film-{n}".encode(), headers=pairs)
        await producer.flush()


def bad_release() -> Hands:
    def fail(_: object) -> Any:
        raise Permanent(FailureKind.INTERNAL, "a bad release")

    return Hands(fail)


GARBAGE = {
    "doubled and forged headers": (b"k", b"x", [("a", b"1"), ("a", b"\xff"), ("x-attempt", b"many"), ("x-dlq-reason", b"")]),
    "a tombstone": (b"k", None, []),
    "nothing at all": (None, b"", []),
    "10 MB that came compressed": (b"k", b"[" * 10_000_000, [("ce_specversion", b"1.0")]),
}


@pytest.mark.parametrize("case", GARBAGE)
async def test_a_letter_is_byte_exact(real_kafka: KafkaPlace, case: str) -> None:
    topic = await real_kafka.new_topic("garbage")
    await real_kafka.create(DLQ)
    key, value, headers = GARBAGE[case]
    async with AIOKafkaProducer(
        bootstrap_servers=real_kafka.bootstrap_servers, compression_type="gzip", max_request_size=2**24
    ) as producer:
        await producer.send_and_wait(topic, value, key=key, headers=headers)
    async with service(real_kafka, [topic]):
        (letter,) = await until(lambda: letters(real_kafka, topic))
    assert (letter.key, letter.value) == (key, value)
    assert list(letter.headers)[: len(headers)] == headers
    assert dict(letter.headers)["x-origin-headers"] == str(len(headers)).encode()


async def test_a_letter_larger_than_its_topic_takes_says_where_the_bytes_are_and_the_next_one_is_written(
    real_kafka: KafkaPlace,
) -> None:
    topic, most = await real_kafka.new_topic("large"), os.urandom(1_048_400)
    await real_kafka.create(DLQ)
    async with AIOKafkaProducer(bootstrap_servers=real_kafka.bootstrap_servers, max_request_size=2**21) as producer:
        await producer.send_and_wait(topic, most)
        await producer.send_and_wait(topic, b"small")

    async def both() -> list[Any]:
        found = await letters(real_kafka, topic)
        return found if len(found) == 2 else []

    async with service(real_kafka, [topic]) as running:
        large, small = sorted(await until(both), key=lambda r: dict(r.headers)["x-origin-offset"])
        await asyncio.sleep(0.3)
        assert await running.consumer.client.committed(TopicPartition(topic, 0)) == 2
    assert large.value == b""
    assert dict(large.headers)["x-dlq-body-size"] == str(len(most)).encode()
    assert small.value == b"small"


async def test_a_pour_stops_at_the_bound_is_seen_as_lag_and_goes_on_after_a_restart(real_kafka: KafkaPlace) -> None:
    topic, other, group = await real_kafka.new_topic("pour"), await real_kafka.new_topic("other"), uuid4().hex
    await real_kafka.create(DLQ, "gateway-films")
    bound = Bound(dead=5, records=20, seconds=600)
    await write_films(real_kafka, topic, 200)
    async with service(real_kafka, [topic, other], group=group, hands=bad_release(), bound=bound) as running:
        await until(running.limit.check)
        place = next(p for p in running.consumer.assigned if p.topic == topic)
        await until(lambda: asyncio.sleep(0, TopicPartition(*place) in running.consumer.client.paused()))
        await write_films(real_kafka, topic, 10)
        await until(lambda: asyncio.sleep(0, running.consumer.end(place) == 420))
        async with AIOKafkaProducer(bootstrap_servers=real_kafka.bootstrap_servers) as producer:
            await producer.send_and_wait(other, b"garbage")
        await until(lambda: letters(real_kafka, other))
        committed = await running.consumer.client.committed(TopicPartition(*place)) or 0
    assert len(await letters(real_kafka, topic)) == 5
    assert committed < 20, "what was held is not committed"
    async with service(real_kafka, [topic, other], group=group, bound=bound) as running:
        await until(lambda: asyncio.sleep(0, (lane := running.lanes.get(place)) and lane.offsets.mark == 420))
    assert len(await letters(real_kafka, topic)) == 5


async def test_without_the_limit_the_pour_goes_through(real_kafka: KafkaPlace) -> None:
    topic = await real_kafka.new_topic("pour")
    await real_kafka.create(DLQ)
    await write_films(real_kafka, topic, 30)

    async def all_dead() -> bool:
        return len(await letters(real_kafka, topic)) == 30

    async with service(real_kafka, [topic], hands=bad_release()):
        await until(all_dead)
