"""Writes records: idempotent producer, acks=all, default (murmur2) partitioner."""

from types import TracebackType
from typing import Self

from aiokafka import AIOKafkaProducer

from storyreel_client.kafka.trouble import answers
from storyreel_client.records import Headers


class KafkaSender:
    """RecordSender on a real broker. Entering it connects; leaving it waits for what is still on its way."""

    def __init__(self, servers: str) -> None:
        self._servers = servers

    async def __aenter__(self) -> Self:
        self._producer = AIOKafkaProducer(
            bootstrap_servers=self._servers,
            client_id="storyreel-client",
            acks="all",
            enable_idempotence=True,
            request_timeout_ms=10_000,
        )
        with answers(self._servers, "Nothing was sent."):
            try:
                await self._producer.start()
            except BaseException:
                await self._producer.stop()
                raise
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        await self._producer.stop()

    async def send(self, topic: str, key: bytes | None, value: bytes | None, headers: Headers) -> tuple[int, int]:
        """Partition and offset of the stored record. Raises UnreachableError."""
        with answers(
            self._servers, "It is not known whether the record arrived; sending it again with the same id is harmless."
        ):
            stored = await self._producer.send_and_wait(topic, value, key=key, headers=headers)
        return stored.partition, stored.offset
