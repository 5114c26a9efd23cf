"""The brokers on which the connected suite runs: one fixture, these kinds. What one cannot do skips a test with the reason.

`apache`      the embedded Apache Kafka
`librdkafka`  librdkafka's in-memory broker, what `make up` falls back to where no Maven repository can be reached
`container`   Apache Kafka in a container, where a Docker engine is
`named`       the one that KAFKA_BOOTSTRAP_SERVERS names; it alone, then

STORYREEL_BROKERS (by comma) chooses among the first three; `apache,librdkafka` if it is not set, because the whole suite
runs on containers in deploy/tests.
"""

import asyncio
import os
import shutil
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from confluent_kafka import Producer
from storyreel_local import topics
from storyreel_local.ports import pick
from storyreel_local.testing import KafkaPlace, embedded, unavailable

PARTITIONS = 4
"""Partitions of a topic that every kind can make."""
_PATIENCE_S = 60.0
_IMAGE = "apache/kafka:4.3.1"
_CONFIG = Path(__file__).parents[3] / "deploy" / "kafka" / "server.properties"


@dataclass(frozen=True)
class MockPlace(KafkaPlace):
    """librdkafka's broker: no topic is created through the protocol, one appears when it is asked for."""

    async def new_topic(self, prefix: str = "test", partitions: int = 1) -> str:
        """A fresh topic; skips the test if it wants another number of partitions than this broker gives."""
        name = f"{prefix}-{uuid.uuid4().hex[:10]}"
        await self.create(name, partitions=partitions)
        return name

    async def create(self, *names: str, partitions: int = 1) -> None:
        """Create these unless they exist."""
        if partitions != PARTITIONS:
            pytest.skip(f"librdkafka's broker gives every topic {PARTITIONS} partitions, and this test is about {partitions}")
        asker = Producer({"bootstrap.servers": self.bootstrap_servers})
        for name in names:
            await asyncio.to_thread(asker.list_topics, name, 10)


def several_members(place: KafkaPlace) -> None:
    """Skip where a group of more than one member cannot be tried."""
    if isinstance(place, MockPlace):
        pytest.skip("librdkafka's broker fails SyncGroup for a second member")


def chosen() -> list[str]:
    """Kinds to run on. Raises ValueError on one that is not known."""
    if os.environ.get("KAFKA_BOOTSTRAP_SERVERS"):
        return ["named"]
    names = [name.strip() for name in os.environ.get("STORYREEL_BROKERS", "apache,librdkafka").split(",")]
    if unknown := set(names) - set(KINDS):
        raise ValueError(f"STORYREEL_BROKERS names {', '.join(sorted(unknown))}; known are {', '.join(KINDS)}")
    return names


@contextmanager
def apache(folder: Path) -> Iterator[KafkaPlace]:
    """The embedded one."""
    with embedded("kafka", folder) as endpoints:
        if not endpoints["kafka"]["durable"]:
            unavailable("kafka", "the jars cannot be downloaded")
        yield KafkaPlace(endpoints["kafka"]["bootstrap_servers"])


@contextmanager
def librdkafka(folder: Path) -> Iterator[KafkaPlace]:
    """The in-memory one, in a process of its own."""
    address = folder / "address"
    process = subprocess.Popen([sys.executable, "-m", "storyreel_local.mock_broker", str(address)])
    try:
        end = time.monotonic() + _PATIENCE_S
        while not (address.exists() and address.read_text()):
            assert process.poll() is None, "the in-memory broker died"
            assert time.monotonic() < end, "the in-memory broker did not say where it is"
            time.sleep(0.1)
        yield MockPlace(address.read_text())
    finally:
        process.terminate()
        process.wait(10)


@contextmanager
def container(folder: Path) -> Iterator[KafkaPlace]:
    """The one in a container, under the same settings as in docker-compose.yml."""
    if shutil.which("docker") is None:
        unavailable("docker", "there is no docker command")
    answer = subprocess.run(["docker", "info"], capture_output=True, text=True, check=False)
    if answer.returncode:
        unavailable("docker", answer.stderr.strip().splitlines()[-1])
    from docker.errors import DockerException
    from testcontainers.core.config import testcontainers_config
    from testcontainers.core.container import DockerContainer

    testcontainers_config.ryuk_disabled = True  # the reaper is an image of its own; we stop what we start
    port = pick(set())
    config = _CONFIG.read_text().replace("127.0.0.1:9094", f"127.0.0.1:{port}").replace("kafka:", "localhost:")
    (folder / "server.properties").write_text(config)
    made = DockerContainer(_IMAGE).with_bind_ports(9094, port).with_volume_mapping(str(folder), "/mnt/shared/config")
    try:
        made.start()
    except DockerException as error:
        unavailable("docker", str(error))
    try:
        _wait_for(f"127.0.0.1:{port}")
        yield KafkaPlace(f"127.0.0.1:{port}")
    finally:
        made.stop()


@contextmanager
def named(folder: Path) -> Iterator[KafkaPlace]:
    """The one that the environment names."""
    servers = os.environ["KAFKA_BOOTSTRAP_SERVERS"]
    _wait_for(servers)
    yield KafkaPlace(servers)


def _wait_for(servers: str) -> None:
    end = time.monotonic() + _PATIENCE_S
    while not asyncio.run(topics.answers(servers)):
        assert time.monotonic() < end, f"no broker answers at {servers}"
        time.sleep(0.5)


KINDS: dict[str, Callable[[Path], AbstractContextManager[KafkaPlace]]] = {
    "apache": apache,
    "librdkafka": librdkafka,
    "container": container,
    "named": named,
}
