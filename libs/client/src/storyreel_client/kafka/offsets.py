"""Reads committed and end offsets for `lag`."""

from aiokafka import AIOKafkaConsumer
from aiokafka.admin import AIOKafkaAdminClient

from storyreel_client.kafka.places import TIMEOUT_MS, partitions_of
from storyreel_client.kafka.trouble import answers
from storyreel_client.lag import Place


class KafkaOffsets:
    """OffsetSource on a real broker."""

    def __init__(self, servers: str) -> None:
        self._servers = servers

    async def committed(self, group: str) -> dict[Place, int]:
        """Offset that the group reads next, for every partition it ever committed."""
        with answers(self._servers, "Nothing was read."):
            admin = AIOKafkaAdminClient(bootstrap_servers=self._servers, request_timeout_ms=TIMEOUT_MS)
            try:
                await admin.start()
                known = await admin.list_consumer_group_offsets(group)
            finally:
                await admin.close()
        return {Place(p.topic, p.partition): o.offset for p, o in known.items() if o.offset >= 0}

    async def bounds(self, topics: frozenset[str]) -> dict[Place, tuple[int, int]]:
        """First offset and end offset of every partition of those topics that exist."""
        with answers(self._servers, "Nothing was read."):
            parts = await partitions_of(self._servers, topics)
            consumer = AIOKafkaConsumer(bootstrap_servers=self._servers, request_timeout_ms=TIMEOUT_MS)
            try:
                await consumer.start()
                first, end = await consumer.beginning_offsets(parts), await consumer.end_offsets(parts)
            finally:
                await consumer.stop()
        return {Place(p.topic, p.partition): (first[p], end[p]) for p in parts}
