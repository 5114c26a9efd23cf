"""A preview that is its final's first steps: asked for as such, priced as such, and never a silent loss."""

from decimal import Decimal
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planner_fakes import CARD, DRAFTING, Studio, a_brief, a_storyboard, plan_for
from storyreel_contracts import ModelCard, RenderSpec, ShotDowngraded, ShotRequested, Tier
from storyreel_contracts.brief import Budget
from storyreel_contracts.films import ShotEdit
from storyreel_planner.domain.rules import Rules
from storyreel_planner.domain.specs import first_render, first_spec, key_of

DRAFT = {"stop_after": DRAFTING.draft_steps}


def specs(studio: Studio, tier: str, shot_id: str = "s01") -> list[RenderSpec]:
    return [f.spec for f in studio.facts(ShotRequested) if (f.tier, f.shot_id) == (tier, shot_id)]


def limits(studio: Studio, tier: str, shot_id: str = "s01") -> list[int]:
    return [f.price_limit_micros for f in studio.facts(ShotRequested) if (f.tier, f.shot_id) == (tier, shot_id)]


def test_a_preview_is_asked_for_as_its_finals_first_steps() -> None:
    studio = Studio(a_brief(), card=DRAFTING).run()
    for shot_id in ("s01", "s02", "s03"):
        (preview,), (final,) = specs(studio, "preview", shot_id), specs(studio, "final", shot_id)
        assert preview == final.model_copy(update=DRAFT)
        assert (final.steps, final.width, final.height, final.stop_after) == (8, 256, 144, 0)
    assert studio.outcome() == ["published"]


def test_without_drafts_a_preview_is_a_render_of_its_own() -> None:
    """Negative control: the equality above is the draft's doing."""
    studio = Studio(a_brief(), card=CARD).run()
    (preview,), (final,) = specs(studio, "preview"), specs(studio, "final")
    assert (preview.steps, preview.width, preview.stop_after) == (4, 128, 0)
    assert preview != final.model_copy(update=DRAFT)


def test_a_film_that_ends_with_its_preview_drafts_nothing() -> None:
    studio = Studio(a_brief(tier="preview"), card=DRAFTING).run()
    assert {(s.steps, s.width, s.stop_after) for s in specs(studio, "preview")} == {(4, 128, 0)}


@pytest.mark.parametrize(("overlap", "drafts"), [(1, {0}), (17, {DRAFTING.draft_steps})])
def test_a_film_with_a_chained_shot_drafts_nothing_and_one_with_windows_does(overlap: int, drafts: set[int]) -> None:
    card = DRAFTING.model_copy(update={"window_overlap": overlap})
    studio = Studio(a_brief(storyboard=a_storyboard(3, 6)), card=card).run()
    assert max(s.frames for s in specs(studio, "final", "s02")) > card.max_frames
    assert {s.stop_after for s in specs(studio, "preview")} == drafts


def test_a_remedied_preview_has_its_own_final() -> None:
    studio = Studio(a_brief(), card=DRAFTING, fates={("preview", "s01", 1): "drifted"}).run()
    first, second = specs(studio, "preview")
    (final,) = specs(studio, "final")
    assert first.seed != second.seed
    assert second == final.model_copy(update=DRAFT)


def test_draft_and_final_together_cost_one_final() -> None:
    record, rules = plan_for(a_brief(), DRAFTING), Rules()
    draft, rest = (rules.expected_seconds(DRAFTING, first_render(record, t, 0)) for t in (Tier.PREVIEW, Tier.FINAL))
    whole = rules.expected_seconds(CARD, first_render(plan_for(a_brief(), CARD), Tier.FINAL, 0))
    assert draft == pytest.approx(whole * DRAFTING.draft_steps / DRAFTING.steps[Tier.FINAL])
    assert draft + rest == pytest.approx(whole)
    estimate = record.plan.estimate
    assert estimate.device_seconds == pytest.approx(
        sum(rules.expected_seconds(CARD, first_render(plan_for(a_brief(), CARD), Tier.FINAL, i)) for i in range(3)), abs=1e-5
    )
    assert estimate.finish_at < plan_for(a_brief(), CARD).plan.estimate.finish_at


