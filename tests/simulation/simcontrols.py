"""Negative controls: a studio with one guard taken away, in which the auditor must find what the guard is for."""

from collections import defaultdict
from collections.abc import Callable
from typing import Any

from simredis import SimFolds
from simstudio import Plan, Studio
from storyreel_chassis.folds import Loaded
from storyreel_chassis.leases import MemoryLeases


class WithoutLeases(Studio):
    """Everybody may pay for everything."""

    def __init__(self, seed: int, plan: Plan) -> None:
        super().__init__(seed, plan)
        self.leases["renderer"] = _EverybodysLeases(self.clock)


class _EverybodysLeases(MemoryLeases):
    async def acquire(self, name: str, ttl_s: float) -> Any:
        return await MemoryLeases(self._clock).acquire(name, ttl_s)


class WithoutClaims(Studio):
    """The last writer of a key wins, not the first."""

    def __init__(self, seed: int, plan: Plan) -> None:
        super().__init__(seed, plan)
        store = self.store

        async def remember(key: str, value: bytes) -> bytes:
            store.objects[key] = value
            return value

        store.remember = remember  # type: ignore[method-assign]


class WithoutCompareAndSet(Studio):
    """A fold is saved whatever was there."""

    def start(self, service: str) -> Any:
        """Processes whose folds overwrite each other."""
        process = super().start(service)
        inner: SimFolds = process.folds._port
        save = inner.save

        async def anyhow(whose: Any, loaded: Loaded, timers: Any) -> bool:
            stored = inner._redis.folds.get(whose.film_id, ("", 0))[1]
            return await save(whose, Loaded(loaded.fold, stored), timers)

        inner.save = anyhow  # type: ignore[method-assign]
        return process


class WithoutReplay(Studio):
    """Nobody notices that Redis was emptied."""

    def start(self, service: str) -> Any:
        """Processes that believe their positions."""
        process = super().start(service)
        inner: SimFolds = process.folds._port

        async def believed(positions: Any) -> bool:
            inner._redis.positions.update(positions)
            return True

        async def complete() -> Any:
            return defaultdict(lambda: 10**9)

        inner.advance, inner.positions = believed, complete  # type: ignore[method-assign]
        return process


class WithoutDoneMarks(Studio):
    """Commits follow what was taken, not what is done."""

    def start(self, service: str) -> Any:
        """Processes that commit ahead of their work."""
        process = super().start(service)
        lanes = process._lanes

        def ahead() -> Any:
            return {p: lane.offsets.next_offset for p, lane in lanes.items() if lane.offsets.uncommitted() is not None}

        lanes.marks = ahead  # type: ignore[method-assign]
        return process


CONTROLS: dict[str, Callable[[int, Plan], Studio]] = {
    "leases": WithoutLeases,
    "first writer wins": WithoutClaims,
    "compare and set": WithoutCompareAndSet,
    "replay after a loss": WithoutReplay,
    "commits behind the work": WithoutDoneMarks,
}
