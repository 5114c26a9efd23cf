"""The director's way with a film: what it asks for, what it accepts, when it gives up."""

from datetime import timedelta

import pytest
from planner_fakes import (
    FILM,
    NOON,
    TENANT,
    Studio,
    a_brief,
    a_budget,
    a_remedy,
    a_storyboard,
    verdict,
)
from storyreel_contracts import (
    BriefBlocked,
    Camera,
    CutRequested,
    Envelope,
    Event,
    FailureKind,
    FilmApproved,
    FilmFailed,
    FilmPlanned,
    ShotDowngraded,
    ShotRequested,
    Tier,
)
from storyreel_contracts.films import BrandEdit, ShotEdit
from storyreel_planner.domain.rules import Rules
from storyreel_planner.domain.state import FilmState


def tiers(facts: list[ShotRequested]) -> list[tuple[str, str, int]]:
    return [(f.tier.value, f.shot_id, f.attempt) for f in facts]


def test_a_film_goes_from_previews_to_finals_to_one_published_cut() -> None:
    studio = Studio(a_brief()).run()
    assert tiers(studio.facts(ShotRequested)) == [(t, s, 1) for t in ("preview", "final") for s in ("s01", "s02", "s03")]
    assert [(c.tier, c.publish) for c in studio.facts(CutRequested)] == [(Tier.PREVIEW, False), (Tier.FINAL, True)]
    assert studio.outcome() == ["published"]


def test_finals_are_rendered_from_their_previews_seed_and_words() -> None:
    studio = Studio(a_brief(), fates={("preview", "s02", 1): "drifted"}).run()
    accepted = {f.shot_id: f.spec for f in studio.facts(ShotRequested) if f.tier == "preview"}
    for final in (f for f in studio.facts(ShotRequested) if f.tier == "final"):
        assert (final.spec.seed, final.spec.prompt) == (accepted[final.shot_id].seed, accepted[final.shot_id].prompt)
        assert final.spec.width > accepted[final.shot_id].width


def test_a_preview_brief_is_published_from_its_preview_cut() -> None:
    studio = Studio(a_brief(tier="preview")).run()
    assert [(c.tier, c.publish) for c in studio.facts(CutRequested)] == [(Tier.PREVIEW, True)]
    assert {f.tier for f in studio.facts(ShotRequested)} == {Tier.PREVIEW}
    assert [s.tier for s in studio.facts(FilmPlanned)[0].plan.skipped] == [Tier.KEYFRAME, Tier.FINAL]


def test_a_drifted_take_is_tried_again_with_the_hint_and_another_seed() -> None:
    studio = Studio(a_brief(), fates={("preview", "s02", 1): "drifted"}).run()
    first, second = (f.spec for f in studio.facts(ShotRequested) if f.shot_id == "s02" and f.tier == "preview")
    assert "warmer light" in second.prompt
    assert "warmer light" not in first.prompt
    assert first.seed != second.seed
    assert studio.facts(ShotDowngraded) == []


def test_drift_to_the_last_attempt_is_accepted_as_a_stated_downgrade() -> None:
    fates = {("preview", "s02", n): "drifted" for n in (1, 2, 3)}
    studio = Studio(a_brief(), fates=fates).run()
    assert [(d.shot_id, d.tier, d.quality) for d in studio.facts(ShotDowngraded)] == [("s02", Tier.PREVIEW, "unmatched")]
    assert studio.outcome() == ["published"]


def test_a_drifted_take_beats_no_film_when_later_attempts_are_blocked() -> None:
    fates = {("preview", "s01", 1): "drifted", ("preview", "s01", 2): "blocked", ("preview", "s01", 3): "blocked"}
    studio = Studio(a_brief(), fates=fates).run()
    chosen = next(s.key for s in studio.facts(CutRequested)[0].shots if s.shot_id == "s01")
    assert chosen == next(f.key for f in studio.facts(ShotRequested) if f.shot_id == "s01" and f.attempt == 1)
    assert studio.outcome() == ["published"]


