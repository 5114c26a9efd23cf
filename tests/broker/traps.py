"""Five traps of plain FastStream and aiokafka, tried on a real broker: what happens without the chassis. Not a test; run once.

    .venv/bin/python tests/broker/traps.py [T3 T6 T9 T13 T14]      on KAFKA_BOOTSTRAP_SERVERS, else on an embedded Apache Kafka

Prints one line for each; the table of tests/broker/README.md records them.
"""

import asyncio
import logging
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from uuid import uuid4

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from aiokafka.structs import OffsetAndMetadata
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from faststream.kafka.annotations import KafkaMessage
from storyreel_local import topics
from storyreel_local.parts.base import Options
from storyreel_local.stack import Stack

_SHORT: dict[str, Any] = {"session_timeout_ms": 6000, "heartbeat_interval_ms": 500, "auto_offset_reset": "earliest"}


async def new_topic(servers: str, partitions: int, each: int = 1) -> str:
    """A topic with so many records in each partition."""
    name = f"trap-{uuid4().hex[:8]}"
    await topics.create(servers, [topics.Topic(name, partitions)])
    async with AIOKafkaProducer(bootstrap_servers=servers) as producer:
        for n in range(each):
            for partition in range(partitions):
                await producer.send_and_wait(name, str(n).encode(), partition=partition)
    return name


async def committed(servers: str, group: str, topic: str) -> dict[int, int]:
    """Commits of a group, by partition."""
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    try:
        found = await admin.list_consumer_group_offsets(group)
        return {tp.partition: meta.offset for tp, meta in found.items() if tp.topic == topic and meta.offset >= 0}
    finally:
        await admin.close()


def plain(servers: str, topic: str, group: str, handle: Callable[[KafkaMessage], Awaitable[None]], **more: Any) -> KafkaBroker:
    """FastStream as its documentation shows it, with acknowledgement by hand."""
    broker = KafkaBroker(servers, logger=None, graceful_timeout=more.pop("graceful_timeout", 10.0))

    @broker.subscriber(topic, group_id=group, ack_policy=AckPolicy.MANUAL, **{**_SHORT, **more})
    async def on_record(message: KafkaMessage) -> None:
        await handle(message)

    return broker


def place_of(message: KafkaMessage) -> tuple[int, int]:
    """Partition and offset."""
    record: Any = message.raw_message
    return record.partition, record.offset


async def ack_of_a_lost_partition(servers: str) -> tuple[str, str]:
    """T3 and T13 in one: A is at work on a record when B joins and gets its partition."""
    for attempt in range(1, 9):
        topic, group = await new_topic(servers, 2), uuid4().hex
        began: list[tuple[str, tuple[int, int], float]] = []
        ends: dict[str, float] = {}
        answers: list[str] = []

        async def slow(message: KafkaMessage, began: Any = began, ends: Any = ends, answers: Any = answers) -> None:
            began.append(("A", place_of(message), time.monotonic()))
            if len(began) == 1:
                await asyncio.sleep(9)
                ends["A"] = time.monotonic()
            try:
                await message.ack()
                answers.append("returned")
            except KafkaError as error:
                answers.append(type(error).__name__)

        async def other(message: KafkaMessage, began: Any = began) -> None:
            began.append(("B", place_of(message), time.monotonic()))
            await asyncio.sleep(20)

        async with AsyncExitStack() as stack:
            first, second = plain(servers, topic, group, slow), plain(servers, topic, group, other, graceful_timeout=0.1)
            await first.start()
            stack.push_async_callback(first.stop)
            await _until(lambda began=began: bool(began))
            await second.start()
            stack.push_async_callback(second.stop)
            await _until(lambda answers=answers: bool(answers), 30)
            mine = began[0][1]
            twice = [b for b in began if b[0] == "B" and b[1] == mine]
            marks = await committed(servers, group, topic)
        if twice:
            overlap = ends["A"] - twice[0][2]
            kept = f"{marks.get(mine[0])}"
            ack = f"ack() {answers[0]} although B had begun p{mine[0]}@{mine[1]}; that partition's commit afterwards: {kept}"
            return f"{ack} (attempt {attempt})", f"the same record ran in A and B at once for {overlap:.1f} s"
    return "B never got the partition", "B never got the partition"


async def t3(servers: str) -> str:
    """A bare ack() after a rebalance."""
    return (await ack_of_a_lost_partition(servers))[0]


