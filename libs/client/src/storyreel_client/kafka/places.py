"""Which partitions topics have, asked from the broker: a consumer knows only those that it subscribed to."""

from collections.abc import Collection

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

TIMEOUT_MS = 10_000


async def partitions_of(servers: str, topics: Collection[str]) -> list[TopicPartition]:
    """Partitions of those topics that exist, in order."""
    admin = AIOKafkaAdminClient(bootstrap_servers=servers, request_timeout_ms=TIMEOUT_MS)
    try:
        await admin.start()
        there = sorted(set(topics) & set(await admin.list_topics()))
        described = await admin.describe_topics(there) if there else []
    finally:
        await admin.close()
    return sorted(TopicPartition(d["topic"], p["partition"]) for d in described for p in d["partitions"])
