"""The read model: any order, any repetition, one view; and the words and stages that people see."""

from collections.abc import Callable
from datetime import timedelta
from functools import reduce

import pytest
from gateway_facts import FILM, POLICY, START, Script, a_plan, a_whole_film
from hypothesis import given, settings
from hypothesis import strategies as st
from storyreel_contracts import (
    BriefBlocked,
    BriefRejected,
    Event,
    FailureKind,
    FilmCancelled,
    FilmStatus,
    FilmUpdated,
    Finding,
    Problem,
    Remedy,
    ReviewDecided,
    Severity,
    ShotDowngraded,
    ShotDrifted,
    ShotMatched,
    ShotRenderFailed,
    Tier,
)
from storyreel_contracts.films import FilmApproved, FilmEditRequested, ReviewDecision, ShotEdit
from storyreel_contracts.plan import Substitution
from storyreel_contracts.takes import Axis, Correction, Measure, TierGap
from storyreel_gateway.domain.decisions import GatewayDecider
from storyreel_gateway.domain.presenting import film_view
from storyreel_gateway.domain.reading import read
from storyreel_gateway.domain.state import FilmState
from storyreel_gateway.domain.words import line_of


def fold(events: list[Event]) -> FilmState:
    decider, state = GatewayDecider(), FilmState()
    for event in events:
        state = decider.decide(state, event).state
    return state


def statuses(events: list[Event]) -> list[str]:
    """What campaign systems are told, in order."""
    decider, state, told = GatewayDecider(), FilmState(), []
    for event in events:
        decision = decider.decide(state, event)
        state = decision.state
        told += [str(f.data.status) for f in decision.facts if isinstance(f.data, FilmUpdated)]
    return told


def a_troubled_film() -> list[Event]:
    """Reviews, a lost take, a drift, a downgrade, an edit, a cancellation."""
    script = Script().requested(approval="person").review("r0", "brief").planned(cleared=False).review()
    script.say(ReviewDecided(version=1, review_id="r1", decision=ReviewDecision.APPROVE, reviewer="Ada"))
    script.planned(cleared=True)
    lost = {"version": 1, "shot_id": "s01", "tier": Tier.PREVIEW, "attempt": 1, "key": "e" * 64}
    script.say(ShotRenderFailed(**lost, kind=FailureKind.MODEL_FAULT, reason="NaN", cost_micros=7_000))
    key = script.take("s01", Tier.PREVIEW, attempt=2)
    measure = Measure(axis=Axis.EXPOSURE, value=2, threshold=1, unit="stops", against="s02", passed=False)
    fix = Correction(axis=Axis.EXPOSURE, explanation="two stops too bright")
    ids = {"version": 1, "shot_id": "s01", "tier": Tier.PREVIEW, "attempt": 2, "key": key}
    script.say(ShotDrifted(**ids, measures=[measure], corrections=[fix]))
    down = {"version": 1, "shot_id": "s01", "tier": Tier.PREVIEW, "quality": "unmatched"}
    script.say(ShotDowngraded(**down, kind=FailureKind.MODEL_FAULT, reason="attempts used up"))
    script.tier(Tier.PREVIEW)
    script.say(FilmApproved(version=1, approved_by="Ada"))
    edits = [ShotEdit(shot_id="s02", caption="New line")]
    script.say(FilmEditRequested(version=2, base_version=1, edits=edits, requested_by="Ada"))
    script.say(FilmCancelled(version=1, reason="superseded", requested_by="Ada", superseded_by=2))
    return script.planned(2).tier(Tier.FINAL, 2, publish=True).published(2).events


@settings(max_examples=40, deadline=None)
@given(st.data())
@pytest.mark.parametrize("film", [a_whole_film, a_troubled_film])
def test_facts_in_any_order_and_twice_give_the_same_view(film: Callable[[], list[Event]], data: st.DataObject) -> None:
    events = film()
    again = data.draw(st.lists(st.sampled_from(events), max_size=10))
    shuffled = data.draw(st.permutations(events + again))
    mixed, ordered = reduce(read, shuffled, FilmState()), reduce(read, events, FilmState())
    assert mixed == ordered
    assert film_view(mixed) == film_view(ordered)


def test_campaign_systems_hear_every_stage_once() -> None:
    assert statuses(a_whole_film()) == [
        "screening", "planning", "rendering_preview", "rendering_final", "assembling", "published",
    ]  # fmt: skip


def test_a_film_that_a_person_approves_waits_for_that_person() -> None:
    script = Script().requested(approval="person").planned().tier(Tier.PREVIEW)
    assert film_view(fold(script.events)).status == FilmStatus.AWAITING_APPROVAL
    script.say(FilmApproved(version=1, approved_by="Ada"))
    assert film_view(fold(script.events)).status == FilmStatus.FINAL


def test_an_open_review_is_the_films_status_until_it_is_answered() -> None:
    script = Script().requested().planned(cleared=False).review()
    assert film_view(fold(script.events)).status == FilmStatus.IN_REVIEW
    script.say(ReviewDecided(version=1, review_id="r1", decision=ReviewDecision.APPROVE, reviewer="Ada"))
    assert film_view(fold(script.events)).status == FilmStatus.PLANNING


def test_a_review_that_ran_out_of_time_is_closed_by_the_block() -> None:
    script = Script().requested().review("r9", "brief")
    finding = Finding(rule="r", category="c", severity=Severity.BLOCK, where="prompt", explanation="No answer in time.")
    remedy = Remedy(action="human_review", explanation="Ask again.")
    script.say(BriefBlocked(version=1, policy=POLICY, findings=[finding], remedies=[remedy]))
    view = film_view(fold(script.events))
    assert view.status != FilmStatus.IN_REVIEW
    assert view.reviews[0].state == "closed"


