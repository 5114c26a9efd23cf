"""The real stores keep the same promises as their twins."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import boto3
import pytest
from botocore.exceptions import ClientError
from moto.server import ThreadedMotoServer
from redis.asyncio import Redis
from stores import ArtifactStorePromises, FoldStorePromises, LeasePromises
from storyreel_chassis.leases import RedisLeases
from storyreel_chassis.redis_folds import RedisFoldStore, connect
from storyreel_chassis.s3 import S3ArtifactStore
from storyreel_chassis.settings import SharedSettings
from storyreel_local.testing import S3Place

pytestmark = pytest.mark.connected


@pytest.fixture
async def redis(real_redis: str) -> AsyncIterator[Redis]:
    client = connect(real_redis)
    yield client
    await client.aclose()


class TestRedisFolds(FoldStorePromises):
    @pytest.fixture
    def folds(self, redis: Redis) -> RedisFoldStore:
        return RedisFoldStore(redis, f"test-{uuid4().hex}")


class TestRedisLeases(LeasePromises):
    @pytest.fixture
    def leases(self, redis: Redis) -> RedisLeases:
        return RedisLeases(redis, f"test-{uuid4().hex}")

    @pytest.fixture
    def pass_time(self) -> object:
        return asyncio.sleep


class TestS3Artifacts(ArtifactStorePromises):
    @pytest.fixture
    def store(self, real_s3: S3Place) -> S3ArtifactStore:
        shared = _shared(real_s3.endpoint, real_s3.bucket, real_s3.access_key, real_s3.secret_key, real_s3.region)
        return S3ArtifactStore(shared)

    async def test_whether_the_store_deletes_by_itself_is_told_and_true(self, store: S3ArtifactStore, real_s3: S3Place) -> None:
        told = await store.expire("keys/checkpoints/", 7)
        assert told is bool(
            await asyncio.to_thread(_rules, real_s3.endpoint, real_s3.bucket, real_s3.access_key, real_s3.secret_key)
        )


async def test_checkpoints_expire_where_the_store_has_lifecycle_rules() -> None:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        shared = _shared("http://{}:{}".format(*server.get_host_and_port()), "rules", "key", "secret")
        store = S3ArtifactStore(shared)
        await store.create_bucket()
        assert await store.expire("keys/checkpoints/", 7)
        [rule] = await asyncio.to_thread(_rules, shared.s3_endpoint_url, "rules", "key", "secret")
        assert (rule["Filter"], rule["Expiration"]) == ({"Prefix": "keys/checkpoints/"}, {"Days": 7})
    finally:
        server.stop()


def _rules(endpoint: str, bucket: str, key: str, secret: str) -> list[Any]:
    client = boto3.client(
        "s3", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id=key, aws_secret_access_key=secret
    )
    try:
        return list(client.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"])
    except ClientError:  # the store has no rules, or does not know what rules are
        return []


def _shared(endpoint: str, bucket: str, key: str, secret: str, region: str = "us-east-1") -> SharedSettings:
    return SharedSettings(
        kafka_bootstrap_servers="unused:1", redis_url="redis://unused", s3_endpoint_url=endpoint, s3_bucket=bucket,
        aws_access_key_id=key, aws_secret_access_key=secret, aws_region=region,
    )  # fmt: skip
