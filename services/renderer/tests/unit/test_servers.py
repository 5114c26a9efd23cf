"""Servers that fail, hang, are asked to stop, or are shared: where jobs go then, and what it costs them."""

import asyncio
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from renderer_fakes import Lab, VirtualClock, a_request, settle
from renderer_studio import RULES, SILENCE_S, Replica, Studio
from storyreel_contracts import Fact, FailureKind, ShotRendered, Tier
from storyreel_renderer.domain.breakers import Breaker, BreakerPolicy, State
from storyreel_renderer.domain.fairness import Ticket
from storyreel_renderer.domain.holding import Allowance, Hold
from storyreel_renderer.domain.ports import Failed, Running
from storyreel_renderer.domain.tries import TryPolicy
from storyreel_renderer.workflows.desk import Desk
from storyreel_renderer.workflows.lookout import LOOK_S
from storyreel_renderer.workflows.servers import Server

BROKEN = Failed(FailureKind.INTERNAL, "CUDA error: an illegal memory access was encountered", 0.1)
DRAINED = Failed(FailureKind.DEVICE_LOST, "the server is stopping", 0.1, drained=True)


def rendered(fact: Fact) -> ShotRendered:
    assert isinstance(fact, ShotRendered), fact
    return fact


async def many(replica: Replica, count: int) -> list[Fact]:
    """So many different shots, one after the other."""
    return [await replica.ask(a_request(seed=n), f"ask {n}") for n in range(count)]


async def with_a_broken_server(policy: BreakerPolicy) -> tuple[Lab, list[Fact]]:
    studio = Studio()
    broken, healthy = studio.lab(step_s=0.1), studio.lab(step_s=0.2)
    broken.fail = [BROKEN] * 1000
    async with studio.replica(broken, healthy, places=1, finals=1) as replica:
        replica.servers[0].breaker = Breaker(policy)
        asking = [asyncio.ensure_future(replica.ask(a_request(seed=n), f"ask {n}")) for n in range(30)]
        return broken, [await studio.clock.run(ask) for ask in asking]


async def test_a_server_that_fails_every_job_is_left_alone() -> None:
    broken, facts = await with_a_broken_server(BreakerPolicy(faults=3, cool_s=1000.0))
    assert all(isinstance(fact, ShotRendered) for fact in facts)
    assert len(broken.started) == 3


async def test_control_without_the_breaker_it_gets_job_after_job_and_films_lose_shots() -> None:
    broken, facts = await with_a_broken_server(BreakerPolicy(faults=10**6))
    assert not all(isinstance(fact, ShotRendered) for fact in facts)
    assert len(broken.started) > 15


async def test_a_mended_server_gets_one_job_to_see_and_then_all() -> None:
    studio = Studio()
    lab = studio.lab()
    lab.fail = [BROKEN] * 6  # two places: three times two jobs that fall together
    async with studio.replica(lab, rules=replace(RULES, policy=TryPolicy(fruitless=9))) as replica:
        (server,) = replica.servers
        asking = [asyncio.ensure_future(replica.ask(a_request(seed=n), f"ask {n}")) for n in range(6)]
        await studio.clock.advance(4.0)
        assert server.breaker.state(studio.clock.monotonic()) is State.OPEN
        before = len(lab.started)
        await studio.clock.advance(28.0)
        assert len(lab.started) == before, "nothing is sent while it cools down"
        await studio.clock.advance(1.5)
        assert len(lab.running) == 1, "one job, to see"
        for ask in asking:
            rendered(await studio.clock.run(ask))
    assert lab.most_running == 2
    assert server.breaker.state(studio.clock.monotonic()) is State.CLOSED


async def test_of_two_servers_the_one_that_failed_is_taken_last() -> None:
    studio = Studio()
    shaky, healthy = studio.lab(), studio.lab()
    shaky.fail, shaky.fail_after_step = [BROKEN], 1
    async with studio.replica(shaky, healthy, rules=replace(RULES, checkpoint_every=0)) as replica:
        await studio.clock.run(many(replica, 4))
    assert (len(shaky.started), len(healthy.started)) == (1, 4)


async def test_jobs_on_a_server_where_nothing_moves_are_taken_off_although_heartbeats_come() -> None:
    studio = Studio()
    stuck, healthy = studio.lab(), studio.lab()
    stuck.stuck = True
    async with studio.replica(stuck, healthy) as replica:
        take = rendered(await studio.clock.run(replica.ask(a_request())))
    assert SILENCE_S <= studio.clock.monotonic() <= SILENCE_S + 2 * LOOK_S + 10
    assert len(healthy.started) == 1
    assert not stuck.running, "the stream was closed"
    assert not take.reused


async def test_a_job_that_waits_while_the_device_works_for_others_stays_where_it_is() -> None:
    studio = Studio()
    busy, other = studio.lab(), studio.lab()
    busy.stuck = True
    async with studio.replica(busy, other) as replica:
        asking = asyncio.ensure_future(replica.ask(a_request()))
        for _ in range(100):  # another replica's jobs get on there all the time
            await studio.clock.advance(LOOK_S)
            busy.engine.units += 1
        assert busy.running
        assert not other.started
        busy.stuck = False
        rendered(await studio.clock.run(asking))
    assert studio.clock.monotonic() > 3 * SILENCE_S


