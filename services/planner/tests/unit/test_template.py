"""The template: a storyboard is honoured to the frame; without one the cut follows film grammar."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planner_fakes import CARD, FILM, NOON, RULES, a_brief, a_ref, a_storyboard, plan_for, work_for
from storyreel_contracts import Camera, FailureKind, ModelCard, Reference, Role, StoryboardFrame, Tier, Transition
from storyreel_contracts.brief import BrandKit, Narration
from storyreel_planner.domain.composing import Written, compose
from storyreel_planner.domain.grid import MIN_FRAMES, grid, longest_take, take_frames
from storyreel_planner.domain.template import write_script
from storyreel_planner.domain.words import (
    CAMERA_WORDS,
    SIZE_WORDS,
    Size,
    colour_name,
    scene_in,
    sentence,
    size_in,
    without_preamble,
)
from storyreel_planner.domain.work import Refusal

lengths = st.lists(st.integers(100, 9_000).map(lambda ms: ms / 1000), min_size=1, max_size=12).filter(
    lambda s: 1 <= sum(s) <= 300
)
rates = st.sampled_from([24, 25, 30])
words = st.text(min_size=1, max_size=80)


@given(lengths, rates)
@settings(max_examples=150, deadline=None)
def test_a_storyboard_is_honoured_to_the_frame(seconds: list[float], fps: int) -> None:
    brief = a_brief(storyboard=a_storyboard(*seconds), fps=fps)
    plan = plan_for(brief).plan
    assert plan.frames == int(brief.duration_s * fps + 0.5)
    assert [s.start_frame for s in plan.shots] == [int(f.start_s * fps + 0.5) for f in brief.storyboard]
    assert sum(s.frames for s in plan.shots) == plan.frames
    for shot, after in pairwise(plan.shots):
        assert shot.start_frame + shot.frames == after.start_frame


def test_control_rounding_each_length_by_itself_would_drift() -> None:
    seconds = [1.02] * 10
    alone = sum(int(s * 24 + 0.5) for s in seconds)
    assert alone != plan_for(a_brief(storyboard=a_storyboard(*seconds))).plan.frames


@given(st.lists(words, min_size=1, max_size=6), st.sampled_from(list(Camera)), st.sampled_from(list(Transition)))
@settings(max_examples=60, deadline=None)
def test_captions_narration_camera_and_transition_are_carried_word_for_word(
    lines: list[str], camera: Camera, transition: Transition
) -> None:
    frames = [
        StoryboardFrame(
            start_s=i, end_s=i + 1, prompt=line, caption=line, narration=line, camera=camera, transition_in=transition
        )
        for i, line in enumerate(lines)
    ]
    plan = plan_for(a_brief(storyboard=frames)).plan
    for frame, shot in zip(frames, plan.shots, strict=True):
        carried = (shot.caption, shot.narration, shot.camera, shot.transition_in)
        assert carried == (frame.caption, frame.narration, frame.camera, frame.transition_in)
        assert CAMERA_WORDS[camera].lower() in shot.prompt.lower()


def test_a_frames_prompt_leads_its_shots_prompt() -> None:
    frames = [f.model_copy(update={"prompt": "First one thing. Then another"}) for f in a_storyboard(3)]
    assert plan_for(a_brief(storyboard=frames)).plan.shots[0].prompt.startswith("First one thing. Then another.")


@given(st.floats(1, 300), rates)
@settings(max_examples=80, deadline=None)
def test_without_a_storyboard_shots_fill_the_duration_in_two_to_four_seconds(seconds: float, fps: int) -> None:
    plan = plan_for(a_brief(storyboard=[], duration_s=seconds, fps=fps)).plan
    assert sum(s.frames for s in plan.shots) == plan.frames == int(seconds * fps + 0.5)
    if seconds >= 4:
        assert all(2 * fps - 1 <= s.frames <= 4 * fps + 1 for s in plan.shots)


@given(st.floats(6, 300))
@settings(max_examples=50, deadline=None)
def test_neighbours_differ_in_size_and_no_move_is_repeated_at_once(seconds: float) -> None:
    shots = write_script(a_brief(storyboard=[], duration_s=seconds), CARD).shots
    for shot, after in pairwise(shots):
        assert shot.size != after.size
        assert shot.camera != after.camera
    assert shots[0].size is Size.WIDE
    assert shots[-1].camera is Camera.STATIC


def test_the_story_opens_and_closes_and_its_scenes_hold_every_shot_once() -> None:
    plan = plan_for(a_brief(storyboard=[], duration_s=30)).plan
    assert [s.title for s in plan.scenes] == ["Opening", "World", "Reveal", "Proof", "Closing"]
    assert [sid for scene in plan.scenes for sid in scene.shot_ids] == [s.shot_id for s in plan.shots]


def test_the_templates_captions_are_the_briefs_own_words() -> None:
    plan = plan_for(a_brief(storyboard=[], duration_s=15, narration=Narration())).plan
    assert [s.caption for s in plan.shots if s.caption] == ["Run", "Find your pair"]
    assert [s.narration for s in plan.shots if s.narration] == ["Run", "Aero. Find your pair"]


@given(st.text(min_size=1, max_size=300).filter(lambda t: len(t) > 0), st.booleans())
@settings(max_examples=120, deadline=None)
def test_no_text_breaks_the_template(prompt: str, storyboard: bool) -> None:
    frames = [StoryboardFrame(start_s=0, end_s=3, prompt=prompt, caption=prompt[:400])] if storyboard else []
    brief = a_brief(prompt=prompt, title=prompt[:100], storyboard=frames, duration_s=3 if storyboard else 8, brand=None)
    assert plan_for(brief).plan.shots[0].prompt


def test_the_same_brief_gives_the_same_plan_and_another_film_other_seeds() -> None:
    brief = a_brief()
    assert plan_for(brief) == plan_for(brief)
    seeds = {s.seed for s in plan_for(brief).plan.shots}
    assert len(seeds) == 3
    assert seeds.isdisjoint({s.seed for s in plan_for(brief, film_id="another").plan.shots})


def test_a_given_seed_makes_films_repeatable() -> None:
    brief = a_brief(seed=7)
    one, other = plan_for(brief).plan.shots, plan_for(brief, film_id="another").plan.shots
    assert [s.seed for s in one] == [s.seed for s in other]


def test_the_bible_holds_the_products_pictures_and_the_brands_palette() -> None:
    product = Reference(id="shoe", role=Role.PRODUCT, artifact=a_ref("shoe"), description="the Aero One, a red shoe")
    logo = Reference(id="logo", role=Role.LOGO, artifact=a_ref("logo"))
    brand = BrandKit(name="Aero", primary_color="#E63946", logo="logo")
    plan = plan_for(a_brief(references=[product, logo], brand=brand)).plan
    assert [(c.id, c.reference) for c in plan.bible.characters] == [("shoe", product.artifact)]
    assert plan.bible.palette == ["#e63946", "#ffffff"]
    assert "Palette of red and white." in plan.shots[0].prompt
    assert (plan.product, plan.logo) == (product.artifact, logo.artifact)
    assert {tuple(s.characters) for s in plan.shots} == {("shoe",)}


def test_setting_and_light_follow_the_words_of_the_brief() -> None:
    prompt = plan_for(a_brief()).plan.shots[0].prompt
    assert "golden hour" in prompt
    assert "low warm sun" in prompt


def test_the_last_shot_carries_the_end_card() -> None:
    assert [s.end_card for s in plan_for(a_brief()).plan.shots] == [False, False, True]


def test_a_shot_longer_than_the_model_makes_is_a_stated_substitution() -> None:
    plan = plan_for(a_brief(storyboard=a_storyboard(3, 6))).plan
    (longer,) = plan.substitutions
    assert longer.field == "shots[1].frames"
    assert "4.06 s" in longer.chosen
    assert plan_for(a_brief()).plan.substitutions == []


def test_a_dissolve_asks_the_model_for_handles() -> None:
    plain = plan_for(a_brief(storyboard=a_storyboard(3, 3))).plan.shots
    soft = [f.model_copy(update={"transition_in": Transition.DISSOLVE}) for f in a_storyboard(3, 3)]
    handles = plan_for(a_brief(storyboard=soft)).plan.shots
    assert take_frames(handles, 0, 24, CARD)[0] > take_frames(plain, 0, 24, CARD)[0]
    assert [s.frames for s in plain] == [s.frames for s in handles]


def test_a_model_that_makes_windows_plays_no_shot_slower() -> None:
    card = CARD.model_copy(update={"window_overlap": 17})
    plan = plan_for(a_brief(storyboard=a_storyboard(3, 6)), card=card).plan
    assert plan.substitutions == []
    made, whole = take_frames(plan.shots, 1, 24, card)
    assert whole
    assert made > card.max_frames


@given(st.lists(st.integers(2, 400), min_size=1, max_size=10), st.integers(1, 200), st.integers(1, 60), st.sampled_from([4, 8]))
@settings(max_examples=100, deadline=None)
def test_takes_have_a_frame_count_that_the_model_makes(frames: list[int], most: int, rate: int, step: int) -> None:
    card = CARD.model_copy(update={"max_frames": most, "fps": rate, "frame_rule": f"{step}k+1"})
    shots = [s.model_copy(update={"frames": n}) for n in frames for s in plan_for(a_brief()).plan.shots[:1]]
    for i, shot in enumerate(shots):
        made, whole = take_frames(shots, i, 24, card)
        assert made % step == 1
        assert made <= most
        assert whole == (shot.frames / 24 * rate <= longest_take(card) + 1e-6)


def test_too_many_shots_for_the_duration_are_refused_by_name() -> None:
    frames = a_storyboard(*[1 / 60] * 60)
    with pytest.raises(Refusal) as refused:
        plan_for(a_brief(storyboard=frames, duration_s=1.0))
    assert refused.value.failed.kind is FailureKind.INVALID_INPUT
    assert refused.value.failed.problems[0].field == "storyboard"


def test_a_shot_too_short_for_the_grid_moves_its_neighbours_cut_and_says_so() -> None:
    plan = plan_for(a_brief(storyboard=a_storyboard(1, 0.02, 1.98))).plan
    assert [s.frames for s in plan.shots] == [24, MIN_FRAMES, 46]
    assert [s.field for s in plan.substitutions] == ["storyboard[2].start_s"]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30), st.integers(60, 500))
def test_the_grid_never_loses_a_frame(cuts: list[float], total: int) -> None:
    spans = grid(sorted([0.0, *cuts[1:]]), total, 24)
    assert sum(s.frames for s in spans) == total
    assert all(s.frames >= MIN_FRAMES for s in spans)


def test_stages_that_are_passed_over_are_facts_with_reasons() -> None:
    plan = plan_for(a_brief()).plan
    assert [(s.tier, s.reason) for s in plan.skipped] == [(Tier.KEYFRAME, "model tiny-wan makes no keyframes")]


def test_a_model_without_finals_publishes_its_previews_and_says_so() -> None:
    card = CARD.model_copy(update={"stages": [Tier.PREVIEW]})
    record = plan_for(a_brief(), card)
    assert record.stages == [Tier.PREVIEW]
    assert [(s.field, s.wanted, s.chosen) for s in record.plan.substitutions] == [("tier", "final", "preview")]


def test_a_model_of_stills_only_is_refused() -> None:
    card = CARD.model_copy(update={"stages": [Tier.KEYFRAME]})
    with pytest.raises(Refusal):
        plan_for(a_brief(), card)


def test_an_aspect_that_the_model_lacks_is_a_stated_substitution() -> None:
    sizes = {tier: {"1:1": (96, 96)} for tier in CARD.stages}
    plan = plan_for(a_brief(aspects=["9:16"]), CARD.model_copy(update={"sizes": sizes})).plan
    assert {(s.field, s.wanted, s.chosen) for s in plan.substitutions} == {("aspects[0]", "9:16", "1:1")}


@given(st.lists(st.floats(1, 4), min_size=1, max_size=8))
@settings(max_examples=40, deadline=None)
def test_the_estimate_is_the_cards_seconds_times_the_price(seconds: list[float]) -> None:
    record = plan_for(a_brief(storyboard=a_storyboard(*seconds)))
    expected = record.plan.estimate
    assert expected.device_seconds > 0
    assert abs(expected.price_micros - expected.device_seconds * RULES.micros_per_device_second) <= 2 * len(seconds)
    assert expected.finish_at > NOON
    preview = plan_for(a_brief(storyboard=a_storyboard(*seconds), tier="preview")).plan.estimate
    assert preview.price_micros < expected.price_micros


def test_words_of_sizes_places_and_colours_are_found_as_whole_words() -> None:
    assert size_in("A close-up of a shoe") is Size.CLOSE_UP
    assert size_in("a widely known shoe") is None
    assert scene_in("the seaside") == scene_in("")
    assert scene_in("by the sea, at dawn") != scene_in("by the sea")
    assert (colour_name("#e63946"), colour_name("#000000")) == ("red", "black")
    assert sentence("One. Two.") == "One."
    assert len(sentence("word " * 200, 50)) <= 50


def test_a_shot_without_light_of_its_own_takes_the_films() -> None:
    assert scene_in("a bridge", "a studio", "dawn")[1] == "dawn"
    assert scene_in("a kitchen", "a city", "dawn")[1] == "window light from the side"
    assert scene_in("nothing known", "a city", "dawn") == ("a city", "dawn")


def test_words_that_only_say_that_it_is_a_film_are_not_filmed() -> None:
    assert without_preamble("A fifteen second launch film for the Ember shoe") == "the Ember shoe"
    assert without_preamble("A filmmaker walks home") == "A filmmaker walks home"
    assert without_preamble("A video about ") == "A video about "


def test_a_frame_that_names_its_size_is_not_given_another() -> None:
    frames = [f.model_copy(update={"prompt": "Close low angle of a shoe"}) for f in a_storyboard(3)]
    prompt = plan_for(a_brief(storyboard=frames)).plan.shots[0].prompt
    assert not any(words in prompt.lower() for words in SIZE_WORDS.values())
    assert "Medium shot." in plan_for(a_brief()).plan.shots[0].prompt


def test_a_writers_script_cannot_break_the_grid_or_the_storyboards_words() -> None:
    brief = a_brief()
    script = write_script(brief, CARD)
    rebel = script.model_copy(
        update={
            "shots": [
                s.model_copy(update={"seconds": 99.0, "caption": "mine", "camera": Camera.TRACK, "subject": "else"})
                for s in script.shots
            ]
        }
    )
    honest: Any = plan_for(brief).plan
    plan = compose(work_for(brief, film_id=FILM), Written(rebel, honest.backend), CARD, RULES).plan
    assert [(s.start_frame, s.frames, s.caption, s.camera) for s in plan.shots] == [
        (s.start_frame, s.frames, s.caption, s.camera) for s in honest.shots
    ]
    assert plan.shots[0].prompt.startswith("A red shoe, moment 0. else.")


def test_the_card_is_pinned_with_the_plan() -> None:
    record = plan_for(a_brief())
    assert ModelCard.model_validate(record.card.model_dump()) == CARD
    assert record.plan.model == CARD.ref