async def t13(servers: str) -> str:
    """Rejoining while a handler runs."""
    return (await ack_of_a_lost_partition(servers))[1]


async def t6(servers: str) -> str:
    """max_workers=2 and a stop in the middle of two handlers."""
    topic, group, answers = await new_topic(servers, 1, 2), uuid4().hex, list[str]()
    began = list[int]()

    async def handle(message: KafkaMessage) -> None:
        began.append(place_of(message)[1])
        await asyncio.sleep(2)
        try:
            await message.ack()
            answers.append("returned")
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the finding
            answers.append(type(error).__name__)

    broker = plain(servers, topic, group, handle, max_workers=2)
    await broker.start()
    await _until(lambda: len(began) == 2)
    await broker.stop()
    await asyncio.sleep(3)
    return f"{len(began)} handlers begun, acks: {dict(Counter(answers))}; committed: {await committed(servers, group, topic)}"


async def t9(servers: str) -> str:
    """Handlers of eight seconds, a poll limit of three, two members, four records, 45 seconds."""
    topic, group, began = await new_topic(servers, 4), uuid4().hex, Counter[tuple[int, int]]()
    done = Counter[str]()

    async def handle(message: KafkaMessage) -> None:
        began[place_of(message)] += 1
        await asyncio.sleep(8)
        try:
            await message.ack()
            done["acks returned"] += 1
        except KafkaError as error:
            done[type(error).__name__] += 1

    members = [plain(servers, topic, group, handle, max_poll_interval_ms=3000, graceful_timeout=0.1) for _ in range(2)]
    for member in members:
        await member.start()
    await asyncio.sleep(45)
    marks = await committed(servers, group, topic)
    for member in members:
        await member.stop()
    return f"4 records begun {sum(began.values())} times; {dict(done)}; committed after 45 s: {marks}"


async def t14(servers: str) -> str:
    """The same by pause, polling and explicit commits; a second member joins in the middle."""
    topic, group = await new_topic(servers, 4, 2), uuid4().hex
    began, refused = Counter[tuple[int, int]](), list[str]()
    tasks: list[asyncio.Task[None]] = []

    async def work(consumer: AIOKafkaConsumer, record: Any) -> None:
        place = TopicPartition(record.topic, record.partition)
        began[record.partition, record.offset] += 1
        await asyncio.sleep(8)
        try:
            await consumer.commit({place: OffsetAndMetadata(record.offset + 1, "")})
        except KafkaError as error:
            refused.append(type(error).__name__)
        if place in consumer.assignment():
            consumer.resume(place)

    async def poll(delay: float) -> None:
        await asyncio.sleep(delay)
        options = {**_SHORT, "max_poll_interval_ms": 3000, "enable_auto_commit": False, "max_poll_records": 1}
        async with AIOKafkaConsumer(topic, bootstrap_servers=servers, group_id=group, **options) as consumer:
            while True:
                for place, records in (await consumer.getmany(timeout_ms=200)).items():
                    consumer.pause(place)
                    tasks.extend(asyncio.create_task(work(consumer, record)) for record in records)

    members = [asyncio.create_task(poll(delay)) for delay in (0, 4)]
    await asyncio.sleep(50)
    marks = await committed(servers, group, topic)
    for member in members:
        member.cancel()
    await asyncio.gather(*members, *tasks, return_exceptions=True)
    again = sum(count - 1 for count in began.values())
    return f"{sum(marks.values())} of 8 committed, {again} begun twice, commits refused: {dict(Counter(refused))}"


async def _until(condition: Callable[[], bool], seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.05)


TRAPS: dict[str, Callable[[str], Awaitable[str]]] = {"T3": t3, "T6": t6, "T9": t9, "T13": t13, "T14": t14}


def main(names: list[str]) -> None:
    """Try these on the broker that there is."""
    logging.disable(logging.CRITICAL)
    named = os.environ.get("KAFKA_BOOTSTRAP_SERVERS")
    if named:
        _try(named, names)
        return
    options = Options(parts=("kafka",), topics=False, tied=True)
    with tempfile.TemporaryDirectory() as folder, Stack(Path(folder), options=options) as stack:
        _try(stack.endpoints["kafka"]["bootstrap_servers"], names)


def _try(servers: str, names: list[str]) -> None:
    for name in names:
        print(f"{name}: {asyncio.run(TRAPS[name](servers))}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:] or list(TRAPS))