def test_a_blocked_take_is_rendered_calmer_with_another_seed() -> None:
    studio = Studio(a_brief(), fates={("preview", "s01", 1): "blocked"}).run()
    first, second = (f.spec for f in studio.facts(ShotRequested) if f.shot_id == "s01" and f.tier == "preview")
    assert "even light" in second.prompt
    assert "violence" in second.negative_prompt
    assert first.seed != second.seed
    assert studio.outcome() == ["published"]


def test_takes_blocked_to_the_last_attempt_end_the_film_with_the_remedies() -> None:
    studio = Studio(a_brief(), fates={("preview", "s01", n): "blocked" for n in (1, 2, 3)}).run()
    (failed,) = studio.facts(FilmFailed)
    assert failed.kind is FailureKind.POLICY_BLOCKED
    assert [r.action for r in failed.remedies] == ["slow_down"]
    assert failed.spent_micros == studio.paid > 0


def test_no_money_is_spent_on_a_block_that_only_a_person_can_mend() -> None:
    studio = Studio(a_brief(), fates={("preview", "s01", 1): "hopeless"}).run()
    assert all(f.attempt == 1 for f in studio.facts(ShotRequested))
    assert [r.action for r in studio.facts(FilmFailed)[0].remedies] == ["replace_media"]


def test_a_lost_device_repeats_the_very_same_render_later() -> None:
    studio = Studio(a_brief(), fates={("final", "s03", 1): "device_lost"}).run()
    first, second = (f for f in studio.facts(ShotRequested) if f.shot_id == "s03" and f.tier == "final")
    assert (first.key, first.spec) == (second.key, second.spec)
    times = {
        e.data.attempt: e.envelope.occurred_at
        for e in studio.published.values()
        if isinstance(e.data, ShotRequested) and e.data in (first, second)
    }
    assert times[2] - times[1] >= timedelta(seconds=10)
    assert studio.outcome() == ["published"]


def test_a_repeated_render_that_then_drifts_counts_as_its_own_attempt() -> None:
    fates = {("preview", "s01", 1): "drifted", ("preview", "s01", 2): "device_lost", ("preview", "s01", 3): "drifted"}
    assert Studio(a_brief(), fates=fates).run().outcome() == ["published"]


def test_out_of_memory_renders_smaller_and_says_so() -> None:
    studio = Studio(a_brief(), fates={("final", "s01", 1): "out_of_memory"}).run()
    first, second = (f.spec for f in studio.facts(ShotRequested) if f.shot_id == "s01" and f.tier == "final")
    assert second.width < first.width
    assert second.width % 16 == second.height % 16 == 0
    assert [(d.quality, d.kind) for d in studio.facts(ShotDowngraded)] == [("reduced-size", FailureKind.OUT_OF_MEMORY)]


@pytest.mark.parametrize("kind", ["invalid_input", "contract_violation", "budget_exhausted"])
def test_failures_that_trying_cannot_mend_end_the_film_at_once(kind: str) -> None:
    studio = Studio(a_brief(), fates={("preview", "s02", 1): kind}).run()
    assert studio.facts(FilmFailed)[0].kind == kind
    assert max(f.attempt for f in studio.facts(ShotRequested)) == 1


def test_a_blocked_brief_ends_the_film_before_anything_is_planned() -> None:
    studio = Studio(a_brief())
    studio.queues["safety-verdicts"].clear()
    studio.emit("safety-verdicts", verdict(BriefBlocked, remedies=[a_remedy("human_review")]), "x")
    studio.run()
    assert studio.facts(FilmPlanned) == []
    assert [r.action for r in studio.facts(FilmFailed)[0].remedies] == ["human_review"]


def test_the_campaigns_own_blocked_words_are_never_replaced_behind_its_back() -> None:
    studio = Studio(a_brief(), plan_verdicts=["blocked"]).run()
    assert len(studio.facts(FilmPlanned)) == 1
    assert studio.facts(FilmFailed)[0].kind is FailureKind.POLICY_BLOCKED


def test_words_that_this_room_wrote_are_rewritten_once_and_the_loss_is_stated() -> None:
    studio = Studio(a_brief(storyboard=[]), plan_verdicts=["blocked"]).run()
    first, second = studio.facts(FilmPlanned)
    assert (first.attempt, second.attempt) == (1, 2)
    assert first.plan.shots[0].prompt != second.plan.shots[0].prompt
    assert [s.field for s in second.plan.substitutions] == ["s01.prompt"]
    assert studio.outcome() == ["published"]


