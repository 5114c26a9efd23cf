"""Redis: live logs of films (streams), lists per tenant (sorted sets), intents (a hash). Keys begin with storyreel:gateway:."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

from redis.asyncio import Redis
from redis.exceptions import RedisError
from storyreel_chassis.errors import Transient
from storyreel_contracts import FailureKind

from storyreel_gateway.domain.decisions import LiveEvent

_PREFIX = "storyreel:gateway"
LOG_LIMIT = 5_000  # entries kept per film; a watcher who was away longer gets a snapshot
LOG_DAYS = 7
_BLOCK_S = 2.0  # below the client's socket timeout, so that a silent log is no lost connection


async def _ask(answer: Any) -> Any:
    try:
        return await cast(Any, answer)
    except RedisError as error:
        raise Transient(FailureKind.DEPENDENCY_DOWN, f"Redis: {error}") from error


class RedisFilmLog:
    """A stream per film, trimmed and expiring; lost with Redis and written again by the replay."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def append(self, film_id: str, entry: LiveEvent) -> None:
        """Add an entry at the end."""
        key = f"{_PREFIX}:log:{film_id}"
        await _ask(self._redis.xadd(key, {"e": entry.model_dump_json()}, maxlen=LOG_LIMIT, approximate=True))
        await _ask(self._redis.expire(key, LOG_DAYS * 86_400))

    async def read(self, film_id: str, after: str, wait_s: float) -> list[tuple[str, LiveEvent]]:
        """Entries after an id, with their ids; waits up to `wait_s` (two seconds at most) for the first."""
        block = max(1, int(min(wait_s, _BLOCK_S) * 1000))
        found = await _ask(self._redis.xread({f"{_PREFIX}:log:{film_id}": after}, count=200, block=block))
        return [(i, LiveEvent.model_validate_json(fields["e"])) for _, entries in found or [] for i, fields in entries]

    async def last(self, film_id: str) -> str:
        """Id of the newest entry, or '0-0'."""
        found = await _ask(self._redis.xrevrange(f"{_PREFIX}:log:{film_id}", count=1))
        return str(found[0][0]) if found else "0-0"


class RedisIndex:
    """Sorted sets per tenant; scores are times in milliseconds."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def add_film(self, tenant_id: str, film_id: str, at: datetime) -> None:
        """Put a film on the list; again changes nothing."""
        await _ask(self._redis.zadd(f"{_PREFIX}:films:{tenant_id}", {film_id: _millis(at)}, nx=True))

    async def films(self, tenant_id: str, before: datetime | None, limit: int) -> list[tuple[str, datetime]]:
        """Film ids with their times, newest first, older than `before`."""
        most = f"({_millis(before)}" if before else "+inf"
        key = f"{_PREFIX}:films:{tenant_id}"
        found = await _ask(self._redis.zrevrangebyscore(key, most, "-inf", start=0, num=limit, withscores=True))
        return [(film_id, _moment(score)) for film_id, score in found]

    async def film_at(self, tenant_id: str, film_id: str) -> datetime | None:
        """When the tenant's film was put on the list."""
        score = await _ask(self._redis.zscore(f"{_PREFIX}:films:{tenant_id}", film_id))
        return None if score is None else _moment(score)

    async def open_review(self, tenant_id: str, review_id: str, film_id: str, due: datetime) -> None:
        """Put a review on the desk."""
        await _ask(self._redis.hset(f"{_PREFIX}:review-films:{tenant_id}", review_id, film_id))
        await _ask(self._redis.zadd(f"{_PREFIX}:reviews:{tenant_id}", {review_id: _millis(due)}))

    async def close_review(self, tenant_id: str, review_id: str) -> None:
        """Take a review off the desk."""
        await _ask(self._redis.zrem(f"{_PREFIX}:reviews:{tenant_id}", review_id))

    async def reviews(self, tenant_id: str, limit: int) -> list[tuple[str, str]]:
        """Open reviews with their films, next due first."""
        ids = await _ask(self._redis.zrange(f"{_PREFIX}:reviews:{tenant_id}", 0, limit - 1))
        films = await _ask(self._redis.hmget(f"{_PREFIX}:review-films:{tenant_id}", ids)) if ids else []
        return [(review_id, film) for review_id, film in zip(ids, films, strict=True) if film]

    async def film_of_review(self, tenant_id: str, review_id: str) -> str | None:
        """The film of a review, open or not."""
        found = await _ask(self._redis.hget(f"{_PREFIX}:review-films:{tenant_id}", review_id))
        return None if found is None else str(found)


class RedisIntents:
    """A hash of intents by name."""

    def __init__(self, redis: Redis) -> None:
        self._redis, self._key = redis, f"{_PREFIX}:intents"

    async def put(self, name: str, value: str) -> None:
        """Keep an intent."""
        await _ask(self._redis.hset(self._key, name, value))

    async def drop(self, name: str) -> None:
        """It is done."""
        await _ask(self._redis.hdel(self._key, name))

    async def all(self) -> Mapping[str, str]:
        """All intents that were not dropped."""
        return dict(await _ask(self._redis.hgetall(self._key)))


def _millis(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _moment(score: float) -> datetime:
    return datetime.fromtimestamp(score / 1000, UTC)
