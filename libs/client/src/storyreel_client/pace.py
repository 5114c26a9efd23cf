"""A rate limit by even steps: no burst at the start, no catching up after a pause."""

import asyncio
import time
from collections.abc import Awaitable, Callable


class Pace:
    """Lets one pass, then the next after `1 / per_second` seconds at the earliest."""

    def __init__(
        self,
        per_second: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._step, self._clock, self._sleep = 1 / per_second, clock, sleep
        self._next = clock()

    async def turn(self) -> None:
        """Wait for one's turn."""
        wait = self._next - self._clock()
        if wait > 0:
            await self._sleep(wait)
        self._next = max(self._next, self._clock()) + self._step
