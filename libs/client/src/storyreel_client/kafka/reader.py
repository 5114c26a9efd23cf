"""Reads topics without a group, so that looking never moves anybody's offsets."""

import asyncio
from collections.abc import AsyncIterator
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
        with answers(self._servers, "Nothing was read."):
            parts = await partitions_of(self._servers, [topic])
            if not parts:
                return []
            async with self._consumer(from_start=True) as consumer:
                consumer.assign(parts)
                return [_stored(r) for r in await _drain(consumer, parts)]

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


async def _drain(consumer: Any, parts: list[TopicPartition]) -> list[Any]:
    ends = await consumer.end_offsets(parts)
    found: list[Any] = []
    async with asyncio.timeout(_SILENCE_S) as silence:
        while any([await consumer.position(p) < ends[p] for p in parts]):
            batch = [r for records in (await consumer.getmany(*parts, timeout_ms=500)).values() for r in records]
            found += batch
            if batch:
                silence.reschedule(asyncio.get_running_loop().time() + _SILENCE_S)
    return [r for r in found if r.offset < ends[TopicPartition(r.topic, r.partition)]]


def _stored(record: Any) -> StoredRecord:
    return StoredRecord(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        key=record.key,
        value=record.value,
        headers=list(record.headers),
        timestamp_ms=record.timestamp,
    )
