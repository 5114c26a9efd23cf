"""A take comes about once, is paid for once, and every request gets one answer."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from renderer_fakes import START, CutOffLeases, Lab, NoFence, VirtualClock, a_cancel, a_request, an_event, settle
from renderer_studio import RULES, Replica, Studio
from storyreel_chassis.leases import MemoryLeases
from storyreel_contracts import Fact, FailureKind, ShotProgressed, ShotRendered, ShotRenderFailed, Tier
from storyreel_contracts.ids import outcome_key
from storyreel_renderer.adapters.null_engine import NullEngine
from storyreel_renderer.cards import null_card
from storyreel_renderer.domain.ports import Failed
from storyreel_renderer.domain.takes import Checkpoint, checkpoint_key, trajectory
from storyreel_renderer.domain.tries import TryPolicy

CARD_SECONDS = 0.4  # of a preview, see null_card.json


def rendered(fact: Fact) -> ShotRendered:
    assert isinstance(fact, ShotRendered), fact
    return fact


def failed(fact: Fact) -> ShotRenderFailed:
    assert isinstance(fact, ShotRenderFailed), fact
    return fact


async def test_a_request_becomes_a_take_with_its_cost() -> None:
    studio = Studio()
    lab = studio.lab()
    async with studio.replica(lab) as replica:
        take = rendered(await studio.clock.run(replica.ask(a_request())))
    assert not take.reused
    assert take.device_seconds == pytest.approx(CARD_SECONDS)
    assert take.cost_micros == pytest.approx(CARD_SECONDS * 1000, abs=1)
    assert (take.width, take.height, take.frames, take.seed) == (32, 16, 5, 7)
    assert (await studio.store.get(take.artifact)).startswith(b"((5, 16, 32, 3), 16)")


async def test_the_same_build_key_is_reused_at_no_cost() -> None:
    studio = Studio()
    lab = studio.lab()
    async with studio.replica(lab) as replica:
        first = rendered(await studio.clock.run(replica.ask(a_request(), "first")))
        again = rendered(await studio.clock.run(replica.ask(a_request("s02", version=2), "second")))
    assert (again.reused, again.cost_micros, again.device_seconds) == (True, 0, 0.0)
    assert again.artifact == first.artifact
    assert len(lab.started) == 1


async def test_another_tenant_never_gets_the_take() -> None:
    studio = Studio()
    lab = studio.lab()
    async with studio.replica(lab) as replica:
        await studio.clock.run(replica.ask(a_request()))
        (other,) = await studio.clock.run(replica.handle(an_event(a_request(), "other", tenant="umbrella")))
    assert not rendered(other).reused
    assert len(lab.started) == 2


async def test_a_request_handled_twice_says_the_same_cost_twice() -> None:
    studio = Studio()
    async with studio.replica(studio.lab()) as replica:
        once = await studio.clock.run(replica.ask(a_request(), "ask"))
        twice = await studio.clock.run(replica.ask(a_request(), "ask"))
    assert once == twice


async def test_a_failure_handled_twice_stays_the_same_failure() -> None:
    studio = Studio()
    lab = studio.lab()
    lab.fail = [Failed(FailureKind.MODEL_FAULT, "not finite", 0.1)]
    async with studio.replica(lab) as replica:
        once = failed(await studio.clock.run(replica.ask(a_request(), "ask")))
        twice = await studio.clock.run(replica.ask(a_request(), "ask"))
        anew = await studio.clock.run(replica.ask(a_request(attempt=2), "next attempt"))
    assert once == twice
    assert (once.kind, once.device_seconds, once.cost_micros) == (FailureKind.MODEL_FAULT, 0.1, 100)
    assert rendered(anew).attempt == 2


async def two_replicas(studio: Studio, lab: Lab) -> list[ShotRendered]:
    async with studio.replica(lab) as left, studio.replica(lab) as right:
        both = asyncio.gather(left.ask(a_request(), "one"), right.ask(a_request("s09"), "two"))
        return [rendered(fact) for fact in await studio.clock.run(both)]


async def test_two_replicas_with_one_build_key_pay_once() -> None:
    studio = Studio()
    lab = studio.lab()
    takes = await two_replicas(studio, lab)
    assert len(lab.started) == 1
    assert sorted(t.reused for t in takes) == [False, True]
    assert sum(t.cost_micros for t in takes) == pytest.approx(CARD_SECONDS * 1000, abs=1)


async def test_control_without_the_lease_two_replicas_pay_twice() -> None:
    studio = Studio(shared_leases=NoFence())
    lab = studio.lab()
    takes = await two_replicas(studio, lab)
    assert len(lab.started) == 2
    # Even then one take is announced: the ledger's first writer wins.
    assert takes[0].artifact == takes[1].artifact


async def test_a_replica_that_lost_its_lease_stops_and_takes_what_the_other_made() -> None:
    clock = VirtualClock()
    leases = CutOffLeases(MemoryLeases(clock))
    studio = Studio(clock=clock, shared_leases=leases)
    slow, quick = studio.lab(step_s=40.0), studio.lab(step_s=0.1)
    async with studio.replica(slow) as left, studio.replica(quick) as right:
        first = asyncio.ensure_future(left.ask(a_request(), "left"))
        await clock.advance(1.0)
        leases.reachable = False  # the left one's heartbeats are not heard; its lease runs out
        await clock.advance(35.0)
        assert slow.cancelled, "what nobody may pay for any more is stopped on the server"
        leases.reachable = True
        second = rendered(await clock.run(right.ask(a_request("s02"), "right")))
        late = rendered(await clock.run(first))
    assert not second.reused
    assert late.reused, "the late one announces the other's take"
    assert late.artifact == second.artifact


async def test_a_finished_result_under_a_lost_lease_is_refused() -> None:
    clock = VirtualClock()
    leases = MemoryLeases(clock)
    studio = Studio(clock=clock, shared_leases=leases)
    async with studio.replica(studio.lab()) as late, studio.replica(studio.lab()) as prompt:
        late.encoder.hold = asyncio.Event()
        first = asyncio.ensure_future(late.ask(a_request(), "late"))
        await clock.advance(6.0)  # rendered; now its encoder hangs, and the process is thought dead
        leases.release("takes/acme/" + a_request().key, token=1)
        second = rendered(await clock.run(prompt.ask(a_request(), "prompt")))
        late.encoder.hold.set()
        third = rendered(await clock.run(first))
    assert not second.reused
    assert third.reused


async def test_an_unreachable_lease_store_for_a_moment_costs_nothing() -> None:
    clock = VirtualClock()
    leases = CutOffLeases(MemoryLeases(clock))
    studio = Studio(clock=clock, shared_leases=leases)
    lab = studio.lab(step_s=10.0)
    async with studio.replica(lab) as replica:
        asking = asyncio.ensure_future(replica.ask(a_request()))
        await clock.advance(9.0)
        leases.reachable = False
        await clock.advance(10.0)
        leases.reachable = True
        rendered(await clock.run(asking))
    assert len(lab.started) == 1
    assert not lab.cancelled


async def test_a_cancelled_version_stops_at_once_and_frees_its_place() -> None:
    studio = Studio()
    lab = studio.lab(step_s=60.0)
    async with studio.replica(lab, places=1, finals=1) as replica:
        film = asyncio.ensure_future(replica.handle(an_event(a_request(), "ask")))
        await studio.clock.advance(70.0)
        assert len(lab.running) == 1
        await replica.handle(a_cancel())
        await settle()
        assert lab.cancelled, "the server is told before its next step"
        assert await studio.clock.run(film) == []
        assert not lab.running
        other = an_event(a_request("s05", seed=8), "other film", film="film-2")
        (fact,) = await studio.clock.run(replica.handle(other))
    assert rendered(fact).shot_id == "s05"
    assert lab.most_running == 1


async def test_a_cancelled_version_leaves_the_queue() -> None:
    studio = Studio()
    lab = studio.lab(step_s=60.0)
    async with studio.replica(lab, places=1, finals=1) as replica:
        running = asyncio.ensure_future(replica.handle(an_event(a_request(), "first", film="film-2")))
        await studio.clock.advance(1.0)
        waiting = asyncio.ensure_future(replica.handle(an_event(a_request(seed=8), "second")))
        await studio.clock.advance(1.0)
        await replica.handle(a_cancel())
        assert await studio.clock.run(waiting) == []
        await studio.clock.run(running)
    assert len(lab.started) == 1


async def test_another_replica_sees_the_cancel_on_its_heartbeat() -> None:
    studio = Studio()
    lab = studio.lab(step_s=60.0)
    async with studio.replica(lab) as replica:
        film = asyncio.ensure_future(replica.handle(an_event(a_request(), "ask")))
        await studio.clock.advance(70.0)
        await studio.store.remember(outcome_key("film-1", 1), b"cancelled")
        await studio.clock.advance(RULES.lease_s / 3 + 0.1)
        assert lab.cancelled
        assert await studio.clock.run(film) == []


async def test_a_version_that_ended_before_is_not_even_started() -> None:
    studio = Studio()
    lab = studio.lab()
    await studio.store.remember(outcome_key("film-1", 1), b"cancelled")
    async with studio.replica(lab) as replica:
        assert await studio.clock.run(replica.handle(an_event(a_request()))) == []
    assert not lab.started


async def test_a_server_lost_in_the_middle_is_resumed_from_its_checkpoint_elsewhere() -> None:
    studio = Studio()
    dying, healthy = studio.lab(), studio.lab()
    dying.fail, dying.fail_after_step = [Failed(FailureKind.DEVICE_LOST, "stream ended", 0.2)], 3
    async with studio.replica(dying, healthy) as replica:
        dying.down = False
        asking = asyncio.ensure_future(replica.ask(a_request()))
        await studio.clock.advance(0.5)
        dying.down = True
        take = rendered(await studio.clock.run(asking))
    assert healthy.resumed_at == [3], "steps 1 and 2 were checkpointed and are not paid again"
    assert dying.steps_paid + healthy.steps_paid == 5
    assert take.device_seconds == pytest.approx(0.3 + 0.2), "both tries are on the bill"


async def test_control_without_checkpoints_all_steps_are_paid_again() -> None:
    studio = Studio()
    dying, healthy = studio.lab(), studio.lab()
    dying.fail, dying.fail_after_step = [Failed(FailureKind.DEVICE_LOST, "stream ended", 0.2)], 3
    async with studio.replica(dying, healthy, rules=replace(RULES, checkpoint_every=0)) as replica:
        asking = asyncio.ensure_future(replica.ask(a_request()))
        await studio.clock.advance(0.5)
        dying.down = True
        rendered(await studio.clock.run(asking))
    assert dying.steps_paid + healthy.steps_paid == 3 + 4


async def test_a_crashed_replica_is_resumed_by_the_next_one_and_its_seconds_are_billed() -> None:
    studio = Studio()
    lab = studio.lab()
    async with studio.replica(lab) as crashing:
        lost = asyncio.ensure_future(crashing.ask(a_request(), "ask"))
        await studio.clock.advance(2.5)
        lost.cancel()
        await settle()
    assert not lab.running, "the stream was closed, so the server stopped"
    async with studio.replica(lab) as next_one:
        take = rendered(await studio.clock.run(next_one.ask(a_request(), "ask")))
    assert lab.resumed_at == [3]
    assert lab.steps_paid == 4
    assert take.device_seconds == pytest.approx(CARD_SECONDS)


async def test_a_checkpoint_that_no_server_takes_costs_its_steps_and_not_the_shot() -> None:
    studio = Studio()
    lab = studio.lab()
    lab.refuse_checkpoints = True
    old = Checkpoint(1, 0.5, a_request().key, b"old")
    await studio.store.remember(checkpoint_key("acme", trajectory(a_request().spec, 0), 1), old.pack())
    async with studio.replica(lab) as replica:
        take = rendered(await studio.clock.run(replica.ask(a_request())))
    assert take.device_seconds == pytest.approx(0.5 + CARD_SECONDS)


async def test_checkpoints_that_cannot_be_kept_do_not_stop_the_render() -> None:
    studio = Studio()
    studio.store.broken = True
    async with studio.replica(studio.lab()) as replica:
        rendered(await studio.clock.run(replica.ask(a_request())))


async def test_a_shot_that_always_kills_its_server_is_given_up_after_bounded_tries() -> None:
    studio = Studio()
    lab = studio.lab()
    lab.fail = [Failed(FailureKind.DEVICE_LOST, "gone", 0.1)] * 50
    async with studio.replica(lab, rules=replace(RULES, checkpoint_every=0)) as replica:
        lost = failed(await studio.clock.run(replica.ask(a_request())))
    assert lost.kind is FailureKind.DEVICE_LOST
    assert len(lab.started) == RULES.policy.fruitless
    assert lost.device_seconds == pytest.approx(0.1 * RULES.policy.fruitless)


async def test_what_the_planner_has_to_remedy_is_not_tried_again_here() -> None:
    studio = Studio()
    lab = studio.lab()
    lab.fail = [Failed(FailureKind.OUT_OF_MEMORY, "no room", 0.1)]
    async with studio.replica(lab) as replica:
        lost = failed(await studio.clock.run(replica.ask(a_request())))
    assert lost.kind is FailureKind.OUT_OF_MEMORY
    assert len(lab.started) == 1


async def test_after_the_deadline_nothing_is_started() -> None:
    studio = Studio()
    lab = studio.lab()
    async with studio.replica(lab) as replica:
        lost = failed(await studio.clock.run(replica.ask(a_request(), deadline=START - timedelta(seconds=1))))
    assert (lost.kind, lost.cost_micros) == (FailureKind.DEADLINE_PASSED, 0)
    assert not lab.started


async def test_a_deadline_that_passes_in_the_middle_stops_the_server() -> None:
    studio = Studio()
    lab = studio.lab(step_s=10.0)
    async with studio.replica(lab) as replica:
        lost = failed(await studio.clock.run(replica.ask(a_request(), deadline=START + timedelta(seconds=25))))
    assert lost.kind is FailureKind.DEADLINE_PASSED
    assert lost.device_seconds == pytest.approx(CARD_SECONDS / 2), "two of four steps were paid"
    assert lab.cancelled


async def test_a_render_expected_to_cost_too_much_is_not_started() -> None:
    studio = Studio()
    lab = studio.lab()
    async with studio.replica(lab) as replica:
        lost = failed(await studio.clock.run(replica.ask(a_request(limit=0))))
    assert (lost.kind, lost.cost_micros) == (FailureKind.BUDGET_EXHAUSTED, 0)
    assert not lab.started


async def test_a_render_that_reaches_its_price_limit_is_stopped() -> None:
    studio = Studio()
    lab = studio.lab()
    async with studio.replica(lab) as replica:
        lost = failed(await studio.clock.run(replica.ask(a_request(limit=250))))
    assert lost.kind is FailureKind.BUDGET_EXHAUSTED
    assert lost.cost_micros <= 400
    assert lab.cancelled
    assert lab.steps_paid == 3


async def test_a_model_that_no_server_has_is_named() -> None:
    studio = Studio()
    request = a_request()
    strange = request.spec.model_copy(update={"model": request.spec.model.model_copy(update={"version": "2"})})
    async with studio.replica(studio.lab()) as replica:
        lost = failed(await studio.clock.run(replica.ask(request.model_copy(update={"spec": strange}))))
    assert lost.kind is FailureKind.CAPACITY
    assert "null@2" in lost.reason
    assert "null@1" in lost.reason


async def test_a_server_that_comes_back_with_another_model_ends_the_wait() -> None:
    studio = Studio()
    lab = studio.lab()
    lab.fail = [Failed(FailureKind.DEVICE_LOST, "restarted", 0.1)]
    async with studio.replica(lab) as replica:
        asking = asyncio.ensure_future(replica.ask(a_request()))
        await studio.clock.advance(0.5)
        lab.down = True
        await studio.clock.advance(10.0)
        assert not asking.done()
        newer = null_card().model_copy(update={"version": "2"})
        lab.engine, lab.down = NullEngine(newer, studio.clock), False
        lost = failed(await studio.clock.run(asking))
    assert lost.kind is FailureKind.CAPACITY
    assert "null@2" in lost.reason
    assert lost.device_seconds == pytest.approx(0.1), "what was spent before is on the bill"


async def test_a_server_that_is_not_up_yet_is_waited_for() -> None:
    studio = Studio()
    lab = studio.lab()
    lab.down = True
    async with studio.replica(lab) as replica:
        asking = asyncio.ensure_future(replica.ask(a_request()))
        await studio.clock.advance(60.0)
        assert not asking.done()
        lab.down = False
        rendered(await studio.clock.run(asking))


async def test_patience_with_absent_servers_ends() -> None:
    studio = Studio()
    lab = studio.lab()
    lab.down = True
    async with studio.replica(lab, rules=replace(RULES, policy=TryPolicy(patience_s=60.0))) as replica:
        lost = failed(await studio.clock.run(replica.ask(a_request())))
    assert lost.kind is FailureKind.DEPENDENCY_DOWN


async def test_frames_of_the_wrong_shape_are_a_model_fault() -> None:
    studio = Studio()
    lab = studio.lab()
    lab.wrong_shape = True
    async with studio.replica(lab) as replica:
        lost = failed(await studio.clock.run(replica.ask(a_request())))
    assert lost.kind is FailureKind.MODEL_FAULT
    assert lost.device_seconds == pytest.approx(CARD_SECONDS)


def progress_of(replica: Replica) -> list[ShotProgressed]:
    return [f.data for c in replica.contexts for f in c.said if isinstance(f.data, ShotProgressed)]


async def test_every_slow_step_is_told() -> None:
    studio = Studio()
    async with studio.replica(studio.lab(step_s=1.0)) as replica:
        await studio.clock.run(replica.ask(a_request()))
        assert [p.step for p in progress_of(replica)] == [1, 2, 3, 4]


async def test_quick_steps_are_told_at_most_four_times_a_second_and_the_last_always() -> None:
    studio = Studio()
    request = a_request()
    spec = request.spec.model_copy(update={"steps": 100})
    async with studio.replica(studio.lab(step_s=0.01), rules=replace(RULES, checkpoint_every=0)) as replica:
        await studio.clock.run(replica.ask(request.model_copy(update={"spec": spec})))
        told = progress_of(replica)
    assert len(told) <= 6
    assert (told[-1].step, told[-1].steps) == (100, 100)


async def test_an_absent_broker_costs_progress_and_not_the_render() -> None:
    studio = Studio()
    lab = studio.lab()
    async with studio.replica(lab) as replica:
        replica.broker = ConnectionError("no broker")
        rendered(await studio.clock.run(replica.ask(a_request())))
    assert len(lab.started) == 1
    assert progress_of(replica) == []


async def test_a_preview_has_a_place_while_finals_fill_the_server() -> None:
    studio = Studio()
    lab = studio.lab(step_s=100.0)
    async with studio.replica(lab, places=2, finals=1) as replica:
        finals = [asyncio.ensure_future(replica.ask(a_request(tier=Tier.FINAL, seed=n), f"final {n}")) for n in (1, 2)]
        await studio.clock.advance(1.0)
        assert len(lab.running) == 1
        preview = asyncio.ensure_future(replica.ask(a_request(), "preview"))
        await studio.clock.advance(1.0)
        assert [j.tier for j in lab.started] == [Tier.FINAL, Tier.PREVIEW]
        for task in (*finals, preview):
            rendered(await studio.clock.run(task))
