"""Reasons to stop reach whatever waits, and nothing leaks on the way."""

import asyncio

import pytest
from renderer_fakes import VirtualClock, settle
from storyreel_renderer.workflows.watch import Floor, Stop, Stopped, Watch, put_down, within


async def forever(cleaned: list[str]) -> None:
    try:
        await asyncio.Event().wait()
    finally:
        cleaned.append("cleaned")


async def test_a_guarded_wait_ends_with_the_reason_and_cleans_up() -> None:
    watch, cleaned = Watch(), []  # type: ignore[var-annotated]
    waiting = asyncio.ensure_future(watch.guard(forever(cleaned)))
    await settle()
    watch.stop(Stop.DEADLINE)
    watch.stop(Stop.PRICE)
    with pytest.raises(Stopped) as stopped:
        await waiting
    assert stopped.value.why is Stop.DEADLINE, "the first reason stays"
    assert cleaned == ["cleaned"]


async def test_a_cancelled_guard_cleans_up_too() -> None:
    watch, cleaned = Watch(), []  # type: ignore[var-annotated]
    waiting = asyncio.ensure_future(watch.guard(forever(cleaned)))
    await settle()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    assert cleaned == ["cleaned"]


async def test_a_cancellation_while_something_is_put_down_is_not_swallowed() -> None:
    held = asyncio.Event()

    async def stubborn() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await held.wait()

    inner = asyncio.ensure_future(stubborn())
    await settle()
    outer = asyncio.ensure_future(put_down(inner))
    await settle()
    outer.cancel()
    await settle()
    assert outer.cancelled()
    held.set()
    await asyncio.gather(inner, return_exceptions=True)


async def test_within_gives_up_by_the_clock() -> None:
    clock, cleaned = VirtualClock(), []  # type: ignore[var-annotated]
    waiting = asyncio.ensure_future(within(clock, 60.0, forever(cleaned)))
    await clock.advance(59.0)
    assert not waiting.done()
    await clock.advance(1.0)
    with pytest.raises(TimeoutError):
        await waiting
    assert cleaned == ["cleaned"]


async def test_the_floor_stops_the_takes_of_one_version_only() -> None:
    floor = Floor()
    with floor.watch("film", 1) as one, floor.watch("film", 1) as two, floor.watch("film", 2) as three:
        assert floor.stop("film", 1) == 2
        assert (one.why, two.why, three.why) == (Stop.ENDED, Stop.ENDED, None)
    assert floor.stop("film", 2) == 0
