"""The connected suite once more, on containers: the chassis' promises on Kafka, Redis and S3 started by testcontainers."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from docker.errors import DockerException
from storyreel_local.ports import pick
from storyreel_local.testing import unavailable
from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import LogMessageWaitStrategy

pytestmark = [pytest.mark.connected, pytest.mark.slow]
ROOT = Path(__file__).parents[2]
KEYS = {"ROOT_ACCESS_KEY": "containers", "ROOT_SECRET_KEY": "containers-secret"}
testcontainers_config.ryuk_disabled = True  # the reaper is an image of its own; the fixtures below stop what they start


@contextmanager
def running(container: DockerContainer) -> Iterator[DockerContainer]:
    """Start it, or say why that cannot be; stop it afterwards."""
    try:
        container.start()
    except DockerException as error:
        unavailable("docker", str(error))
    try:
        yield container
    finally:
        container.stop()


@pytest.fixture
def engine() -> None:
    """A Docker engine that answers."""
    if shutil.which("docker") is None:
        unavailable("docker", "there is no docker command")
    answer = subprocess.run(["docker", "info"], capture_output=True, text=True, check=False)
    if answer.returncode:
        unavailable("docker", answer.stderr.strip().splitlines()[-1])


@pytest.fixture
def kafka(engine: None, tmp_path: Path) -> Iterator[str]:
    port = pick(set())
    config = (ROOT / "deploy/kafka/server.properties").read_text()
    config = config.replace("127.0.0.1:9094", f"127.0.0.1:{port}").replace("kafka:", "localhost:")
    (tmp_path / "server.properties").write_text(config)
    container = DockerContainer("apache/kafka:4.3.1").with_bind_ports(9094, port)
    container.with_volume_mapping(str(tmp_path), "/mnt/shared/config")
    with running(container):  # `storyreel_chassis.setup` waits until it answers
        yield f"127.0.0.1:{port}"


@pytest.fixture
def redis(engine: None) -> Iterator[str]:
    container = DockerContainer("redis:7.4").with_command("redis-server --protected-mode no").with_exposed_ports(6379)
    container.waiting_for(LogMessageWaitStrategy("Ready to accept connections"))
    with running(container) as started:
        yield f"redis://127.0.0.1:{started.get_exposed_port(6379)}/0"


@pytest.fixture
def s3(engine: None) -> Iterator[str]:
    container = DockerContainer("versity/versitygw:v1.8.0").with_exposed_ports(7070).with_command("--port :7070 posix /data")
    for name, value in KEYS.items():
        container.with_env(name, value)
    with running(container) as started:
        yield f"http://127.0.0.1:{started.get_exposed_port(7070)}"


def test_the_chassis_keeps_its_promises_on_containers(kafka: str, redis: str, s3: str) -> None:
    places = {
        "KAFKA_BOOTSTRAP_SERVERS": kafka, "REDIS_URL": redis, "S3_ENDPOINT_URL": s3, "S3_BUCKET": "containers",
        "AWS_ACCESS_KEY_ID": KEYS["ROOT_ACCESS_KEY"], "AWS_SECRET_ACCESS_KEY": KEYS["ROOT_SECRET_KEY"],
    }  # fmt: skip
    env = {**os.environ, **places}
    prepared = subprocess.run(
        [sys.executable, "-m", "storyreel_chassis.setup"], env=env, capture_output=True, text=True, timeout=90, check=False
    )
    assert prepared.returncode == 0, prepared.stderr
    suite = [sys.executable, "-m", "pytest", "-q", str(ROOT / "libs/chassis/tests/connected")]
    done = subprocess.run(suite, env=env, cwd=ROOT, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stdout[-4000:]
    assert "skipped" not in done.stdout