def test_a_policy_block_is_told_as_blocked_and_any_other_failure_as_failed() -> None:
    for kind, status in (("policy_blocked", "blocked"), ("budget_exhausted", "failed")):
        assert film_view(fold(Script().requested().failed(kind).events)).status == status


def test_the_price_counts_lost_takes_and_leaves_out_reused_ones() -> None:
    script = Script().requested().planned()
    ids = {"version": 1, "shot_id": "s01", "tier": Tier.PREVIEW, "attempt": 1, "key": "e" * 64}
    script.say(ShotRenderFailed(**ids, kind=FailureKind.MODEL_FAULT, reason="NaN", cost_micros=7_000))
    script.take("s01", Tier.PREVIEW, attempt=2)
    view = film_view(fold(script.events))
    assert view.price_micros == 37_000
    assert view.shots[0].price_micros == 37_000


def test_a_shot_shows_its_newest_take_with_both_verdicts() -> None:
    script = Script().requested().planned()
    script.take("s01", Tier.PREVIEW)
    shot = film_view(fold(script.events)).shots[0]
    assert (shot.status, shot.safety, shot.continuity, shot.tier) == ("rendered", "cleared", "matched", "preview")
    assert shot.artifact == "shot-s01-v1-preview-1.mp4"


def test_an_edited_version_shows_the_earlier_take_of_a_shot_that_the_edit_did_not_reach() -> None:
    script = Script().requested().planned().tier(Tier.PREVIEW)
    script.say(FilmEditRequested(version=2, base_version=1, edits=[ShotEdit(shot_id="s02", prompt="x")], requested_by="A"))
    plan = a_plan()
    changed = plan.shots[1].model_copy(update={"prompt": "something else"})
    script.planned(2, plan.model_copy(update={"shots": [plan.shots[0], changed, plan.shots[2]]}))
    shots = film_view(fold(script.events)).shots
    assert [shot.status for shot in shots] == ["rendered", "waiting", "rendered"]


def test_a_refused_brief_is_a_film_that_says_what_to_mend_and_a_later_acceptance_wins() -> None:
    script = Script()
    problem = Problem(field="storyboard[1].start_s", reason="overlaps", remedy="move it")
    script.say(BriefRejected(brief_event_id="b", campaign_ref="c7", kind=FailureKind.INVALID_INPUT, problems=[problem]))
    view = film_view(fold(script.events))
    assert (view.status, view.problems, view.campaign_ref) == ("rejected", [problem], "c7")
    assert film_view(fold(script.requested().events)).status == "screening"


def test_a_versions_end_is_the_first_that_was_written() -> None:
    script = Script().requested()
    script.say(FilmCancelled(version=1, reason="first", requested_by="Ada"), START + timedelta(seconds=5))
    script.say(FilmCancelled(version=1, reason="later", requested_by="Eve"), START + timedelta(seconds=9))
    assert film_view(fold(script.events)).detail == "first"
    assert film_view(fold(script.events[::-1])).detail == "first"


def test_every_fact_is_told_in_words_and_progress_is_not_news() -> None:
    view = film_view(fold(a_troubled_film()))
    assert all(line.text and line.text != line.type for line in view.facts)
    assert "shot.progressed.v1" not in {line.type for line in view.facts}
    assert [line.at for line in view.facts] == sorted((line.at for line in view.facts), reverse=True)


def test_stages_stand_with_the_time_they_began() -> None:
    stages = film_view(fold(a_whole_film())).stages
    assert str(stages[0].status) == "screening"
    assert [stage.at for stage in stages] == sorted(stage.at for stage in stages)
    assert str(stages[-1].status) == "published"


def test_update_facts_carry_the_campaigns_own_reference_and_the_files() -> None:
    decider, state, last = GatewayDecider(), FilmState(), None
    events = Script().requested(campaign_ref="spring-7").planned().tier(Tier.FINAL, publish=True).published().events
    for event in events:
        decision = decider.decide(state, event)
        state = decision.state
        last = next((f.data for f in decision.facts if isinstance(f.data, FilmUpdated)), last)
    assert last is not None
    assert (last.campaign_ref, last.status, set(last.files)) == ("spring-7", "published", {"film-16x9.mp4", "captions.vtt"})
    assert state.film_id == FILM


def test_the_gap_between_preview_and_final_is_in_the_view() -> None:
    script = Script().requested().planned()
    key = script.take("s01", Tier.FINAL)
    assert film_view(reduce(read, script.events, FilmState())).shots[0].tier_gap is None
    gap = TierGap(preview="f" * 64, ssim=0.91, delta_e=1.4)
    script.say(ShotMatched(version=1, shot_id="s01", tier=Tier.FINAL, attempt=1, key=key, measures=[], tier_gap=gap))
    assert film_view(reduce(read, script.events, FilmState())).shots[0].tier_gap == gap


def test_what_a_plan_replaced_is_in_the_history() -> None:
    losses = [Substitution(field="prompt", wanted=w, chosen="left out", reason="unknown") for w in "abcde"]
    plan = a_plan().model_copy(update={"substitutions": losses})
    (line,) = [n for n in map(line_of, Script().requested().planned(plan=plan).events) if n and n.type == "film.planned.v1"]
    assert line.text.endswith("Not as asked: a: left out; b: left out; c: left out; and 2 more.")
