"""The order of jobs and the size of batches, decided from numbers alone."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from engine_fakes import FLAT, KNEE, LINEAR, Costs
from hypothesis import given
from hypothesis import strategies as st
from storyreel_engine.batching import Turn, choose
from storyreel_engine.costs import StepCosts
from storyreel_engine.policy import CLASS_ORDER, Candidate, Phase, World, critical
from storyreel_engine.wire import Tier

TABLES = (FLAT, KNEE, LINEAR)


def costs(table: dict[int, float] | None, *keys: str) -> StepCosts:
    """All sizes of a table known, or nothing."""
    learned = StepCosts()
    for key in keys or ("k",):
        for size in range(1, 17) if table else ():
            for _ in range(2):
                learned.learn_pass(key, size, Costs(table or {}).seconds(size))
    return learned


def world(table: dict[int, float] | None = None, **more: Any) -> World:
    """A device whose every size is known."""
    given = {"now": 100.0, "costs": costs(table, "k", "other"), "charged": lambda share: 0.0, "default_limit": 8, "limits": {}}
    return World(**{**given, **more})


def job(arrival: int, tier: Tier = Tier.FINAL, **more: Any) -> Candidate:
    """A prepared job with ten passes to go."""
    given = {"key": "k", "phase": Phase.PASS, "passes": 10, "passes_left": 10, "submitted": 100.0, "working": 1}
    return Candidate(arrival=arrival, tier=tier, **{**given, **more})


def arrivals(turn: Turn | None) -> list[int]:
    assert turn is not None
    return [candidate.arrival for candidate in turn.jobs]


PHASED = st.sampled_from(Phase).flatmap(
    lambda phase: st.tuples(st.just(phase), st.integers(0 if phase is Phase.DECODE else 1, 60))
)
JOBS = st.lists(
    st.builds(
        lambda arrival, tier, key, phased, share, deadline, alone: Candidate(
            arrival, tier, key, phased[0], 60, phased[1], share, deadline, 90.0, 5, alone
        ),
        st.integers(0, 10_000),
        st.sampled_from(Tier),
        st.sampled_from(["k", "other"]),
        PHASED,
        st.sampled_from("abc"),
        st.just(math.inf) | st.floats(50, 400),
        st.booleans(),
    ),
    min_size=1,
    max_size=20,
    unique_by=lambda candidate: candidate.arrival,
)
WORLDS = st.builds(
    lambda table, charges, memory, limit: world(table, charged=charges.__getitem__, free_memory=memory, default_limit=limit),
    st.sampled_from([None, *TABLES]),
    st.fixed_dictionaries({"a": st.floats(0, 50), "b": st.floats(0, 50), "c": st.floats(0, 50)}),
    st.floats(5, 100),
    st.integers(1, 12),
)


def test_nothing_is_chosen_from_nothing() -> None:
    assert choose([], world()) is None


@given(JOBS, WORLDS)
def test_a_turn_is_always_one_that_can_be_done(jobs: list[Candidate], known: World) -> None:
    turn = choose(jobs, known)
    assert turn is not None
    assert set(turn.jobs) <= set(jobs)
    assert len(set(turn.jobs)) == len(turn.jobs)
    assert {candidate.phase for candidate in turn.jobs} == {turn.phase}
    assert len({candidate.key for candidate in turn.jobs}) == 1
    if len(turn.jobs) > 1:
        assert turn.phase is Phase.PASS
        assert not any(candidate.alone for candidate in turn.jobs)
        assert len(turn.jobs) <= known.limit(turn.jobs[0].key)
        assert sum(candidate.working for candidate in turn.jobs) <= known.free_memory


@given(JOBS, WORLDS, st.randoms(use_true_random=False))
def test_the_choice_does_not_depend_on_the_order_of_the_list(jobs: list[Candidate], known: World, random: Any) -> None:
    shuffled = list(jobs)
    random.shuffle(shuffled)
    assert choose(jobs, known) == choose(shuffled, known)


@given(JOBS, WORLDS)
def test_the_most_urgent_class_has_a_part_in_every_unit_unless_a_deadline_or_its_own_batch_says_otherwise(
    jobs: list[Candidate], known: World
) -> None:
    free = [replace(candidate, deadline=math.inf) for candidate in jobs]
    turn = choose(free, known)
    assert turn is not None
    first = min(CLASS_ORDER[candidate.tier] for candidate in free)
    served = {CLASS_ORDER[candidate.tier] for candidate in turn.jobs}
    assert first in served or (turn.phase is Phase.PREPARE and known.costs.pass_seconds(turn.jobs[0].key, 1) is not None)


@given(JOBS, st.sampled_from(TABLES))
def test_a_batch_never_costs_more_per_job_than_one_alone(jobs: list[Candidate], table: dict[int, float]) -> None:
    known = world(table)
    turn = choose(jobs, known)
    assert turn is not None
    if turn.phase is Phase.PASS and not turn.trial:
        together = known.costs.pass_seconds(turn.jobs[0].key, len(turn.jobs))
        alone = known.costs.pass_seconds(turn.jobs[0].key, 1)
        assert together is not None
        assert alone is not None
        assert together / len(turn.jobs) <= alone


@given(JOBS, st.sampled_from(TABLES))
def test_nobody_who_would_meet_a_deadline_alone_breaks_it_for_a_batch(jobs: list[Candidate], table: dict[int, float]) -> None:
    known = world(table)
    turn = choose(jobs, known)
    assert turn is not None
    if turn.phase is Phase.PASS:
        for member in turn.jobs:
            alone, together = known.remaining(member), known.remaining(member, len(turn.jobs))
            assert alone is not None
            assert together is not None
            assert not alone <= member.deadline - known.now < together


def test_a_preview_comes_before_a_final_and_a_keyframe_before_both() -> None:
    jobs = [job(0), job(1, Tier.PREVIEW), job(2, Tier.KEYFRAME)]
    assert arrivals(choose(jobs, world(LINEAR))) == [2]
    assert arrivals(choose(jobs[:2], world(LINEAR))) == [1]


def test_a_previews_decode_and_preparation_come_before_a_finals_pass() -> None:
    for phase in (Phase.DECODE, Phase.PREPARE):
        turn = choose([job(0), job(1, Tier.PREVIEW, phase=phase)], world(FLAT))
        assert turn is not None
        assert (turn.phase, arrivals(turn)) == (phase, [1])


def test_the_share_that_had_less_of_the_device_goes_first_and_deadlines_only_decide_inside_a_share() -> None:
    jobs = [job(0, share="a", deadline=150.0), job(1, share="b"), job(2, share="b", deadline=900.0)]
    charged = {"a": 2.0, "b": 1.0}
    assert arrivals(choose(jobs, world(LINEAR, charged=charged.__getitem__))) == [2]


def test_the_slots_of_a_batch_are_dealt_to_the_shares_in_turn() -> None:
    jobs = [job(index, share="a") for index in range(8)] + [job(index, share="b") for index in range(8, 16)]
    served = arrivals(choose(jobs, world(FLAT)))
    assert sum(arrival < 8 for arrival in served) == 4


def test_a_final_that_would_break_its_deadline_passes_previews_that_can_bear_it() -> None:
    final = job(0, deadline=111.0)
    relaxed = [job(1, Tier.PREVIEW, passes=4, passes_left=4)]
    assert arrivals(choose([final, *relaxed], world(LINEAR))) == [0]
    assert arrivals(choose([replace(final, deadline=200.0), *relaxed], world(LINEAR))) == [1]


def test_it_does_not_pass_previews_that_would_be_hurt_and_not_when_it_is_lost_anyway() -> None:
    hurt = job(1, Tier.PREVIEW, passes=4, passes_left=4, submitted=96.5)
    assert arrivals(choose([job(0, deadline=111.0), hurt], world(LINEAR))) == [1]
    lost = job(0, deadline=105.0)
    assert arrivals(choose([lost, job(1, Tier.PREVIEW, passes=4, passes_left=4)], world(LINEAR))) == [1]


def test_those_with_as_many_passes_left_as_there_are_rows_are_critical() -> None:
    jobs = [job(0, passes_left=30), job(1, passes_left=10), job(2, passes_left=10), job(3, passes_left=10)]
    assert critical(jobs, world(FLAT, default_limit=2)) == {0}
    assert critical(jobs, world(LINEAR, default_limit=2)) == frozenset()


def test_a_preview_takes_no_riders_that_make_its_pass_much_longer() -> None:
    late = job(0, Tier.PREVIEW, passes=10, passes_left=10, submitted=94.0)
    finals = [job(index) for index in range(1, 9)]
    assert len(arrivals(choose([late, *finals], world(KNEE)))) == 3
    assert len(arrivals(choose([late, *finals], world(FLAT)))) == 8
    assert arrivals(choose([late, *finals], world(LINEAR))) == [0]


def test_a_preview_with_time_to_spare_takes_more() -> None:
    early = job(0, Tier.PREVIEW, passes=10, passes_left=10)
    assert len(arrivals(choose([early, *[job(index) for index in range(1, 9)]], world(KNEE)))) == 4


def test_previews_share_a_pass_only_as_long_as_each_can_still_keep_its_promise() -> None:
    previews = [job(index, Tier.PREVIEW) for index in range(8)]
    assert len(arrivals(choose(previews, world(KNEE)))) == 4


def test_a_finals_pass_stays_short_enough_for_the_previews_that_this_device_knows() -> None:
    finals = [job(index) for index in range(8)]
    known = costs(KNEE)
    assert len(arrivals(choose(finals, world(costs=known)))) == 8
    known.learn_preview(2.4)
    assert len(arrivals(choose(finals, world(costs=known)))) == 5


def test_peers_are_prepared_before_a_batch_that_they_make_cheaper() -> None:
    jobs = [job(0), job(1, phase=Phase.PREPARE)]
    prepared = choose(jobs, world(FLAT))
    assert prepared is not None
    assert (prepared.phase, arrivals(prepared)) == (Phase.PREPARE, [1])
    assert arrivals(choose(jobs, world(LINEAR))) == [0]


def test_an_unknown_size_is_tried_by_finals_far_from_their_deadlines_only() -> None:
    half = StepCosts()
    half.learn_pass("k", 1, 1.0)
    finals = [job(index) for index in range(4)]
    tried = choose(finals, world(costs=half))
    assert tried is not None
    assert (tried.trial, len(tried.jobs)) == (True, 2)
    pressed: Sequence[Candidate] = [replace(final, deadline=115.0) for final in finals]
    careful = choose(pressed, world(costs=half))
    assert careful is not None
    assert (careful.trial, len(careful.jobs)) == (False, 1)


@pytest.mark.parametrize("table", TABLES)
def test_a_job_of_a_broken_batch_goes_alone(table: dict[int, float]) -> None:
    assert arrivals(choose([job(0, alone=True), job(1), job(2)], world(table))) == [0]
    assert 0 not in arrivals(choose([job(1), job(2), job(3, alone=True)], world(table)))
