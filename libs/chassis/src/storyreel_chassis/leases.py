"""Leases with fencing tokens: one worker at a time, and a late one is known by its older token."""

from dataclasses import dataclass
from typing import Any, Protocol, cast
from uuid import uuid4

from redis.asyncio import Redis
from redis.exceptions import RedisError
from storyreel_contracts import FailureKind

from storyreel_chassis.clock import Clock
from storyreel_chassis.errors import Transient

_ACQUIRE = """
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return redis.call('INCR', KEYS[2]) end
return 0
"""
_RENEW = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('PEXPIRE', KEYS[1], ARGV[2]) end return 0"
_RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"


class Lease(Protocol):
    """A right to work that ends by itself."""

    @property
    def token(self) -> int:
        """Grows with every acquisition of the same name."""
        ...

    async def renew(self) -> bool:
        """Make it last its full time again. False: it is lost, stop working."""
        ...

    async def release(self) -> None:
        """Let others work at once."""
        ...


class Leases(Protocol):
    """Where leases come from."""

    async def acquire(self, name: str, ttl_s: float) -> Lease | None:
        """A lease of `ttl_s` seconds, or None while another holds it."""
        ...


@dataclass(frozen=True)
class _RedisLease:
    redis: Redis
    name: str
    owner: str
    ttl_ms: int
    token: int

    async def renew(self) -> bool:
        return bool(await _ask(self.redis.eval(_RENEW, 1, self.name, self.owner, self.ttl_ms)))

    async def release(self) -> None:
        await _ask(self.redis.eval(_RELEASE, 1, self.name, self.owner))


class RedisLeases:
    """The real ones. Redis alone does not make them safe: results are written first-writer-wins besides."""

    def __init__(self, redis: Redis, service: str) -> None:
        self._redis, self._prefix = redis, f"storyreel:{service}:lease:"

    async def acquire(self, name: str, ttl_s: float) -> Lease | None:
        """A lease of `ttl_s` seconds, or None while another holds it."""
        key, owner, ttl_ms = self._prefix + name, uuid4().hex, int(ttl_s * 1000)
        token = int(await _ask(self._redis.eval(_ACQUIRE, 2, key, self._prefix + "tokens:" + name, owner, ttl_ms)))
        return _RedisLease(self._redis, key, owner, ttl_ms, token) if token else None


async def _ask(answer: Any) -> Any:
    try:
        return await cast(Any, answer)
    except RedisError as error:
        raise Transient(FailureKind.DEPENDENCY_DOWN, f"Redis: {error}") from error


class MemoryLeases:
    """Twin on a clock of the caller's."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._held: dict[str, tuple[int, float]] = {}
        self._tokens: dict[str, int] = {}

    async def acquire(self, name: str, ttl_s: float) -> Lease | None:
        """A lease of `ttl_s` seconds, or None while another holds it."""
        if self._held.get(name, (0, float("-inf")))[1] > self._clock.monotonic():
            return None
        token = self._tokens[name] = self._tokens.get(name, 0) + 1
        self._held[name] = (token, self._clock.monotonic() + ttl_s)
        return _MemoryLease(self, name, token, ttl_s)

    def renew(self, name: str, token: int, ttl_s: float) -> bool:
        """Extend if this token still holds."""
        held, until = self._held.get(name, (0, 0.0))
        if held != token or until <= self._clock.monotonic():
            return False
        self._held[name] = (token, self._clock.monotonic() + ttl_s)
        return True

    def release(self, name: str, token: int) -> None:
        """Free if this token still holds."""
        if self._held.get(name, (0, 0.0))[0] == token:
            del self._held[name]


@dataclass(frozen=True)
class _MemoryLease:
    leases: MemoryLeases
    name: str
    token: int
    ttl_s: float

    async def renew(self) -> bool:
        return self.leases.renew(self.name, self.token, self.ttl_s)

    async def release(self) -> None:
        self.leases.release(self.name, self.token)