async def with_a_server_that_hangs(*, units: int | None) -> tuple[Studio, Lab, Replica, list[Fact]]:
    """Eight takes, two at once; the server that hangs says that its device has done so many units."""
    studio = Studio()
    stuck, healthy = studio.lab(), studio.lab()
    stuck.stuck, stuck.engine.units = True, units  # type: ignore[assignment]
    async with studio.replica(stuck, healthy, places=1, finals=1) as replica:
        asking = [asyncio.ensure_future(replica.ask(a_request(seed=n), f"ask {n}")) for n in range(2)]
        facts = [await studio.clock.run(ask) for ask in asking]
        asking = [asyncio.ensure_future(replica.ask(a_request(seed=n), f"ask {n}")) for n in range(2, 8)]
        facts += [await studio.clock.run(ask) for ask in asking]
        if units is not None:
            assert replica.servers[0].card is None
            stuck.stuck, stuck.engine.units = False, units + 1
            await studio.clock.advance(2 * LOOK_S)
        return studio, stuck, replica, facts


async def test_a_server_that_hung_is_not_found_again_before_its_device_has_moved() -> None:
    studio, stuck, replica, facts = await with_a_server_that_hangs(units=7)
    assert all(isinstance(fact, ShotRendered) for fact in facts)
    assert len(stuck.started) == 1
    assert studio.clock.monotonic() < SILENCE_S + 100
    assert replica.servers[0].card is not None


async def test_control_a_server_that_does_not_say_what_it_did_hangs_up_job_after_job() -> None:
    studio, stuck, _, _ = await with_a_server_that_hangs(units=None)
    assert len(stuck.started) > 1
    assert studio.clock.monotonic() > 2 * SILENCE_S


async def drained_in_the_middle(end: Failed) -> tuple[Studio, Fact, Lab]:
    studio = Studio()
    leaving, healthy = studio.lab(), studio.lab()
    leaving.fail, leaving.fail_after_step = [end], 2
    rules = replace(RULES, checkpoint_every=0, policy=TryPolicy(fruitless=1))
    async with studio.replica(leaving, healthy, rules=rules) as replica:
        asking = asyncio.ensure_future(replica.ask(a_request()))
        await studio.clock.advance(1.0)
        leaving.stopping = True
        return studio, await studio.clock.run(asking), healthy


async def test_a_job_of_a_server_that_is_asked_to_stop_goes_elsewhere_at_once_and_no_try_is_held_against_it() -> None:
    studio, fact, healthy = await drained_in_the_middle(DRAINED)
    rendered(fact)
    assert len(healthy.started) == 1
    assert studio.clock.monotonic() == pytest.approx(2.0 + 4.0), "no pause between the servers"


async def test_control_a_crash_is_held_against_the_job() -> None:
    _, fact, healthy = await drained_in_the_middle(replace(DRAINED, drained=False))
    assert not isinstance(fact, ShotRendered)
    assert not healthy.started


async def test_a_server_that_says_that_it_stops_gets_no_new_jobs() -> None:
    studio = Studio()
    lab = studio.lab()
    async with studio.replica(lab) as replica:
        running = asyncio.ensure_future(replica.ask(a_request(seed=1), "running"))
        await studio.clock.advance(0.5)
        lab.stopping = True
        lab.stuck = True
        await studio.clock.advance(LOOK_S)
        new = asyncio.ensure_future(replica.ask(a_request(seed=2), "new"))
        await studio.clock.advance(30.0)
        assert len(lab.started) == 1
        lab.stopping = lab.stuck = False
        await studio.clock.run(running)
        rendered(await studio.clock.run(new))


async def test_what_other_replicas_hold_counts_when_the_least_loaded_server_is_chosen() -> None:
    clock, studio = VirtualClock(), Studio()
    busy, idle = studio.lab(), studio.lab()
    servers = [Server(name, lab, lambda _: Hold(4, 4)) for name, lab in (("busy", busy), ("idle", idle))]
    async with Desk(servers, clock) as desk:
        await settle()
        assert servers[0].card
        servers[0].note(servers[0].card.model_copy(update={"engine": Running(live_jobs=6)}), clock.monotonic())
        grants = [await desk.grant(Ticket(str(n), "acme", Tier.PREVIEW, None, ("null", "1"), 1.0)) for n in range(3)]
    assert {g.server.name for g in grants} == {"idle"}


@given(st.integers(min_value=1, max_value=64), st.integers(min_value=1, max_value=8), st.integers(min_value=1, max_value=64))
def test_finals_never_fill_what_previews_need_and_a_server_holds_few_batches(
    max_batch: int, batches: int, replicas: int
) -> None:
    hold = Allowance(batches, replicas).on(max_batch)
    assert 1 <= hold.finals < hold.places
    assert hold.places * replicas < batches * max_batch + 2 * replicas
    if batches > 1 and hold.places > 2:
        assert (hold.places - hold.finals) * replicas >= max_batch