def test_the_limit_of_a_final_covers_a_draft_whose_state_is_gone() -> None:
    studio = Studio(a_brief(), card=DRAFTING, rules=Rules(headroom=1.0), cost_share=0.1).run()
    record = plan_for(a_brief(), DRAFTING)
    whole = Rules().expected_seconds(CARD, first_render(record, Tier.PREVIEW, 0)) * 2 * 1000
    assert limits(studio, "final") == [pytest.approx(whole, abs=2)]
    assert limits(studio, "preview") == [pytest.approx(whole / 2, abs=2)]


def test_a_final_with_another_seed_is_priced_whole() -> None:
    studio = Studio(a_brief(), card=DRAFTING, fates={("final", "s01", 1): "model_fault"}, cost_share=0.1).run()
    first, second = limits(studio, "final")
    assert second == pytest.approx(2 * first, abs=2)
    (one, other) = specs(studio, "final")
    assert one.seed != other.seed


def test_the_very_same_render_after_a_lost_device_still_goes_on_from_its_draft() -> None:
    studio = Studio(a_brief(), card=DRAFTING, fates={("final", "s01", 1): "device_lost"}, cost_share=0.1).run()
    first, second = limits(studio, "final")
    assert first == second


def test_a_draft_that_had_to_be_smaller_makes_a_smaller_final_and_both_say_so() -> None:
    studio = Studio(a_brief(), card=DRAFTING, fates={("preview", "s01", 1): "out_of_memory"}).run()
    (final,) = specs(studio, "final")
    assert specs(studio, "preview")[1] == final.model_copy(update=DRAFT)
    assert final.width < specs(studio, "preview")[0].width
    told = [(d.tier, d.quality) for d in studio.facts(ShotDowngraded) if d.shot_id == "s01"]
    assert told == [(Tier.PREVIEW, "reduced-size"), (Tier.FINAL, "reduced-size")]


def test_an_edit_keeps_drafts_and_finals_that_it_does_not_reach() -> None:
    studio = Studio(a_brief(), card=DRAFTING).run()
    studio.edit(2, ShotEdit(shot_id="s02", prompt="a green shoe on grass"))
    studio.run()
    asked = [(f.tier.value, f.shot_id) for f in studio.facts(ShotRequested) if f.version == 2]
    assert asked == [("preview", "s02"), ("final", "s02")]
    assert studio.outcome(2) == ["published"]


def test_whole_renders_keep_the_build_keys_that_they_had_before_there_were_drafts() -> None:
    spec = first_spec(plan_for(a_brief(), CARD), Tier.FINAL, 0, None, None)
    assert key_of("acme", spec) == "6e5085c705e2f8eb630c298a56d6df0ef40c6ab413a19abc01689909b79be060"
    assert key_of("acme", spec) != key_of("acme", spec.model_copy(update=DRAFT))


fates = st.dictionaries(
    st.tuples(st.sampled_from(["preview", "final"]), st.sampled_from(["s01", "s02"]), st.integers(1, 3)),
    st.sampled_from(["good", "drifted", "blocked", "device_lost", "model_fault", "out_of_memory"]),
    max_size=6,
)


def _drafting(card: ModelCard, table: dict[Any, str], order: int, **more: Any) -> Studio:
    brief = a_brief(storyboard=a_storyboard(3, 2.5), **more)
    return Studio(brief, card=card, fates=table, order=Random(order), duplicates=0.2, early_timers=0.1)


@given(fates, st.integers(0, 2**32))
@settings(max_examples=25, deadline=None)
def test_every_final_begins_as_the_draft_that_was_accepted(table: dict[Any, str], order: int) -> None:
    studio = _drafting(DRAFTING, table, order).run()
    assert len(studio.outcome()) == 1
    for shot_id in ("s01", "s02"):
        drafts, finals = specs(studio, "preview", shot_id), specs(studio, "final", shot_id)
        assert all(d.stop_after == DRAFTING.draft_steps for d in drafts)
        assert all(f.stop_after == 0 for f in finals)
        assert not finals or finals[0].model_copy(update=DRAFT) in drafts


@given(fates, st.integers(0, 2**32), st.integers(3_000, 40_000))
@settings(max_examples=25, deadline=None)
def test_the_budget_holds_with_drafts(table: dict[Any, str], order: int, micros: int) -> None:
    studio = _drafting(DRAFTING, table, order, budget=Budget(amount=Decimal(micros) / 1_000_000)).run()
    assert len(studio.outcome()) == 1
    assert studio.paid <= micros
