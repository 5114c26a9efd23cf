"""The real stores keep the same promises as their twins."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
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
        return S3ArtifactStore(
            SharedSettings(
                kafka_bootstrap_servers="unused:1", redis_url="redis://unused", s3_endpoint_url=real_s3.endpoint,
                s3_bucket=real_s3.bucket, aws_access_key_id=real_s3.access_key, aws_secret_access_key=real_s3.secret_key,
                aws_region=real_s3.region,
            )
        )  # fmt: skip