def test_a_plan_that_stays_blocked_ends_the_film() -> None:
    studio = Studio(a_brief(storyboard=[]), plan_verdicts=["blocked", "blocked"]).run()
    assert len(studio.facts(FilmPlanned)) == 2
    assert studio.outcome() == ["failed"]


def test_a_person_opens_the_finals_where_the_brief_says_so() -> None:
    studio = Studio(a_brief(approval="person")).run()
    assert {f.tier for f in studio.facts(ShotRequested)} == {Tier.PREVIEW}
    assert studio.outcome() == []
    studio.emit("gateway-films", FilmApproved(version=1, approved_by="p"), "ok")
    studio.run()
    assert studio.outcome() == ["published"]


def test_an_approval_rule_of_a_later_release_waits_for_a_person() -> None:
    assert Studio(a_brief(approval="by_committee")).run().outcome() == []


def test_an_assembly_is_tried_again_once() -> None:
    studio = Studio(a_brief(), assembly_failures=1).run()
    first, second, _ = studio.facts(CutRequested)
    assert first.cut_key == second.cut_key
    assert studio.outcome() == ["published"]
    assert Studio(a_brief(), assembly_failures=2).run().outcome() == ["failed"]


def test_a_blocked_cut_ends_the_film() -> None:
    studio = Studio(a_brief(), film_verdicts={"final": "blocked"}).run()
    assert studio.facts(FilmFailed)[0].kind is FailureKind.POLICY_BLOCKED
    assert studio.outcome() == ["failed"]


def test_a_dry_run_is_planned_and_then_left_alone() -> None:
    studio = Studio(a_brief(), dry_run=True).run()
    assert len(studio.facts(FilmPlanned)) == 1
    assert len(studio.published) == 1


def test_the_deadline_ends_a_film_that_is_not_finished() -> None:
    studio = Studio(a_brief(approval="person", deadline=NOON + timedelta(hours=1))).run()
    assert studio.facts(FilmFailed)[0].kind is FailureKind.DEADLINE_PASSED


def test_the_deadline_travels_with_every_request() -> None:
    director = Studio(a_brief(deadline=NOON + timedelta(hours=1)))
    event = director.queues["gateway-films"][0]
    decision = director.director.decide(FilmState(), event)
    assert [(t.name, t.due) for t in decision.timers] == [("deadline:v1", NOON + timedelta(hours=1))]


def test_a_deadline_after_the_film_is_out_changes_nothing() -> None:
    studio = Studio(a_brief(deadline=NOON + timedelta(days=1))).run()
    assert studio.outcome() == ["published"]
    assert studio.timers == {}


def test_a_cancelled_film_asks_for_nothing_more() -> None:
    studio = Studio(a_brief())
    while not studio.facts(ShotRequested):
        studio.step()
    studio.cancel()
    for event in studio.queues["gateway-films"]:
        studio.deliver(event)
    studio.queues["gateway-films"].clear()
    before = len(studio.published)
    studio.run()
    assert len(studio.published) == before
    assert studio.outcome() == ["cancelled"]


def test_who_loses_the_claim_stays_silent() -> None:
    studio = Studio(a_brief(), fates={("preview", "s01", 1): "hopeless"})
    studio.claims[1] = "cancelled"
    studio.claims.clear()
    while not studio.facts(ShotRequested):
        studio.step()
    studio.claim(1, "cancelled")  # the gateway was first; its fact is still on the way
    studio.run()
    assert studio.facts(FilmFailed) == []
    assert studio.state.versions[1].outcome == "lost"


# --- money


def test_renders_wait_for_money_instead_of_failing() -> None:
    studio = Studio(a_brief(budget=a_budget("0.0225")), rules=Rules(headroom=2.0), cost_share=0.4).run()
    finals = {e.envelope.occurred_at for e in studio.published.values() if getattr(e.data, "tier", "") == "final"}
    assert len(finals) > 2  # not all at once: the last ones waited for the first one's bill
    assert studio.outcome() == ["published"]
    assert studio.paid <= 22_500


