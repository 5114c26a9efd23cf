"""The whole room on the chassis' harness: settings, composition, runtime."""

import asyncio
from contextlib import AsyncExitStack

import pytest
from renderer_fakes import Album, RawEncoder, VirtualClock, a_cancel, a_request, an_event
from storyreel_chassis.artifacts import MemoryArtifactStore
from storyreel_chassis.leases import MemoryLeases
from storyreel_chassis.testing import RoomHarness
from storyreel_contracts import ShotProgressed, ShotRendered
from storyreel_renderer.adapters.null_engine import NullEngine
from storyreel_renderer.app import Outside, build_room
from storyreel_renderer.cards import null_card
from storyreel_renderer.settings import Settings


def a_room(clock: VirtualClock, step_s: float = 1.0) -> RoomHarness:
    engines = {"null": NullEngine(null_card(), clock, step_seconds=step_s)}
    outside = Outside(
        engines=engines, store=MemoryArtifactStore(), leases=MemoryLeases(clock), encoder=RawEncoder(), pictures=Album()
    )
    return RoomHarness(build_room(Settings(engine="null"), outside, clock))


async def opened(stack: AsyncExitStack, house: RoomHarness) -> RoomHarness:
    for part in house.room.startup:
        await stack.enter_async_context(part)
    return house


async def test_the_room_answers_a_request_and_tells_its_progress() -> None:
    clock = VirtualClock()
    async with AsyncExitStack() as stack:
        house = await opened(stack, a_room(clock))
        said = await clock.run(house.give(an_event(a_request(), "ask")))
        again = await clock.run(house.give(an_event(a_request(), "ask")))
    assert [type(e.data) for e in said] == [ShotProgressed] * 4 + [ShotRendered]
    assert again == []


async def test_a_film_cancelled_while_its_shots_render_says_nothing_more() -> None:
    clock = VirtualClock()
    async with AsyncExitStack() as stack:
        house = await opened(stack, a_room(clock, step_s=100.0))
        shots = [an_event(a_request(f"s{n:02}", seed=n), f"ask {n}") for n in range(1, 9)]
        asking = [asyncio.ensure_future(house.give(shot)) for shot in shots]
        await clock.advance(150.0)
        await clock.run(house.give(a_cancel()))
        await clock.run(asyncio.gather(*asking))
    assert not [e for e in house.publisher.events if isinstance(e.data, ShotRendered)]
    assert clock.monotonic() < 250.0, "no render ran to its end"


def test_an_unknown_setting_of_this_room_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RENDERER_TRITON_ULR", "nowhere:1")
    with pytest.raises(ValueError, match="RENDERER_TRITON_ULR"):
        Settings()
