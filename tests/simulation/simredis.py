"""The Redis that replicas of a service share, and each replica's own view of it, with the real store's promises."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import count

from simloop import SimClock
from storyreel_chassis.folds import DueTimer, Fold, Loaded, TimerKey
from storyreel_contracts.decisions import Timer


class SimRedis:
    """Folds, timers and positions of one service."""

    def __init__(self) -> None:
        self.folds: dict[str, tuple[str, int]] = {}
        self.timers: dict[TimerKey, dict[str, datetime]] = {}
        self.positions: dict[str, int] = {}
        self.opening, self._openings = "", count(1)
        self._news = asyncio.Event()

    def open(self) -> bool:
        """Name this life of the store unless it has a name; whether that was needed."""
        new = not self.opening
        self.opening = self.opening or str(next(self._openings))
        return new

    def set_timers(self, whose: TimerKey, timers: Sequence[Timer]) -> None:
        """Remember, and tell who waits."""
        for timer in timers:
            self.timers.setdefault(whose, {})[timer.name] = timer.due
            self._news.set()

    async def until_due(self, clock: SimClock) -> None:
        """Until a timer is due."""
        while True:
            self._news.clear()
            dues = [due for timers in self.timers.values() for due in timers.values()]
            wait = min(((due - clock.now()).total_seconds() for due in dues), default=None)
            if wait is not None and wait <= 0:
                return
            try:
                async with asyncio.timeout(wait):
                    await self._news.wait()
            except TimeoutError:
                return

    def lose_everything(self) -> None:
        """As after a crash without a log."""
        self.folds, self.timers, self.positions, self.opening = {}, {}, {}, ""


class SimFolds:
    """One replica's fold store."""

    def __init__(self, redis: SimRedis) -> None:
        self._redis, self._opening = redis, ""

    async def load(self, film_id: str) -> Loaded:
        """The fold of a film (empty, version 0, if there is none)."""
        data, version = self._redis.folds.get(film_id, ("{}", 0))
        return Loaded(Fold.model_validate_json(data), version)

    async def save(self, whose: TimerKey, loaded: Loaded, timers: Sequence[Timer]) -> bool:
        """Write fold and timers if the stored version is still `loaded.version`."""
        if self._redis.folds.get(whose.film_id, ("", 0))[1] != loaded.version:
            return False
        self._redis.folds[whose.film_id] = (loaded.fold.model_dump_json(), loaded.version + 1)
        self._redis.set_timers(whose, timers)
        return True

    async def due(self, now: datetime, limit: int) -> list[DueTimer]:
        """Timers that have run out, oldest first."""
        ripe = [(due, k, n) for k, timers in self._redis.timers.items() for n, due in timers.items() if due <= now]
        return [DueTimer(*key, name, due) for due, key, name in sorted(ripe)[:limit]]

    async def forget(self, timer: DueTimer) -> None:
        """Drop a timer, unless it was set anew meanwhile."""
        timers = self._redis.timers.get(TimerKey(timer.film_id, timer.tenant_id), {})
        if timers.get(timer.name) == timer.due:
            del timers[timer.name]

    async def positions(self) -> Mapping[str, int] | None:
        """Offsets up to which the folds go; None if the store is empty, or was lost since this replica last asked."""
        new, before = self._redis.open(), self._opening
        self._opening = self._redis.opening
        return None if new or (before and before != self._opening) else dict(self._redis.positions)

    async def advance(self, positions: Mapping[str, int]) -> bool:
        """Record positions; False if the store has had another life since this replica asked."""
        if self._opening != self._redis.opening:
            return False
        self._redis.positions.update(positions)
        return True
