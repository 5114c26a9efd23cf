"""A cluster of three nodes, a Redis beside it, and a field with members for each test."""

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "e2e"))
sys.path.insert(0, str(Path(__file__).parent))

from field import OUT, Field, MakeField
from storyreel_local import topics
from storyreel_local.errors import TroubleError
from storyreel_local.parts.base import Options
from storyreel_local.stack import Stack
from storyreel_local.testing import KafkaPlace, unavailable


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Three nodes and a Redis."""
    options = Options(parts=("kafka", "redis"), topics=False, tied=True, kafka_nodes=3)
    stack = Stack(tmp_path_factory.mktemp("cluster"), options=options)
    try:
        stack.up()
    except TroubleError as error:
        unavailable("kafka", str(error))
    yield stack
    stack.down()


@pytest.fixture
async def make_field(tmp_path: Path) -> AsyncIterator[MakeField]:
    """Fields whose members have left at the end, come what may."""
    made: list[Field] = []

    async def make(servers: str, redis: str, partitions: int = 6, replication: int = 1) -> Field:
        topic = f"takes-{uuid4().hex[:8]}"
        wanted = [topics.Topic(topic, partitions), topics.Topic(OUT, partitions), topics.Topic("continuity-dlq")]
        await topics.create(servers, wanted, replication)
        made.append(Field(servers, redis, topic, tmp_path))
        return made[-1]

    yield make
    await asyncio.gather(*(field.close() for field in made))


@pytest.fixture
async def field(real_kafka: KafkaPlace, real_redis: str, make_field: MakeField) -> Field:
    """A field on one node."""
    return await make_field(real_kafka.bootstrap_servers, real_redis)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sessions of ten seconds run out several times in some tests, on a busy machine."""
    for item in items:
        item.add_marker(pytest.mark.timeout(600))
