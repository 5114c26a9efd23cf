"""The real parts, stopped and started again on the same folder: what was written is there."""

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import boto3
import pytest
import redis
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from storyreel_local import topics
from storyreel_local.errors import TroubleError
from storyreel_local.parts.base import Options
from storyreel_local.stack import Stack
from storyreel_local.testing import unavailable

pytestmark = pytest.mark.connected


def started(folder: Path, part: str) -> Stack:
    stack = Stack(folder, options=Options(parts=(part,), topics=False, tied=True))
    try:
        return stack.up()
    except TroubleError as error:
        unavailable(part, str(error))


async def read_one(bootstrap: str, topic: str) -> bytes | None:
    async with AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest") as reader:
        value: bytes | None = (await asyncio.wait_for(reader.getone(), 15)).value
        return value


async def write_one(bootstrap: str, topic: str) -> None:
    await topics.create(bootstrap, [topics.Topic(topic, partitions=3, retention_ms=60_000_000)])
    async with AIOKafkaProducer(bootstrap_servers=bootstrap) as producer:
        await producer.send_and_wait(topic, b"kept", key=b"film")


def test_kafka_keeps_its_log_over_a_kill_and_over_a_stop_with_new_ports(tmp_path: Path) -> None:
    stack = started(tmp_path, "kafka")
    try:
        asyncio.run(write_one(stack.endpoints["kafka"]["bootstrap_servers"], "films"))
        stack.kill("kafka")
        stack.up()
        assert asyncio.run(read_one(stack.endpoints["kafka"]["bootstrap_servers"], "films")) == b"kept"
        before = stack.endpoints["kafka"]["bootstrap_servers"]
        stack.down()
        stack.state.forget_ports(["kafka", "kafka.controller"])
        stack.up()
        assert stack.endpoints["kafka"]["bootstrap_servers"] != before
        assert asyncio.run(read_one(stack.endpoints["kafka"]["bootstrap_servers"], "films")) == b"kept"
    finally:
        stack.down()
    assert stack.running() == []


def test_redis_keeps_its_data_over_a_restart(tmp_path: Path) -> None:
    stack = started(tmp_path, "redis")
    try:
        with redis.Redis.from_url(stack.endpoints["redis"]["url"]) as client:
            client.set("fold", "kept")
        stack.restart("redis")
        with redis.Redis.from_url(stack.endpoints["redis"]["url"]) as client:
            assert client.get("fold") == b"kept"
    finally:
        stack.down()


def test_a_durable_store_keeps_its_objects_over_a_restart(tmp_path: Path) -> None:
    stack = started(tmp_path, "s3")
    try:
        place = stack.endpoints["s3"]
        if not place["durable"]:
            unavailable("go", "so the store is moto, which says of itself that it forgets")
        keys = {"aws_access_key_id": place["access_key"], "aws_secret_access_key": place["secret_key"]}
        client = boto3.client("s3", endpoint_url=place["endpoint"], region_name=place["region"], **keys)
        client.put_object(Bucket=place["bucket"], Key="a/b", Body=b"kept", ContentType="video/mp4")
        stack.restart("s3")
        found = client.get_object(Bucket=place["bucket"], Key="a/b")
        assert (found["Body"].read(), found["ContentType"]) == (b"kept", "video/mp4")
        client.close()
    finally:
        stack.down()


def test_the_durable_store_refuses_wrong_credentials(tmp_path: Path) -> None:
    stack = started(tmp_path, "s3")
    try:
        place = stack.endpoints["s3"]
        if not place["durable"]:
            unavailable("go", "so the store is moto, which accepts any credentials")
        keys = {"aws_access_key_id": place["access_key"], "aws_secret_access_key": "wrong"}
        client = boto3.client("s3", endpoint_url=place["endpoint"], region_name=place["region"], **keys)
        with pytest.raises(client.exceptions.ClientError, match="SignatureDoesNotMatch"):
            client.list_buckets()
        client.close()
    finally:
        stack.down()


def test_the_broker_creates_no_topic_by_itself(tmp_path: Path) -> None:
    stack = started(tmp_path, "kafka")
    try:
        bootstrap = stack.endpoints["kafka"]["bootstrap_servers"]

        async def use_a_misspelt_topic() -> list[str]:
            async with AIOKafkaProducer(bootstrap_servers=bootstrap, request_timeout_ms=1500) as producer:
                with pytest.raises(Exception, match=r"(?i)unknown|metadata|timeout"):
                    await producer.send_and_wait("gateway-fims", b"x")
            return await topics.create(bootstrap, [topics.Topic("gateway-fims")])

        assert asyncio.run(use_a_misspelt_topic()) == ["gateway-fims"]  # so it was not there
    finally:
        stack.down()


def test_without_maven_an_in_memory_broker_is_used_and_said_in_one_line(tmp_path: Path) -> None:
    """The machine's network is taken away by a proxy that does not answer, its caches by other folders."""
    nowhere = {"HTTPS_PROXY": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9", "HOME": str(tmp_path)}
    env = {**os.environ, **nowhere, "STORYREEL_CACHE": str(tmp_path / "cache")}
    command = [sys.executable, "-m", "storyreel_local"]
    state = ["--state", str(tmp_path / "state")]
    try:
        up = subprocess.run([*command, "up", *state, "--parts", "kafka"], env=env, capture_output=True, text=True, check=False)
        assert up.returncode == 0, up.stderr
        said = [line for line in up.stderr.splitlines() if "in-memory broker, which forgets everything" in line]
        assert len(said) == 1
        endpoints = json.loads((tmp_path / "state" / "stack.json").read_text())
        assert endpoints["kafka"]["durable"] is False
        assert asyncio.run(topics_of(endpoints["kafka"]["bootstrap_servers"])) >= {"campaign-briefs", "gateway-films"}
    finally:
        subprocess.run([*command, "down", *state], env=env, check=True, capture_output=True)


def test_without_maven_a_broker_that_has_films_in_its_log_is_not_replaced(tmp_path: Path) -> None:
    env = {**os.environ, "HTTPS_PROXY": "http://127.0.0.1:9", "HOME": str(tmp_path), "STORYREEL_CACHE": str(tmp_path / "cache")}
    (tmp_path / "state" / "kafka" / "log").mkdir(parents=True)
    (tmp_path / "state" / "kafka" / "log" / "meta.properties").write_text("version=1\n")
    command = [sys.executable, "-m", "storyreel_local", "up", "--state", str(tmp_path / "state"), "--parts", "kafka"]
    up = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert up.returncode == 1
    assert "Maven cannot be reached" in up.stderr
    assert "in-memory" not in up.stderr


async def topics_of(bootstrap: str) -> set[str]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        return set(await admin.list_topics())
    finally:
        await admin.close()
