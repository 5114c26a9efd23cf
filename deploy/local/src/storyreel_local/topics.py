"""Topics of the embedded broker: created from the contracts' catalogue, with their partitions and retention."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code


@dataclass(frozen=True)
class Topic:
    """What the broker needs to know of one topic. `retention_ms` of None is the broker's default (seven days)."""

    name: str
    partitions: int = 1
    retention_ms: int | None = None


def catalogue() -> list[Topic]:
    """All topics of the contracts package."""
    from storyreel_contracts.topics import CATALOGUE  # noqa: PLC0415 - tests that need a bare broker do without the contracts

    entries = CATALOGUE.values() if isinstance(CATALOGUE, dict) else CATALOGUE
    return [Topic(entry.name, entry.partitions, entry.retention_ms) for entry in entries]


async def create(bootstrap: str, wanted: Iterable[Topic], replication: int = 1) -> list[str]:
    """Create those that do not exist, with so many replicas, and return their names. Raises KafkaError."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        existing = set(await admin.list_topics())
        missing = [topic for topic in wanted if topic.name not in existing]
        if missing:
            response = await admin.create_topics([_new(topic, replication) for topic in missing])
            _raise_for(response)
        return [topic.name for topic in missing]
    finally:
        await admin.close()


async def answers(bootstrap: str) -> bool:
    """Whether the broker answers a metadata request with itself as a live node."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=3000)
    try:
        await admin.start()
        return bool((await admin.describe_cluster()).get("brokers"))
    except (KafkaError, OSError):
        return False
    finally:
        await admin.close()


def _new(topic: Topic, replication: int) -> NewTopic:
    configs = {} if topic.retention_ms is None else {"retention.ms": str(topic.retention_ms)}
    return NewTopic(topic.name, topic.partitions, replication_factor=replication, topic_configs=configs)


def _raise_for(response: Any) -> None:  # aiokafka builds its response classes at run time
    for name, code, *reason in response.topic_errors:
        error = for_code(code)
        if code and error is not TopicAlreadyExistsError:
            raise error(f"{name}: {' '.join(str(part) for part in reason if part)}")
