"""Redis and the object store killed with -9 under load: what they acknowledged is there, and services go on by themselves."""

import asyncio
import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis as redis_client
from botocore.exceptions import BotoCoreError, ClientError
from field import MakeField, until
from member import NAME
from storyreel_contracts.topics import retries_of
from storyreel_local import topics
from storyreel_local.errors import TroubleError
from storyreel_local.parts.base import Context, Options, Part
from storyreel_local.parts.redis import Redis
from storyreel_local.parts.s3 import BUCKET, S3, client
from storyreel_local.process import Process
from storyreel_local.stack import Stack
from storyreel_local.testing import unavailable

pytestmark = [pytest.mark.connected, pytest.mark.slow]
_ROUNDS = 5


class ForgetfulRedis(Redis):
    """Without its append-only file: Redis as it comes, which saves now and then."""

    def start(self, ctx: Context) -> Process:
        """As the part does it, less the file."""
        return super().start(_WithoutFile(**vars(ctx)))


class _WithoutFile(Context):
    def spawn(self, name: str, argv: list[str], env: dict[str, str] | None = None) -> Process:
        """Leave out the file and all that concerns it."""
        return super().spawn(name, argv[: argv.index("--appendonly")], env)


def up(folder: Path, part: Part, s3: str = "auto") -> Stack:
    """One part, started."""
    stack = Stack(folder, options=Options(parts=(part.name,), tied=True, s3=s3), parts=[part])
    try:
        return stack.up()
    except TroubleError as error:
        unavailable(part.name, str(error))


def bounce(stack: Stack, name: str) -> None:
    """SIGKILL, and a new process that serves."""
    stack.kill(name)
    stack.part(name).start(stack.context)
    end = time.monotonic() + 30
    while not stack.part(name).ready(stack.context):
        assert time.monotonic() < end, f"{name} did not come back"
        time.sleep(0.05)


def under_load(
    write: Callable[[int], None], strike: Callable[[], None], rounds: int, failures: type[Exception] | Any
) -> set[int]:
    """Numbers whose write was acknowledged while the part was struck so many times."""
    done, acknowledged = threading.Event(), set[int]()

    def work() -> None:
        number = 0
        while not done.is_set():
            number += 1
            try:
                write(number)
            except failures:
                time.sleep(0.02)
            else:
                acknowledged.add(number)

    writer = threading.Thread(target=work)
    writer.start()
    try:
        for _ in range(rounds):
            time.sleep(1)
            strike()
        time.sleep(0.5)
    finally:
        done.set()
        writer.join()
    return acknowledged


@pytest.mark.parametrize(("part", "kept"), [(Redis, True), (ForgetfulRedis, False)])
def test_redis_keeps_every_write_that_it_acknowledged_over_kills_and_without_its_file_it_does_not(
    tmp_path: Path, part: type[Redis], kept: bool
) -> None:
    stack = up(tmp_path, part())
    try:
        with redis_client.Redis.from_url(stack.endpoints["redis"]["url"], socket_timeout=5) as connection:

            def write(number: int) -> None:
                connection.set(f"k{number}", number)

            acknowledged = under_load(write, lambda: bounce(stack, "redis"), _ROUNDS, (redis_client.RedisError, OSError))
            lost = [n for n in acknowledged if connection.get(f"k{n}") is None]
        print(f"\n{part.__name__}: {_ROUNDS} kills, {len(acknowledged)} writes acknowledged, {len(lost)} lost")
        assert len(acknowledged) > 100
        assert (not lost) is kept
    finally:
        stack.down()


@pytest.mark.parametrize(("store", "kept"), [("versitygw", True), ("moto", False)])
def test_the_store_keeps_every_object_that_it_acknowledged_over_kills_and_shows_no_half_ones(
    tmp_path: Path, store: str, kept: bool
) -> None:
    stack = up(tmp_path, S3(), store)
    connection = client(stack.context)
    bodies: dict[int, bytes] = {}

    def write(number: int) -> None:
        bodies[number] = os.urandom(300_000)
        key = hashlib.sha256(bodies[number]).hexdigest()
        connection.put_object(Bucket=BUCKET, Key=f"objects/{key}", Body=bodies[number])
        connection.put_object(Bucket=BUCKET, Key=f"first/{number}", Body=key.encode(), IfNoneMatch="*")

    def strike() -> None:
        bounce(stack, "s3")
        stack.part("s3").prepare(stack.context)  # moto forgot its bucket, too

    try:
        acknowledged = under_load(write, strike, _ROUNDS, (BotoCoreError, ClientError))
        lost = [n for n in acknowledged if _read(connection, f"objects/{hashlib.sha256(bodies[n]).hexdigest()}") != bodies[n]]
        shown = [item["Key"] for item in _listed(connection, "objects/")]
        half = [key for key in shown if hashlib.sha256(_read(connection, key)).hexdigest() != key.removeprefix("objects/")]
        print(f"\n{store}: {_ROUNDS} kills, {len(acknowledged)} of {len(bodies)} writes acknowledged, {len(lost)} lost,")
        print(f"  {len(shown)} objects shown, {len(half)} of them not whole")
        assert len(acknowledged) > 20
        assert half == []
        assert (not lost) is kept
        if kept:
            _refuses_a_second_writer(connection, max(acknowledged))
    finally:
        connection.close()
        stack.down()


def _refuses_a_second_writer(connection: Any, number: int) -> None:
    with pytest.raises(ClientError, match="PreconditionFailed"):
        connection.put_object(Bucket=BUCKET, Key=f"first/{number}", Body=b"late", IfNoneMatch="*")


def _read(connection: Any, key: str) -> bytes:
    try:
        body: bytes = connection.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    except ClientError:
        return b""
    return body


def _listed(connection: Any, prefix: str) -> Iterator[dict[str, Any]]:
    for page in connection.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix):
        yield from page.get("Contents", [])


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[Stack]:
    """Kafka, Redis and a durable object store."""
    stack = Stack(tmp_path / "stack", options=Options(parts=("kafka", "redis", "s3"), topics=False, tied=True, s3="versitygw"))
    try:
        stack.up()
    except TroubleError as error:
        unavailable("s3", str(error))
    yield stack
    stack.down()


async def test_a_service_whose_redis_and_store_are_killed_under_load_comes_back_by_itself(
    stores: Stack, make_field: MakeField
) -> None:
    servers, place = stores.endpoints["kafka"]["bootstrap_servers"], stores.endpoints["s3"]
    await topics.create(servers, [topics.Topic(name, 2) for name in retries_of(NAME)])
    field = await make_field(servers, stores.endpoints["redis"]["url"])
    field.more_topics = tuple(retries_of(NAME))
    s3 = {
        "s3_endpoint_url": place["endpoint"], "s3_bucket": place["bucket"], "aws_access_key_id": place["access_key"],
        "aws_secret_access_key": place["secret_key"], "aws_region": place["region"],
    }  # fmt: skip
    for _ in range(2):
        field.join(work_s=0.0, s3=s3)
    await until(field.settled)
    load = asyncio.create_task(field.write(600, 15))
    for _ in range(3):
        for name in ("redis", "s3"):
            await asyncio.sleep(3)
            stores.kill(name)
            await asyncio.sleep(1.5)
            stores.part(name).start(stores.context)
            async with asyncio.timeout(30):
                while not await asyncio.to_thread(stores.part(name).ready, stores.context):
                    await asyncio.sleep(0.1)
    await load
    assert (await field.verdict(150, "stores killed three times each")).good
    assert await field.miscounted() == {}
