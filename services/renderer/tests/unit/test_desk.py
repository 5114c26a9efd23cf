"""The desk gives every free place to the next job, and no place twice."""

import asyncio
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from renderer_fakes import Lab, VirtualClock, settle
from storyreel_contracts import FailureKind, ModelRef, Tier
from storyreel_renderer.adapters.null_engine import NullEngine
from storyreel_renderer.cards import null_card
from storyreel_renderer.domain.fairness import Ticket
from storyreel_renderer.domain.holding import Hold
from storyreel_renderer.domain.ports import Failed
from storyreel_renderer.workflows.desk import Desk, NoSuchModelError
from storyreel_renderer.workflows.servers import Grant, Server
from storyreel_renderer.workflows.watch import Stop, Stopped, Watch

MODEL = ("null", "1")
LOST = Failed(FailureKind.DEVICE_LOST, "stream ended")


def servers(clock: VirtualClock, *places: int) -> list[Server]:
    return [Server(f"s{i}", Lab(NullEngine(null_card(), clock)), _just(n)) for i, n in enumerate(places)]


def _just(places: int) -> Callable[[int], Hold]:
    return lambda _: Hold(places, places)


def a_ticket(number: int, tier: Tier = Tier.PREVIEW) -> Ticket:
    return Ticket(f"job-{number}", "acme", tier, None, MODEL, 1.0)


async def test_jobs_go_to_the_server_with_least_to_do() -> None:
    clock = VirtualClock()
    async with Desk(servers(clock, 2, 2), clock) as desk:
        await settle()
        grants = [await desk.grant(a_ticket(n)) for n in range(4)]
    assert sorted(g.server.name for g in grants[:2]) == ["s0", "s1"]
    assert sorted(g.server.name for g in grants) == ["s0", "s0", "s1", "s1"]


async def test_a_lost_server_gets_no_jobs_until_it_answers_again() -> None:
    clock = VirtualClock()
    both = servers(clock, 2, 2)
    async with Desk(both, clock) as desk:
        await settle()
        lab = both[0].engine
        assert isinstance(lab, Lab)
        first = await desk.grant(a_ticket(9))
        assert first.server is both[0]
        lab.down = True
        desk.fell(first, LOST)
        desk.hand_back(first, used=0.0)
        grants = [await desk.grant(a_ticket(n)) for n in range(2)]
        assert {g.server.name for g in grants} == {"s1"}
        waiting = asyncio.ensure_future(desk.grant(a_ticket(3)))
        await clock.advance(30.0)
        assert not waiting.done()
        lab.down = False
        await clock.advance(30.0)
        assert (await waiting).server.name == "s0"


async def test_a_model_is_waited_for_while_a_server_that_may_have_it_is_silent() -> None:
    clock = VirtualClock()
    both = servers(clock, 1, 1)
    silent = both[1].engine
    assert isinstance(silent, Lab)
    silent.down = True
    async with Desk(both, clock) as desk:
        await settle()
        looking = asyncio.ensure_future(desk.card(ModelRef(name="wan", version="9")))
        await clock.advance(60.0)
        assert not looking.done()
        silent.down = False
        await clock.advance(60.0)
        with pytest.raises(NoSuchModelError, match="wan@9"):
            await looking


@settings(deadline=None)
@given(st.lists(st.sampled_from(["ask", "cancel", "finish", "tick"]), max_size=60), st.integers(min_value=1, max_value=3))
def test_places_are_neither_lost_nor_given_twice_whatever_happens(steps: list[str], places: int) -> None:
    async def play() -> None:
        clock = VirtualClock()
        (server,) = servers(clock, places)
        waiting: list[asyncio.Task[object]] = []
        async with Desk([server], clock) as desk:
            await settle()
            for number, step in enumerate(steps):
                granted = [t for t in waiting if t.done() and not t.cancelled()]
                match step:
                    case "ask":
                        waiting.append(asyncio.ensure_future(desk.grant(a_ticket(number))))
                    case "cancel" if waiting:
                        waiting[number % len(waiting)].cancel()
                    case "finish" if granted:
                        waiting.remove(granted[0])
                        desk.hand_back(granted[0].result(), used=1.0)  # type: ignore[arg-type]
                    case "tick":
                        await settle()
                assert len(server.running) <= places
            await settle()
            waiting = [t for t in waiting if not t.cancelled()]
            held = [t for t in waiting if t.done()]
            assert len(server.running) == len(held) == min(places, len(waiting)), "a place is held by whoever was told so"
            for task in waiting:
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)

    asyncio.run(play())


@settings(deadline=None)
@given(st.lists(st.sampled_from(["ask", "finish", "break", "lose", "drain", "wait"]), max_size=40))
def test_whatever_servers_do_every_job_that_waits_gets_its_place_in_the_end(steps: list[str]) -> None:
    async def play() -> None:
        clock = VirtualClock()
        both = servers(clock, 1, 3)
        asked: list[asyncio.Task[Grant]] = []
        async with Desk(both, clock) as desk:
            await settle()
            for number, step in enumerate(steps):
                held = [t.result() for t in asked if t.done() and t.result() in t.result().server.running]
                if step == "ask":
                    asked.append(asyncio.ensure_future(desk.grant(a_ticket(number))))
                elif step == "wait":
                    await clock.advance(7.0)
                elif held:
                    _end(desk, held[number % len(held)], step)
                await settle()
            while waiting := [t for t in asked if not t.done()]:
                for grant in [g for server in both for g in server.running]:
                    _end(desk, grant, "finish")
                await clock.advance(400.0)
                assert len(waiting) > len([t for t in asked if not t.done()]), "nobody got on"
            assert all(t.result().server in both for t in asked)

    asyncio.run(play())


def _end(desk: Desk, grant: Grant, how: str) -> None:
    ends = {
        "break": Failed(FailureKind.INTERNAL, "device error"),
        "lose": LOST,
        "drain": Failed(FailureKind.DEVICE_LOST, "stopping", drained=True),
    }
    if how in ends:
        desk.fell(grant, ends[how])
    else:
        desk.got_on(grant)
    desk.hand_back(grant, used=1.0)


async def test_a_place_that_is_given_in_the_moment_of_a_stop_is_not_lost() -> None:
    clock = VirtualClock()
    (server,) = servers(clock, 1)
    async with Desk([server], clock) as desk:
        await settle()
        holder = await desk.grant(a_ticket(1))
        watch = Watch()
        waiting = asyncio.ensure_future(watch.guard(desk.grant(a_ticket(2))))
        await settle()
        watch.stop(Stop.ENDED)
        desk.hand_back(holder, used=1.0)
        await settle()
        try:
            desk.hand_back(await waiting, used=0.0)
        except Stopped:
            pass_on = True
        else:
            pass_on = False
        assert server.running == [], pass_on
        assert (await desk.grant(a_ticket(3))).server is server
