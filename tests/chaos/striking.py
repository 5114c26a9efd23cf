"""What goals and controls share: films under strikes, a frozen process, extra members sent home, work counted."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from chapter import Chapter, Reached, Run
from history import Violation, repeated
from records import History
from sizes import IN_FLIGHT, Size


async def under(chapter: Chapter, size: Size, into: Reached, strike: Callable[[], Awaitable[None]]) -> None:
    """Make films and strike, until there were enough of both."""
    chance, struck, since = size.chance(), 0, time.monotonic()
    pouring = asyncio.create_task(_pour(chapter, size.films))
    try:
        while struck < size.strikes or not pouring.done():
            await asyncio.sleep(chance.expovariate(1 / size.every_s))
            if struck >= size.strikes:
                continue
            await strike()
            struck += 1
            if struck >= size.strikes and pouring.done():
                break
            if pouring.done() and not pouring.exception():
                pouring = asyncio.create_task(_pour(chapter, 1))  # strikes hit only what is at work
    finally:
        await pouring
    minutes = (time.monotonic() - since) / 60
    into.figures |= {"strikes": struck, "strikes_per_minute": round(struck / minutes, 1)}


async def _pour(chapter: Chapter, count: int) -> None:
    await chapter.pour.films_of(count, IN_FLIGHT)


async def until(condition: Callable[[], bool], seconds: float) -> None:
    """Wait for it. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.1)


def made_again(history: History, into: Reached, limit: float) -> list[Violation]:
    """A violation if more than this share of the device's work was repeated; the figures go into the goal."""
    work = repeated(history)
    into.figures |= {"device_s": round(work.made, 1), "device_s_again": round(work.again, 1), "again": f"{work.share:.1%}"}
    return [Violation("repeated", "", f"{work.share:.1%} of the device's work was done again")] if work.share > limit else []


async def freeze(run: Run, name: str, seconds: float = 13.0) -> None:
    """Longer than a consumer's session (10 s), shorter than a lease (30 s)."""
    run.stage.freeze(name, frozen=True)
    await asyncio.sleep(seconds)
    run.stage.freeze(name, frozen=False)


async def nobody_extra(run: Run) -> None:
    """Send second members home in peace."""
    for name in run.stage.extras:
        if run.stage.running(name):
            await run.stage.end(name)
