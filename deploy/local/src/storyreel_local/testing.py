"""Fixtures for connected tests: a real broker, Redis and object store, started once per session and only when asked for.

Registered as a pytest plugin, so a test just names `real_kafka`, `real_redis` or `real_s3`. Where the settings point at
parts that run elsewhere (KAFKA_BOOTSTRAP_SERVERS, REDIS_URL, S3_ENDPOINT_URL), those are used instead. A part that cannot
be had skips the test with its reason, or fails it when STORYREEL_REQUIRE names the part.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest

if TYPE_CHECKING:
    from storyreel_local.state import Json


@dataclass(frozen=True)
class KafkaPlace:
    """A broker for tests. It creates no topics by itself."""

    bootstrap_servers: str

    async def new_topic(self, prefix: str = "test", partitions: int = 1) -> str:
        """A fresh topic with a name of its own, so that tests share the broker and nothing else."""
        name = f"{prefix}-{uuid.uuid4().hex[:10]}"
        await self.create(name, partitions=partitions)
        return name

    async def create(self, *names: str, partitions: int = 1) -> None:
        """Create these topics unless they exist."""
        from storyreel_local import topics  # noqa: PLC0415 - a plugin that every pytest run loads stays light

        await topics.create(self.bootstrap_servers, [topics.Topic(name, partitions) for name in names])


@dataclass(frozen=True)
class S3Place:
    """An object store for tests with an existing bucket."""

    endpoint: str
    access_key: str
    secret_key: str
    bucket: str
    region: str

    def env(self) -> dict[str, str]:
        """The same as the environment variables that every service reads."""
        return {
            "S3_ENDPOINT_URL": self.endpoint,
            "S3_BUCKET": self.bucket,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_REGION": self.region,
        }


def unavailable(part: str, reason: str) -> NoReturn:
    """Skip the running test, or fail it when STORYREEL_REQUIRE (comma-separated) names the part."""
    required = {name.strip() for name in os.environ.get("STORYREEL_REQUIRE", "").split(",")}
    if part in required:
        pytest.fail(f"{part} is required here and cannot be had: {reason}", pytrace=False)
    pytest.skip(f"{part} cannot be had: {reason}")


@contextmanager
def embedded(part: str, folder: Path) -> Iterator[Json]:
    """One embedded part and its endpoints, stopped at the end; `unavailable` when it cannot be started."""
    from storyreel_local.errors import TroubleError  # noqa: PLC0415 - see above
    from storyreel_local.parts.base import Options  # noqa: PLC0415
    from storyreel_local.stack import Stack  # noqa: PLC0415

    stack = Stack(folder, options=Options(parts=(part,), topics=False, tied=True))
    try:
        stack.up()
    except TroubleError as error:
        unavailable(part, str(error))
    try:
        yield stack.endpoints
    finally:
        stack.down()


@pytest.fixture(scope="session")
def real_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaPlace]:
    """A real Kafka broker."""
    named = os.environ.get("KAFKA_BOOTSTRAP_SERVERS")
    if named:
        yield KafkaPlace(named)
        return
    with embedded("kafka", tmp_path_factory.mktemp("kafka")) as endpoints:
        yield KafkaPlace(endpoints["kafka"]["bootstrap_servers"])


@pytest.fixture(scope="session")
def real_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a real Redis. Shared by the session: use key prefixes of your own."""
    named = os.environ.get("REDIS_URL")
    if named:
        yield named
        return
    with embedded("redis", tmp_path_factory.mktemp("redis")) as endpoints:
        yield endpoints["redis"]["url"]


@pytest.fixture(scope="session")
def real_s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Place]:
    """A real object store with a bucket. Shared by the session: use key prefixes of your own."""
    named = os.environ.get("S3_ENDPOINT_URL")
    if named:
        keys = (os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"])
        yield S3Place(named, *keys, os.environ["S3_BUCKET"], os.environ.get("AWS_REGION", "us-east-1"))
        return
    with embedded("s3", tmp_path_factory.mktemp("s3")) as endpoints:
        place = endpoints["s3"]
        yield S3Place(place["endpoint"], place["access_key"], place["secret_key"], place["bucket"], place["region"])
