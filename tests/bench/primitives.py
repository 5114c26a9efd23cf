"""The raw costs under a film, by bare clients on the same broker, Redis and object store: what no design can do without."""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import uuid4

import boto3
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from botocore.config import Config
from redis.asyncio import Redis
from storyreel_local import topics

_TIMES = 25
_SAVE = """
if tonumber(redis.call('HGET', KEYS[1], 'v') or '0') ~= tonumber(ARGV[1]) then return 0 end
return redis.call('HSET', KEYS[1], 'v', ARGV[1] + 1, 'd', ARGV[2])
"""


@dataclass(frozen=True)
class Costs:
    """Medians in seconds. `hop`: a record written with acks=all and received; `fold`: Redis read and compare-and-set."""

    hop: float
    fold: float
    put: float
    get: float


async def measure(endpoints: dict[str, Any], record_bytes: int, fold_bytes: int, artifact_bytes: int) -> Costs:
    """Time each primitive, at the sizes that a film has."""
    hop = await _hop(endpoints["kafka"]["bootstrap_servers"], bytes(record_bytes))
    fold = await _fold(endpoints["redis"]["url"], "x" * fold_bytes)
    put, get = await asyncio.to_thread(_artifact, endpoints["s3"], bytes(artifact_bytes))
    return Costs(hop, fold, put, get)


async def _hop(servers: str, value: bytes) -> float:
    name = f"bench-hop-{uuid4().hex[:8]}"
    await topics.create(servers, [topics.Topic(name)])
    async with (
        AIOKafkaProducer(bootstrap_servers=servers, acks="all", enable_idempotence=True) as producer,
        AIOKafkaConsumer(bootstrap_servers=servers) as consumer,
    ):
        consumer.assign([TopicPartition(name, 0)])
        await consumer.seek_to_beginning()

        async def once() -> None:
            await producer.send_and_wait(name, value, key=b"film")
            await consumer.getone()

        return await _median(once)


async def _fold(url: str, value: str) -> float:
    redis, key = Redis.from_url(url, decode_responses=True), f"bench-{uuid4().hex}"

    async def once() -> None:
        version, _ = await redis.hmget(key, ["v", "d"])
        await redis.eval(_SAVE, 1, key, version or 0, value)

    try:
        return await _median(once)
    finally:
        await redis.delete(key)
        await redis.aclose()


def _artifact(place: dict[str, str], value: bytes) -> tuple[float, float]:
    client = boto3.client(
        "s3", endpoint_url=place["endpoint"], aws_access_key_id=place["access_key"], aws_secret_access_key=place["secret_key"],
        region_name=place["region"], config=Config(s3={"addressing_style": "path"}, signature_version="s3v4"),
    )  # fmt: skip
    puts, gets = [], []
    for _ in range(_TIMES):
        where = {"Bucket": place["bucket"], "Key": f"bench/{uuid4().hex}"}
        puts.append(_timed(partial(client.put_object, Body=value, **where)))
        gets.append(_timed(partial(_read, client, where)))
        client.delete_object(**where)
    return statistics.median(puts), statistics.median(gets)


def _read(client: Any, where: dict[str, str]) -> None:
    client.get_object(**where)["Body"].read()


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


async def _median(work: Callable[[], Awaitable[None]]) -> float:
    await work()
    found = []
    for _ in range(_TIMES):
        began = time.perf_counter()
        await work()
        found.append(time.perf_counter() - began)
    return statistics.median(found)
