"""Reasons to stop paying for a take, from wherever they come, in one place that everything slow is raced against."""

import asyncio
from collections import defaultdict
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from enum import Enum
from typing import Any, TypeVar

from storyreel_chassis.clock import Clock

T = TypeVar("T")


class Stop(Enum):
    """Why a take is not paid for any longer."""

    ENDED = "the film version ended"
    LEASE_LOST = "another replica holds the lease"
    DEADLINE = "the deadline passed"
    PRICE = "the price limit is reached"


class Stopped(Exception):  # noqa: N818 - a turn of events, not an error
    """Raised out of `guard` once there is a reason to stop."""

    def __init__(self, why: Stop) -> None:
        super().__init__(why.value)
        self.why = why


class Watch:
    """One take's reason to stop, if there is one yet. The first reason stays."""

    def __init__(self) -> None:
        self._why: asyncio.Future[Stop] = asyncio.get_running_loop().create_future()

    @property
    def why(self) -> Stop | None:
        """The reason, or None while there is none."""
        return self._why.result() if self._why.done() else None

    def stop(self, why: Stop) -> None:
        """Give a reason to stop."""
        if not self._why.done():
            self._why.set_result(why)

    async def stopped(self) -> Stop:
        """Wait for a reason."""
        return await asyncio.shield(self._why)

    async def guard(self, doing: Coroutine[Any, Any, T]) -> T:
        """What `doing` returns; raises Stopped, with `doing` cancelled and cleaned up, if a reason comes first."""
        task = asyncio.ensure_future(doing)
        racers: set[asyncio.Future[Any]] = {task, self._why}
        try:
            await asyncio.wait(racers, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            await put_down(task)
            raise
        if task.done():  # even if a reason came as well: what was got must be given back by its owner
            return task.result()
        await put_down(task)
        raise Stopped(self._why.result())


async def put_down(task: "asyncio.Future[Any]") -> None:
    """Cancel the task and wait until it has cleaned up. Raises what went wrong while it did."""
    task.cancel()
    await asyncio.wait({task})  # awaiting the task itself would swallow a cancellation that is meant for the caller
    if not task.cancelled():
        task.result()


async def within(clock: Clock, seconds: float, doing: Coroutine[Any, Any, T]) -> T:
    """What `doing` returns; raises TimeoutError, with `doing` cancelled, when the clock says that it took too long."""
    task, limit = asyncio.ensure_future(doing), asyncio.ensure_future(clock.sleep(seconds))
    try:
        await asyncio.wait({task, limit}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        raise TimeoutError(f"nothing came in {seconds:g} s")
    finally:
        limit.cancel()
        if not task.done():
            await put_down(task)


class Floor:
    """All takes that this replica works on, so that a cancelled version can be stopped at once."""

    def __init__(self) -> None:
        self._watches: dict[tuple[str, int], set[Watch]] = defaultdict(set)

    @contextmanager
    def watch(self, film_id: str, version: int) -> Iterator[Watch]:
        """A watch for one take of a film version, known to `stop` as long as the block runs."""
        watch, mates = Watch(), self._watches[film_id, version]
        mates.add(watch)
        try:
            yield watch
        finally:
            mates.discard(watch)
            if not mates:
                self._watches.pop((film_id, version), None)

    def stop(self, film_id: str, version: int) -> int:
        """Stop every take of a film version; returns how many there were."""
        watches = list(self._watches.get((film_id, version), ()))
        for watch in watches:
            watch.stop(Stop.ENDED)
        return len(watches)
