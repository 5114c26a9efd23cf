"""Twins in memory of the Redis shelves, with the same promises for as long as the process lives."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime

from storyreel_gateway.domain.decisions import LiveEvent
from storyreel_gateway.domain.tenants import TenantList


class MemoryFilmLog:
    """A list per film; ids count up as a stream's do."""

    def __init__(self) -> None:
        self._entries: dict[str, list[tuple[str, LiveEvent]]] = defaultdict(list)
        self._news = asyncio.Condition()

    async def append(self, film_id: str, entry: LiveEvent) -> None:
        """Add an entry at the end."""
        async with self._news:
            self._entries[film_id].append((f"1-{len(self._entries[film_id])}", entry))
            self._news.notify_all()

    async def read(self, film_id: str, after: str, wait_s: float) -> list[tuple[str, LiveEvent]]:
        """Entries after an id, with their ids; waits up to `wait_s` for the first."""
        try:
            async with asyncio.timeout(wait_s), self._news:
                await self._news.wait_for(lambda: bool(self._after(film_id, after)))
        except TimeoutError:
            return []
        return self._after(film_id, after)

    async def last(self, film_id: str) -> str:
        """Id of the newest entry, or '0-0'."""
        entries = self._entries[film_id]
        return entries[-1][0] if entries else "0-0"

    def _after(self, film_id: str, after: str) -> list[tuple[str, LiveEvent]]:
        return [entry for entry in self._entries[film_id] if _order(entry[0]) > _order(after)]


def _order(entry_id: str) -> tuple[int, int]:
    first, _, second = entry_id.partition("-")
    return (int(first), int(second or 0))


class MemoryIndex:
    """Dictionaries per tenant."""

    def __init__(self) -> None:
        self._films: dict[str, dict[str, datetime]] = defaultdict(dict)
        self._desk: dict[str, dict[str, datetime]] = defaultdict(dict)
        self._review_films: dict[str, dict[str, str]] = defaultdict(dict)

    async def add_film(self, tenant_id: str, film_id: str, at: datetime) -> None:
        """Put a film on the list; again changes nothing."""
        self._films[tenant_id].setdefault(film_id, at)

    async def films(self, tenant_id: str, before: datetime | None, limit: int) -> list[tuple[str, datetime]]:
        """Film ids with their times, newest first, older than `before`."""
        older = [pair for pair in self._films[tenant_id].items() if before is None or pair[1] < before]
        return sorted(older, key=lambda pair: (pair[1], pair[0]), reverse=True)[:limit]

    async def film_at(self, tenant_id: str, film_id: str) -> datetime | None:
        """When the tenant's film was put on the list."""
        return self._films[tenant_id].get(film_id)

    async def open_review(self, tenant_id: str, review_id: str, film_id: str, due: datetime) -> None:
        """Put a review on the desk."""
        self._review_films[tenant_id][review_id] = film_id
        self._desk[tenant_id][review_id] = due

    async def close_review(self, tenant_id: str, review_id: str) -> None:
        """Take a review off the desk."""
        self._desk[tenant_id].pop(review_id, None)

    async def reviews(self, tenant_id: str, limit: int) -> list[tuple[str, str]]:
        """Open reviews with their films, next due first."""
        ids = sorted(self._desk[tenant_id], key=lambda review_id: (self._desk[tenant_id][review_id], review_id))
        return [(review_id, self._review_films[tenant_id][review_id]) for review_id in ids[:limit]]

    async def film_of_review(self, tenant_id: str, review_id: str) -> str | None:
        """The film of a review, open or not."""
        return self._review_films[tenant_id].get(review_id)


class MemoryIntents:
    """A dictionary of intents."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}

    async def put(self, name: str, value: str) -> None:
        """Keep an intent."""
        self.kept[name] = value

    async def drop(self, name: str) -> None:
        """It is done."""
        self.kept.pop(name, None)

    async def all(self) -> Mapping[str, str]:
        """All intents that were not dropped."""
        return dict(self.kept)


class FixedTenants:
    """Tenants that never change."""

    def __init__(self, tenants: TenantList) -> None:
        self._tenants = tenants

    def now(self) -> TenantList:
        """All tenants."""
        return self._tenants
