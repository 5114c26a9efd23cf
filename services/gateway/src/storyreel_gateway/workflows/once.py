"""`Idempotency-Key`: the same key and body get the same answer, another body is refused, a twin in flight is told to wait."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import sha256

from storyreel_contracts import Model

from storyreel_gateway.domain.ports import Leases, Store

_IN_FLIGHT_S = 60.0


class InFlightError(Exception):
    """A request with this key is being answered just now."""


class OtherBodyError(Exception):
    """The key was used before, with another body."""


class _Kept(Model):
    fingerprint: str
    answer: str


@dataclass(frozen=True)
class Once:
    """Answers are kept in the artifact store: they outlive Redis and every replica."""

    store: Store
    leases: Leases

    @asynccontextmanager
    async def alone(self, name: str) -> AsyncIterator[None]:
        """Be the only one at work under this name. Raises InFlightError."""
        lease = await self.leases.acquire(name, _IN_FLIGHT_S)
        if lease is None:
            raise InFlightError(name)
        try:
            yield
        finally:
            await lease.release()

    async def run(self, name: str, fingerprint: str, work: Callable[[], Awaitable[str]]) -> str:
        """The answer kept under `name`, or that of `work`. Raises InFlightError or OtherBodyError."""
        key = f"idempotency/{sha256(name.encode()).hexdigest()}"
        async with self.alone(key):
            earlier = await self.store.recall(key)
            if earlier is not None:
                return _same(earlier, fingerprint)
            kept = _Kept(fingerprint=fingerprint, answer=await work())
            return _same(await self.store.remember(key, kept.model_dump_json().encode()), fingerprint)


def _same(stored: bytes, fingerprint: str) -> str:
    kept = _Kept.model_validate_json(stored)
    if kept.fingerprint != fingerprint:
        raise OtherBodyError
    return kept.answer
