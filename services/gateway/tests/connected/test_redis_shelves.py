"""The same promises on real Redis; and what happens when it is away."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from redis.asyncio import Redis
from shelves_suite import IndexSuite, IntentsSuite, LogSuite
from storyreel_chassis.errors import Transient
from storyreel_chassis.redis_folds import connect
from storyreel_gateway.adapters.redis_shelves import RedisFilmLog, RedisIndex, RedisIntents

pytestmark = pytest.mark.connected


class OnRedis:
    """Opens a client per test."""

    @pytest_asyncio.fixture(autouse=True)
    async def _redis(self, real_redis: str) -> AsyncIterator[None]:
        self.redis: Redis = connect(real_redis)
        yield
        await self.redis.aclose()


class TestRedisLog(OnRedis, LogSuite):
    def log(self) -> RedisFilmLog:
        return RedisFilmLog(self.redis)


class TestRedisIndex(OnRedis, IndexSuite):
    def index(self) -> RedisIndex:
        return RedisIndex(self.redis)


class TestRedisIntents(OnRedis, IntentsSuite):
    def intents(self) -> RedisIntents:
        return RedisIntents(self.redis)


async def test_an_absent_redis_is_a_transient_failure_and_not_a_crash() -> None:
    redis = Redis.from_url("redis://127.0.0.1:1/0", socket_connect_timeout=0.2)
    with pytest.raises(Transient):
        await RedisFilmLog(redis).last("film")
    await redis.aclose()