def test_a_film_that_runs_out_of_money_says_so() -> None:
    fates = {("preview", "s01", 1): "model_fault", ("preview", "s01", 2): "model_fault"}
    studio = Studio(a_brief(budget=a_budget("0.0215")), rules=Rules(headroom=1.0), fates=fates).run()
    (failed,) = studio.facts(FilmFailed)
    assert failed.kind is FailureKind.BUDGET_EXHAUSTED
    assert failed.problems[0].field == "budget.amount"
    assert studio.paid <= 21_500


def test_money_that_finals_need_is_not_spent_on_better_matching_previews() -> None:
    fates = {("preview", "s01", n): "drifted" for n in (1, 2)}
    studio = Studio(a_brief(budget=a_budget("0.0205")), rules=Rules(headroom=1.0), fates=fates).run()
    assert [(d.quality, d.kind) for d in studio.facts(ShotDowngraded)] == [("unmatched", FailureKind.BUDGET_EXHAUSTED)]
    assert studio.outcome() == ["published"]


def test_money_reserved_by_a_cancelled_version_is_free_again_after_a_while() -> None:
    studio = Studio(a_brief(budget=a_budget("0.05")), rules=Rules(headroom=2.0))
    while not studio.facts(ShotRequested):
        studio.step()
    for queue in ("renderer-shots", "safety-verdicts", "continuity-reports"):
        studio.queues[queue].clear()  # v1's renders are dropped without an answer
    studio.edit(2, ShotEdit(shot_id="s01", prompt="a blue shoe"))
    began = studio.now
    studio.run()
    assert studio.outcome(1) == ["cancelled"]
    assert studio.outcome(2) == ["published"]
    assert studio.now - began > timedelta(seconds=Rules().write_off_s)


# --- edits


def published(**changes: object) -> Studio:
    return Studio(a_brief(**changes)).run()


def test_a_new_caption_goes_straight_to_the_cut() -> None:
    studio = published()
    before = len(studio.facts(ShotRequested))
    studio.edit(2, ShotEdit(shot_id="s02", caption="New words"))
    studio.run()
    assert len(studio.facts(ShotRequested)) == before
    cuts = [c for c in studio.facts(CutRequested) if c.version == 2]
    assert [(c.tier, c.publish) for c in cuts] == [(Tier.FINAL, True)]
    old = next(c for c in studio.facts(CutRequested) if c.version == 1 and c.publish)
    assert cuts[0].shots == old.shots
    assert cuts[0].cut_key != old.cut_key
    assert studio.outcome(2) == ["published"]


def test_an_edit_of_one_prompt_renders_that_shot_only() -> None:
    studio = published()
    studio.edit(2, ShotEdit(shot_id="s02", prompt="a green shoe on grass"))
    studio.run()
    asked = [(f.tier.value, f.shot_id) for f in studio.facts(ShotRequested) if f.version == 2]
    assert asked == [("preview", "s02"), ("final", "s02")]
    plan = studio.facts(FilmPlanned)[1].plan
    assert plan.estimate.price_micros < studio.facts(FilmPlanned)[0].plan.estimate.price_micros
    assert studio.outcome(2) == ["published"]


@pytest.mark.parametrize("edit", [ShotEdit(shot_id="s01", new_take=True), ShotEdit(shot_id="s01", camera=Camera.PAN_LEFT)])
def test_a_new_take_and_a_new_camera_reach_one_shot(edit: ShotEdit) -> None:
    studio = published()
    studio.edit(2, edit)
    studio.run()
    assert {f.shot_id for f in studio.facts(ShotRequested) if f.version == 2} == {"s01"}


def test_a_brand_colour_repaints_nothing() -> None:
    studio = published()
    studio.edit(2, BrandEdit(primary_color="#00ff00"))
    studio.run()
    assert [f for f in studio.facts(ShotRequested) if f.version == 2] == []
    assert studio.facts(FilmPlanned)[1].plan.brand.primary_color == "#00ff00"


