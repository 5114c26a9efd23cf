"""Folds in Redis: compare-and-set by a script, timers in a sorted set, read positions in a hash."""

from collections.abc import Awaitable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, cast
from uuid import uuid4

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import ExponentialBackoff
from redis.exceptions import RedisError
from storyreel_contracts.decisions import Timer

from storyreel_chassis.errors import Unavailable
from storyreel_chassis.folds import DueTimer, Fold, Loaded, TimerKey

_SAVE = """
if tonumber(redis.call('HGET', KEYS[1], 'v') or '0') ~= tonumber(ARGV[1]) then return 0 end
redis.call('HSET', KEYS[1], 'v', ARGV[1] + 1, 'd', ARGV[2])
for i = 3, #ARGV, 2 do redis.call('ZADD', KEYS[2], ARGV[i], ARGV[i + 1]) end
return 1
"""
_FORGET = "if redis.call('ZSCORE', KEYS[1], ARGV[1]) == ARGV[2] then return redis.call('ZREM', KEYS[1], ARGV[1]) end return 0"
_ADVANCE = """
if redis.call('HGET', KEYS[1], 'opened') ~= ARGV[1] then return 0 end
if #ARGV > 1 then redis.call('HSET', KEYS[1], unpack(ARGV, 2)) end
return 1
"""
_SEPARATOR = "\x1f"


def connect(url: str) -> Redis:
    """A client that gives up on a call after five seconds and tries a lost connection three times."""
    retry = Retry(ExponentialBackoff(cap=1.0, base=0.05), 3)
    return Redis.from_url(url, decode_responses=True, socket_timeout=5, socket_connect_timeout=5, retry=retry)


class RedisFoldStore:
    """The real store of one service. Raises Unavailable while Redis is away."""

    def __init__(self, redis: Redis, service: str) -> None:
        self._redis, self._service = redis, service
        self._opening = ""  # names the store's life: after a loss every replica must notice, not only the first

    async def load(self, film_id: str) -> Loaded:
        """The fold of a film (empty, version 0, if there is none)."""
        version, data = await self._ask(self._redis.hmget(self._key("fold", film_id), ["v", "d"]))
        return Loaded(Fold.model_validate_json(data), int(version)) if data else Loaded(Fold(), 0)

    async def save(self, whose: TimerKey, loaded: Loaded, timers: Sequence[Timer]) -> bool:
        """Write fold and timers if the stored version is still `loaded.version`."""
        args: list[str | float] = [loaded.version, loaded.fold.model_dump_json()]
        for timer in timers:
            args += [_millis(timer.due), _SEPARATOR.join((*whose, timer.name))]
        keys = (self._key("fold", whose.film_id), self._key("timers"))
        return bool(await self._ask(self._redis.eval(_SAVE, 2, *keys, *args)))

    async def due(self, now: datetime, limit: int) -> list[DueTimer]:
        """Timers that have run out, oldest first."""
        timers = self._key("timers")
        found = await self._ask(self._redis.zrangebyscore(timers, 0, _millis(now), 0, limit, withscores=True))
        return [_due(member, score) for member, score in found]

    async def forget(self, timer: DueTimer) -> None:
        """Drop a timer, unless it was set anew meanwhile."""
        member = _SEPARATOR.join((timer.film_id, timer.tenant_id, timer.name))
        await self._ask(self._redis.eval(_FORGET, 1, self._key("timers"), member, str(_millis(timer.due))))

    async def positions(self) -> Mapping[str, int] | None:
        """Offsets up to which this store holds the folds; None if it is empty, or was lost since this was last asked."""
        created = await self._ask(self._redis.hsetnx(self._key("positions"), "opened", uuid4().hex))
        found = await self._ask(self._redis.hgetall(self._key("positions")))
        before, self._opening = self._opening, found.get("opened", "")
        lost = bool(before) and before != self._opening
        return None if created or lost else {k: int(v) for k, v in found.items() if k != "opened"}

    async def advance(self, positions: Mapping[str, int]) -> bool:
        """Record positions; False if the hash is gone, or was opened anew by another replica after a loss."""
        args = [str(x) for pair in positions.items() for x in pair]
        return bool(await self._ask(self._redis.eval(_ADVANCE, 1, self._key("positions"), self._opening, *args)))

    def _key(self, *parts: str) -> str:
        return ":".join(("storyreel", self._service, *parts))

    async def _ask(self, answer: Any) -> Any:
        try:
            return await cast(Awaitable[Any], answer)
        except RedisError as error:
            raise Unavailable(f"Redis: {error}") from error


def _millis(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _due(member: str, score: float) -> DueTimer:
    film_id, tenant_id, name = member.split(_SEPARATOR, 2)
    return DueTimer(film_id, tenant_id, name, datetime.fromtimestamp(score / 1000, UTC))
