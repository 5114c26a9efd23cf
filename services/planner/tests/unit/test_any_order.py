"""Any order that Kafka allows, with records delivered twice and timers late: the same film, one end, within its budget."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from planner_fakes import NOON, Studio, a_brief, a_storyboard
from storyreel_contracts import CutRequested, FilmApproved, FilmFailed, FilmPlanned, ShotRequested
from storyreel_contracts.brief import Budget
from storyreel_contracts.films import ShotEdit
from storyreel_planner.domain.director import Director
from storyreel_planner.domain.rules import Rules
from storyreel_planner.domain.state import FilmState

QUICK = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
FATES = ["good", "good", "good", "drifted", "blocked", "hopeless", "device_lost", "model_fault", "out_of_memory"]
takes = st.tuples(st.sampled_from(["preview", "final"]), st.sampled_from(["s01", "s02"]), st.integers(1, 3))
fates = st.dictionaries(takes, st.sampled_from(FATES), max_size=6)
orders = st.integers(0, 2**32)


def two_shots(**changes: Any) -> Any:
    return a_brief(storyboard=a_storyboard(3, 2.5), **changes)


def a_studio(order: int, **more: Any) -> Studio:
    more = {"brief": two_shots(), "duplicates": 0.3, "early_timers": 0.1} | more
    return Studio(order=Random(order), **more)


def within_budget(studio: Studio) -> None:
    answered = {tuple(name.split(":")) for name in studio.state.answers}
    open_limits = sum(limit for (v, t, s, a), limit in studio.reserved.items() if (f"v{v}", t, s, str(a)) not in answered)
    known = sum(a.cost_micros for a in studio.state.answers.values())
    assert known + open_limits <= studio.brief.budget.micros
    assert studio.paid <= studio.brief.budget.micros


@given(fates, orders, orders)
@QUICK
def test_the_order_of_arrival_changes_nothing(table: dict[Any, str], one: int, other: int) -> None:
    first, second = a_studio(one, fates=table).run(), a_studio(other, fates=table).run()
    assert first.outcome() == second.outcome()
    assert len(first.outcome()) == 1
    if first.outcome() == ["published"]:  # a film that ends early may have asked for more or less by then
        assert first.published.keys() == second.published.keys()
        assert {k: e.data for k, e in first.published.items() if not isinstance(e.data, FilmPlanned)} == {
            k: e.data for k, e in second.published.items() if not isinstance(e.data, FilmPlanned)
        }


@given(fates, orders)
@QUICK
def test_every_film_ends_exactly_once(table: dict[Any, str], order: int) -> None:
    studio = a_studio(order, fates=table, brief=two_shots(deadline=NOON + timedelta(seconds=60)), early_timers=0.02).run()
    assert len(studio.outcome()) == 1
    assert len(studio.facts(FilmFailed)) == studio.outcome().count("failed")
    assert len([c for c in studio.facts(CutRequested) if c.publish]) <= 1


@given(fates, orders, st.integers(3_000, 40_000), st.sampled_from([1.0, 2.0, 10.0]), st.floats(0.1, 1.0))
@QUICK
def test_the_budget_is_never_exceeded(table: Any, order: int, micros: int, headroom: float, share: float) -> None:
    studio = a_studio(
        order,
        fates=table,
        brief=two_shots(budget=Budget(amount=Decimal(micros) / 1_000_000)),
        rules=Rules(headroom=headroom),
        cost_share=share,
        on_step=within_budget,
    ).run()
    assert len(studio.outcome()) == 1


@given(fates, orders, st.integers(0, 60), st.sampled_from(["cancel", "caption", "prompt", "new_take"]))
@QUICK
def test_a_cancel_or_an_edit_at_any_moment_leaves_one_end_per_version(table: Any, order: int, at: int, what: str) -> None:
    studio = a_studio(order, fates=table)
    for _ in range(at):
        studio.step()
    if what == "cancel":
        studio.cancel()
    else:
        change: Any = {"caption": {"caption": "x"}, "prompt": {"prompt": "a blue shoe"}, "new_take": {"new_take": True}}[what]
        studio.edit(2, ShotEdit.model_validate({"shot_id": "s02"} | change))
    studio.run()
    assert len(studio.outcome(1)) == 1
    assert len(studio.outcome(2)) == (what != "cancel")


@given(fates, orders, orders)
@QUICK
def test_a_lost_store_is_rebuilt_by_reading_everything_again_in_another_order(table: Any, one: int, other: int) -> None:
    studio = a_studio(one, fates=table, duplicates=0.0).run()
    known, ends, paid = set(studio.published), list(studio.terminal), studio.paid
    _read_again(studio, other)
    assert (studio.terminal, studio.paid) == (ends, paid)
    if ends == [(1, "published")]:  # a film that failed may be asked for more until its end is read; nobody renders it
        assert set(studio.published) <= known


@given(fates, orders, orders)
@QUICK
def test_reading_an_edited_film_again_ends_nothing_twice_and_pays_for_nothing_new(table: Any, one: int, other: int) -> None:
    studio = a_studio(one, fates=table, duplicates=0.0).run()
    studio.edit(2, ShotEdit(shot_id="s01", caption="x"))
    studio.run()
    ends, paid, plans = list(studio.terminal), studio.paid, studio.facts(FilmPlanned)
    _read_again(studio, other)
    assert studio.terminal == ends
    assert studio.paid == paid
    assert studio.facts(FilmPlanned) == plans


def _read_again(studio: Studio, order: int) -> None:
    studio.state = FilmState()
    _refill(studio)
    studio.order = Random(order)
    studio.run()


def _refill(studio: Studio) -> None:
    """Every topic from its start, each in its own order."""
    topics = {
        "film.requested": "gateway-films", "film.edit-requested": "gateway-films", "film.cancelled": "gateway-films",
        "shot.rendered": "renderer-shots", "shot.render-failed": "renderer-shots", "shot.matched": "continuity-reports",
        "shot.drifted": "continuity-reports", "film.assembled": "assembler-films", "film.published": "assembler-films",
        "film.assembly-failed": "assembler-films", "timer.due": "planner-timers",
    }  # fmt: skip
    for event in studio.delivered:
        studio.queues[topics.get(event.envelope.type.removesuffix(".v1"), "safety-verdicts")].append(event)
    studio.timers.clear()


def test_deciding_leaves_the_given_state_alone() -> None:
    fates = {("preview", "s01", 1): "drifted", ("preview", "s02", 1): "device_lost", ("final", "s02", 1): "blocked"}
    studio = a_studio(3, fates=fates, assembly_failures=1)

    class Guarded(Director):
        def decide(self, state: FilmState, event: Any) -> Any:
            before = state.model_dump()
            decision = super().decide(state, event)
            assert state.model_dump() == before
            return decision

        def absorb(self, state: FilmState, *rest: Any) -> Any:
            before = state.model_dump()
            decision = super().absorb(state, *rest)
            assert state.model_dump() == before
            return decision

    studio.director = Guarded(studio.rules)
    studio.run()
    studio.edit(2, ShotEdit(shot_id="s01", prompt="a blue shoe"))
    assert studio.run().outcome(2) == ["published"]


@given(orders)
@QUICK
def test_a_person_may_approve_before_the_cut_is_even_asked_for(order: int) -> None:
    studio = a_studio(order, brief=two_shots(approval="person"))
    studio.emit("gateway-films", FilmApproved(version=1, approved_by="p"), "ok")
    assert studio.run().outcome() == ["published"]


def test_an_older_event_that_is_read_after_a_timer_rang_does_not_strand_the_film() -> None:
    """The retry waits for money when its timer rings; the bill that frees it was written before, and is read after."""
    budget = Budget(amount=Decimal("0.003"))
    brief = two_shots(budget=budget)
    table = {("preview", "s01", 1): "device_lost"}
    for order in range(150, 250):
        studio = a_studio(order, brief=brief, fates=table, rules=Rules(headroom=1.0), cost_share=0.5).run()
        assert len(studio.outcome()) == 1, order


def test_control_with_a_clock_that_goes_back_such_films_are_stranded() -> None:
    class Forgetful(Director):
        def decide(self, state: FilmState, event: Any) -> Any:
            return super().decide(state.model_copy(update={"latest": None}), event)  # the guard removed

    stranded = 0
    for order in range(150, 250):
        budget = Budget(amount=Decimal("0.003"))
        studio = a_studio(order, brief=two_shots(budget=budget), fates={("preview", "s01", 1): "device_lost"})
        studio.rules = Rules(headroom=1.0)
        studio.cost_share, studio.director = 0.5, Forgetful(studio.rules)
        stranded += not studio.run().outcome()
    assert stranded


# --- negative controls: the properties above notice when a guard is gone


def test_control_without_the_claim_a_cancelled_film_would_end_twice() -> None:
    studio = a_studio(0, fates={("preview", "s01", 1): "hopeless"})
    while not studio.facts(ShotRequested):
        studio.step()
    studio.cancel()
    studio.claims.clear()  # the guard removed: anyone wins
    studio.queues["gateway-films"].clear()  # its fact is still on the way
    assert len(studio.run().outcome()) == 2


def test_control_without_the_reservation_the_budget_is_exceeded() -> None:
    class Careless(dict[str, int]):
        def __setitem__(self, name: str, limit: int) -> None:
            super().__setitem__(name, 0)  # the guard removed: nothing is reserved

    class CarelessDirector(Director):
        def decide(self, state: FilmState, event: Any) -> Any:
            state = state.model_copy()
            state.issued = Careless(state.issued)
            decision = super().decide(state, event)
            decision.state.issued = dict.fromkeys(decision.state.issued, 0)
            return decision

    budget = Budget(amount=Decimal("0.012"))
    studio = a_studio(0, brief=two_shots(budget=budget), rules=Rules(headroom=2.0), on_step=within_budget, duplicates=0)
    studio.director = CarelessDirector(studio.rules)
    with pytest.raises(AssertionError):
        studio.run()


def test_control_ids_that_follow_the_last_arrival_differ_from_order_to_order() -> None:
    class Naive(Director):
        def decide(self, state: FilmState, event: Any) -> Any:
            decision = super().decide(state, event)
            return replace(decision, facts=[replace(f, cause_id="") for f in decision.facts])  # the guard removed

    def ids(order: int) -> set[str]:
        studio = a_studio(order, duplicates=0)
        studio.director = Naive(studio.rules)
        return set(studio.run().published)

    assert len({frozenset(ids(order)) for order in range(6)}) > 1
