"""An event loop whose time is virtual and whose order comes from a seed: whatever may run next runs in any order.

Everything that the loop does follows from the seed, so a run can be repeated exactly. Waiting takes no time.
"""

import asyncio
import itertools
import random
from collections import deque
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

T = TypeVar("T")
START = datetime(2026, 11, 21, 12, tzinfo=UTC)


class StuckError(AssertionError):
    """Everybody waits, and nothing will ever happen."""


class _NumberedTask(asyncio.Task[Any]):
    """Hashed by its number, so that sets of tasks are walked in the same order in every run."""

    number = 0

    def __hash__(self) -> int:
        return self.number


class _NumberedFuture(asyncio.Future[Any]):
    number = 0

    def __hash__(self) -> int:
        return self.number


class SimLoop(asyncio.BaseEventLoop):
    """No sockets, no threads, no wall clock."""

    def __init__(self, chance: random.Random) -> None:
        super().__init__()
        self.passed = 0.0
        self._chance = chance
        self._clock_resolution = 1e-9
        self._selector = _NothingOutside(self)
        self._count = itertools.count()
        self.set_task_factory(self._numbered)

    def time(self) -> float:
        """Virtual seconds since the start."""
        return self.passed

    def create_future(self) -> asyncio.Future[Any]:
        """A future with a number."""
        future = _NumberedFuture(loop=self)
        future.number = next(self._count)
        return future

    def _numbered(self, loop: asyncio.AbstractEventLoop, work: Any, **more: Any) -> asyncio.Task[Any]:
        number = next(self._count)
        _NumberedTask.number = number  # a task is put into a set before anything can be written on it
        task = _NumberedTask(work, loop=loop, **more)
        task.number = number
        return task

    def _run_once(self) -> None:
        if len(self._ready) > 1:
            ready = list(self._ready)
            self._chance.shuffle(ready)
            self._ready = deque(ready)
        super()._run_once()  # type: ignore[misc]  # the base class's own step; only the order above is ours

    def _process_events(self, events: object) -> None:
        """There are none."""

    def _write_to_self(self) -> None:
        """Nobody sleeps outside."""


class _NothingOutside:
    """Stands where the loop looks for sockets: time passes instead."""

    def __init__(self, loop: SimLoop) -> None:
        self._loop = loop

    def select(self, timeout: float | None) -> list[object]:
        """Let time pass until the next timer."""
        if timeout is None:
            raise StuckError("everybody waits, and no timer will wake anyone")
        self._loop.passed += max(0.0, timeout)
        return []


class SimClock:
    """The chassis' clock on the loop's time; a crashed or frozen owner is the gate's business, not the clock's."""

    def now(self) -> datetime:
        """Wall clock."""
        return START + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        """Seconds since the start."""
        return asyncio.get_running_loop().time()

    async def sleep(self, seconds: float) -> None:
        """Until so many virtual seconds have passed."""
        await asyncio.sleep(seconds)


def run(chance: random.Random, main: Coroutine[Any, Any, T]) -> T:
    """What `main` returns, in virtual time."""
    loop = SimLoop(chance)
    loop.set_exception_handler(lambda _loop, _context: None)  # tasks of killed processes end as they end
    try:
        return loop.run_until_complete(main)
    finally:
        while tasks := asyncio.all_tasks(loop):
            for task in tasks:
                task.cancel()
            loop.run_until_complete(asyncio.wait(tasks, timeout=60))
        loop.close()