def test_takes_that_needed_several_attempts_are_not_tried_anew_by_an_edit() -> None:
    fates = {("preview", "s02", 1): "model_fault", ("final", "s03", 1): "blocked", ("preview", "s01", 1): "drifted"}
    studio = Studio(a_brief(), fates=fates).run()
    studio.edit(2, ShotEdit(shot_id="s01", caption="New words"))
    studio.run()
    assert [f for f in studio.facts(ShotRequested) if f.version == 2] == []
    assert studio.outcome(2) == ["published"]


def test_an_edit_of_an_unknown_shot_fails_that_version_and_names_the_field() -> None:
    studio = published()
    studio.edit(2, ShotEdit(shot_id="s09", caption="x"))
    studio.run()
    (failed,) = studio.facts(FilmFailed)
    assert (failed.version, failed.kind) == (2, FailureKind.INVALID_INPUT)
    assert failed.problems[0].field == "edits[0].shot_id"


def test_an_edit_in_flight_supersedes_the_version_and_keeps_its_finished_takes() -> None:
    studio = Studio(a_brief(approval="person")).run()
    studio.edit(2, ShotEdit(shot_id="s02", caption="New words"))
    studio.run()
    assert [f for f in studio.facts(ShotRequested) if f.version == 2] == []
    assert [(c.version, c.tier) for c in studio.facts(CutRequested)][-1] == (2, Tier.PREVIEW)
    studio.emit("gateway-films", FilmApproved(version=2, approved_by="p"), "ok")
    studio.run()
    assert studio.outcome(1) == ["cancelled"]
    assert studio.outcome(2) == ["published"]


def test_an_edit_before_the_plan_waits_for_the_brief_and_then_applies() -> None:
    studio = Studio(a_brief())
    studio.edit(2, ShotEdit(shot_id="s02", caption="New words"))
    studio.run()
    assert [p.version for p in studio.facts(FilmPlanned)] == [1, 2]
    assert studio.facts(FilmPlanned)[1].plan.shots[1].caption == "New words"
    assert studio.outcome(2) == ["published"]


def test_a_delivered_film_may_be_edited_after_its_deadline() -> None:
    studio = published(deadline=NOON + timedelta(days=1))
    studio.now = NOON + timedelta(days=2)
    studio.edit(2, ShotEdit(shot_id="s02", caption="New words"))
    studio.run()
    assert studio.outcome(2) == ["published"]


def test_nothing_is_shared_between_tenants() -> None:
    studio = Studio(a_brief()).run()
    other = Studio(a_brief())
    foreign = [
        Event(Envelope.model_validate(e.envelope.model_dump() | {"tenant_id": "other"}), e.data) for e in studio.delivered
    ]
    state, keys = FilmState(), set()
    for event in foreign[:1]:
        state = other.director.decide(state, event).state
    assert state.tenant_id == "other"
    keys = {f.key for f in studio.facts(ShotRequested)}
    theirs = Studio(a_brief())
    theirs.state.tenant_id = "other"
    theirs.run()
    assert keys.isdisjoint({f.key for f in theirs.facts(ShotRequested)})
    assert (studio.delivered[0].film_id, studio.delivered[0].envelope.tenant_id) == (FILM, TENANT)


def test_a_model_that_makes_stills_starts_from_keyframes() -> None:
    from planner_fakes import CARD

    card = CARD.model_copy(
        update={
            "stages": [Tier.KEYFRAME, *CARD.stages],
            "sizes": CARD.sizes | {Tier.KEYFRAME: CARD.sizes[Tier.PREVIEW]},
            "steps": CARD.steps | {Tier.KEYFRAME: 2},
            "device_seconds": CARD.device_seconds | {Tier.KEYFRAME: 0.5},
        }
    )
    studio = Studio(a_brief(storyboard=a_storyboard(3, 3)), card=card).run()
    stills = {f.shot_id: f for f in studio.facts(ShotRequested) if f.tier == "keyframe"}
    assert {f.spec.frames for f in stills.values()} == {1}
    for moving in (f for f in studio.facts(ShotRequested) if f.tier != "keyframe"):
        assert moving.spec.continues is not None
    assert [c.tier for c in studio.facts(CutRequested)] == [Tier.PREVIEW, Tier.FINAL]
    assert studio.outcome() == ["published"]
