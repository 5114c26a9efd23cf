"""Reads topics without a group, so that looking never moves anybody's offsets."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from storyreel_client.kafka.places import TIMEOUT_MS, partitions_of
from storyreel_client.kafka.trouble import answers
from storyreel_client.records import StoredRecord

_SILENCE_S = 10.0  # longest wait for a record that the broker says it has


class KafkaReader:
    """TopicReader on a real broker; also follows a topic's tail."""

    def __init__(self, servers: str) -> None:
        self._servers = servers

    async def read_all(self, topic: str) -> list[StoredRecord]:
        """Every record from the beginning to the end as it was when asked; empty if there is no such topic."""
        return [r async for r in self.scan(topic)]

    async def has(self, topic: str) -> bool:
        """Whether there is such a topic."""
        with answers(self._servers, "Nothing was read."):
            return bool(await partitions_of(self._servers, [topic]))

    async def scan(self, topic: str) -> AsyncGenerator[StoredRecord, None]:
        """The same, one by one: a topic may hold more than fits into memory."""
        with answers(self._servers, "Reading stopped in the middle."):
            parts = await partitions_of(self._servers, [topic])
            if not parts:
                return
            async with self._consumer(from_start=True) as consumer:
                consumer.assign(parts)
                async for batch in _batches(consumer, parts):
                    for record in batch:
                        yield _stored(record)

    async def follow(self, topic: str, *, from_start: bool) -> AsyncIterator[StoredRecord]:
        """Records of a topic as they come, for ever; from its beginning or from now."""
        with answers(self._servers, "The film goes on; only watching stopped."):
            parts = await partitions_of(self._servers, [topic])
            async with self._consumer(from_start=from_start) as consumer:
                consumer.assign(parts)
                async for record in consumer:
                    yield _stored(record)

    @asynccontextmanager
    async def _consumer(self, *, from_start: bool) -> AsyncIterator[Any]:
        # The start is set by the reset policy: a seek right after `assign` races with it and may lose (aiokafka 0.14).
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._servers,
            client_id="storyreel-client",
            enable_auto_commit=False,
            auto_offset_reset="earliest" if from_start else "latest",
            request_timeout_ms=TIMEOUT_MS,
        )
        try:
            await consumer.start()
            yield consumer
        finally:
            await consumer.stop()


async def _batches(consumer: Any, parts: list[TopicPartition]) -> AsyncIterator[list[Any]]:
    async with asyncio.timeout(_SILENCE_S):
        ends = await consumer.end_offsets(parts)
    while batch := await _next(consumer, ends):  # no clock runs while the caller deals with a batch
        yield [r for r in batch if r.offset < ends[TopicPartition(r.topic, r.partition)]]


async def _next(consumer: Any, ends: dict[TopicPartition, int]) -> list[Any]:
    """The next records; none at the end. Raises TimeoutError if the broker keeps back what it says it has."""
    async with asyncio.timeout(_SILENCE_S):
        while any([await consumer.position(p) < end for p, end in ends.items()]):
            found = await consumer.getmany(*ends, timeout_ms=500)
            if batch := [r for records in found.values() for r in records]:
                return batch
    return []


def _stored(record: Any) -> StoredRecord:
    return StoredRecord(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        key=record.key,
        value=record.value,
        headers=list(record.headers),
        timestamp_ms=record.timestamp,
        size=len(record.value or b""),
    )
