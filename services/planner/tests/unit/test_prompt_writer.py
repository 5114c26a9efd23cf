"""A brief's words become a small model's own words; what cannot be said stands in the plan, and nothing is silent."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from planner_fakes import CARD, STUDIO_CARD, Studio, a_brief, a_ref, a_storyboard, plan_for, work_for
from pydantic import ValidationError
from storyreel_contracts import Camera, FilmPlanned, Plan, Reference, Role, ShotRequested
from storyreel_contracts.films import ShotEdit
from storyreel_contracts.plan import Bible
from storyreel_contracts.prompt_writer import PromptWriter, slots
from storyreel_planner.adapters.model_card import BadModelCardError, read_card
from storyreel_planner.adapters.prompting import opening
from storyreel_planner.domain.english import is_plain, tokens
from storyreel_planner.domain.prompts import LEFT_OUT, ModelPrompts, PlainPrompts, faults, filled, prompts_for
from storyreel_planner.domain.vocabulary import Reading, Vocabulary
from storyreel_planner.domain.words import Picture, Size, model_prompt

WRITER = STUDIO_CARD.prompt_writer
assert WRITER is not None
VOCABULARY, PROMPTS = Vocabulary(WRITER), ModelPrompts(WRITER, "studio")
BIBLE = Bible(style="Cinematic", setting="a clean seamless studio backdrop", lighting="soft key light")
KNOWN = {t.casefold() for w in [*WRITER.templates, *(v for a in WRITER.attributes for v in a.values)] for t in tokens(w)}
TEXTS = st.text(max_size=200) | st.lists(
    st.sampled_from(["a", "red", "fox", "shoe", "no", "and", "with", "by", "sky", "dragon", "beach", "jump", ",", ".", "but"]),
    max_size=16,
).map(" ".join)  # fmt: skip


def read(text: str) -> dict[str, str]:
    return VOCABULARY.read(text).values


def said(text: str, camera: Camera = Camera.STATIC, film: str = "") -> str:
    return PROMPTS.written(Picture(text, camera), BIBLE, film)


def boarded(*prompts: str, **changes: Any) -> Any:
    frames = [f.model_copy(update={"prompt": p}) for f, p in zip(a_storyboard(*[3.0] * len(prompts)), prompts, strict=True)]
    return a_brief(**({"storyboard": frames, "prompt": "A film.", "brand": None} | changes))


def losses(plan: Plan) -> list[tuple[str, str, str]]:
    return [(s.field, s.wanted, s.chosen) for s in plan.substitutions]


# --- from words to the model's words


@pytest.mark.parametrize(
    ("text", "attribute", "value"),
    [
        ("two kittens asleep", "character", "cat"),
        ("Smartphones", "product", "phone"),
        ("they are jumping", "action", "jumps"),
        ("she leapt, hopping", "action", "jumps"),
        ("a CLOSE-UP of it", "size", "close-up"),
        ("close up", "size", "close-up"),
        ("ｃｉｔｙ", "setting", "in a city"),
        ("at the golden hour", "time", "at sunset"),
        ("on the beach", "setting", "on a beach"),
        ("the photo camera", "product", "camera"),
        ("the camera pans left", "camera", "camera pans slowly to the left"),
    ],
)
def test_synonyms_and_word_forms_are_understood(text: str, attribute: str, value: str) -> None:
    assert read(text).get(attribute) == value


def test_the_longest_phrase_wins() -> None:
    """Control: the product camera is in the words of every camera move."""
    assert "product" not in read("the camera pans left")


@pytest.mark.parametrize(
    "text",
    [
        "no rain", "without a fox", "not on the beach", "never at night", "instead of a mug", "a place free of rain",
        "don't jump", "neither rain nor fog", "no rain and fog", "nothing but no bottle",
    ],
)  # fmt: skip
def test_what_is_negated_is_neither_said_nor_missed(text: str) -> None:
    assert VOCABULARY.read(text) == Reading({})


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("no rain, on a beach", {"setting": "on a beach"}),
        ("no rain but fog", {"weather": "in the fog"}),
        ("a fox without a hat on the beach", {"character": "fox", "setting": "on a beach"}),
        ("no rain and a red mug", {"product": "mug", "product_colour": "red"}),
        ("not only a fox", {"character": "fox"}),
        ("rain", {"weather": "in the rain"}),
    ],
)
def test_a_negation_ends_where_its_phrase_ends(text: str, values: dict[str, str]) -> None:
    assert read(text) == values


@pytest.mark.parametrize(
    ("text", "colours"),
    [
        ("a red shoe", {"product_colour": "red"}),
        ("a red and very fast running shoe", {}),
        ("a red leather bag", {"product_colour": "red"}),
        ("an orange fox with a blue mug", {"colour": "orange", "product_colour": "blue"}),
        ("a woman in red", {"colour": "red"}),
        ("the mug is yellow", {"product_colour": "yellow"}),
        ("a fox under a blue sky", {}),
        ("a blue sky over a fox", {}),
        ("a fox in red light", {}),
        ("red. A fox", {}),
    ],
)
def test_a_colour_belongs_to_what_it_describes(text: str, colours: dict[str, str]) -> None:
    assert {k: v for k, v in read(text).items() if k.endswith("colour")} == colours


def test_the_first_mention_counts_and_the_second_is_told() -> None:
    reading = VOCABULARY.read("a fox and a bear")
    assert (reading.values["character"], reading.spare) == ("fox", [("character", "bear")])


# --- the sentence


def test_a_shot_is_said_in_the_models_own_sentence() -> None:
    assert said("An orange fox with a scarf leaps along the shore at dusk", Camera.PAN_LEFT) == (
        "An orange fox with a scarf jumps. Medium shot. On a beach, at sunset. "
        "Camera pans slowly to the left. Soft 3D animation."
    )


def test_without_a_character_the_product_leads() -> None:
    assert said("our new red trainers").startswith("A red sneaker stands.")


def test_a_shot_has_the_films_words_where_it_has_none_of_its_own() -> None:
    film = "A red running shoe on wet asphalt at night"
    assert said("close-up of the sole", film=film).startswith("A red sneaker stands. Close-up. In a city, at night.")
    assert said("a mug", film=film).startswith("A mug stands."), "the film's red describes the film's shoe"
    assert said("a shoe at dawn", film=film).startswith("A red sneaker stands. Medium shot. In a city, at dawn.")


def test_the_plans_size_is_said_where_the_words_name_none() -> None:
    picture = Picture("a fox", Camera.STATIC, Size.WIDE)
    assert "Wide shot." in PROMPTS.written(picture, BIBLE)
    assert "Close-up." in PROMPTS.written(Picture("portrait of a fox", Camera.STATIC, Size.WIDE), BIBLE)


values = st.fixed_dictionaries({}, optional={a.name: st.sampled_from(a.values) for a in WRITER.attributes})


@given(values, st.sampled_from(WRITER.templates))
@settings(max_examples=150, deadline=None)
def test_every_sentence_is_read_as_it_was_written(chosen: dict[str, str], template: str) -> None:
    full = {a.name: a.default or a.values[0] for a in WRITER.attributes if a.name in slots(template)}
    full |= {k: v for k, v in chosen.items() if k in full}
    assert read(filled(template, full)) == full


@given(TEXTS, st.sampled_from(list(Camera)))
@settings(max_examples=150, deadline=None)
def test_whatever_is_asked_for_only_known_words_are_said(text: str, camera: Camera) -> None:
    prompt = said(text, camera)
    assert {t.casefold() for t in tokens(prompt)} - {"an"} <= KNOWN
    again = PROMPTS.mended(PROMPTS.moved(prompt, camera, camera), [])
    assert again == prompt


@given(TEXTS)
@settings(max_examples=150, deadline=None)
def test_no_word_is_lost_in_silence(text: str) -> None:
    """Every word that names something is understood, denied, or in the plan."""
    reading = VOCABULARY.read(text)
    told = " ".join(reading.unknown)
    if reading.values or reading.spare or "no" in text.casefold() or "'" in text:
        return
    for word in tokens(text):
        assert is_plain(word) or word.casefold().endswith("ed") or word.casefold()[:20] in told or len(told) >= 60


@given(st.from_regex(r"[bdfgklmnprstvz][aou][bdfgklmnprtvz][aou]m", fullmatch=True))
@settings(max_examples=80, deadline=None)
def test_a_thing_that_the_model_never_saw_is_told(noun: str) -> None:
    (loss,) = PROMPTS.losses("prompt", f"A {noun} beside a fox, no rain", Camera.STATIC)
    assert (loss.wanted, loss.chosen) == (noun, LEFT_OUT)


def test_words_that_name_nothing_are_no_losses() -> None:
    text = "A stunning, really beautiful film about the everyday moments of 15 days, with our fox in it"
    assert PROMPTS.losses("prompt", text, Camera.STATIC) == []


def test_known_names_are_no_losses() -> None:
    assert PROMPTS.losses("prompt", "The Aero Zephyr bag", None, ["Aero", "Zephyr"]) == []
    assert [s.wanted for s in PROMPTS.losses("prompt", "The Aero Zephyr bag", None)] == ["aero zephyr"]


# --- in the plan


def test_the_plan_says_what_it_could_not_map() -> None:
    brief = boarded("A dragon jumps over a castle", "A red shoe, slow push-in", "A fox and a bear")
    plan = plan_for(brief, STUDIO_CARD).plan
    assert losses(plan) == [
        ("storyboard[0].prompt", "dragon, castle", "left out"),
        ("storyboard[0].prompt", "jumps", "left out"),
        ("storyboard[1].prompt", "slow camera push-in", "locked-off static camera"),
        ("storyboard[2].prompt", "bear", "fox"),
    ]
    assert all(s.reason for s in plan.substitutions)
    assert plan.shots[1].prompt.startswith("A red sneaker stands.")
    assert plan.shots[1].negative_prompt == WRITER.negative


def test_a_loss_is_told_once_and_what_this_room_wrote_itself_is_none() -> None:
    brief = a_brief(storyboard=[], prompt="A 15 second spot for a red shoe beside a volcano.", brand=None)
    assert losses(plan_for(brief, STUDIO_CARD).plan) == [("prompt", "volcano", "left out")]
    twice = boarded("A volcano", "A volcano")
    assert losses(plan_for(twice, STUDIO_CARD).plan) == [("storyboard[0].prompt", "volcano", "left out")]


def test_what_a_picture_is_of_counts_as_the_campaigns_words() -> None:
    shoe = Reference(id="p", role=Role.PRODUCT, artifact=a_ref("p"), description="A teal trainer with gills")
    plan = plan_for(boarded("Close-up", references=[shoe]), STUDIO_CARD).plan
    assert losses(plan) == [("references[0].description", "gills", "left out")]
    assert plan.shots[0].prompt.startswith("A teal sneaker stands. Close-up.")


def test_a_camera_move_that_the_model_lacks_is_told() -> None:
    known = [a for a in WRITER.attributes if a.name != "camera"]
    still = WRITER.attributes[0].model_copy(update={"terms": WRITER.attributes[0].terms[:1]})
    writer = WRITER.model_copy(update={"attributes": [still, *known]})
    (loss,) = ModelPrompts(writer, "m").losses("storyboard[0].prompt", "a fox", Camera.TRACK)
    assert (loss.wanted, loss.chosen) == ("track", "locked-off static camera")


def test_without_a_writer_prompts_are_as_ever() -> None:
    plan = plan_for(a_brief(), CARD).plan
    assert isinstance(prompts_for(CARD), PlainPrompts)
    picture = Picture("a red shoe, moment 0", Camera.STATIC, Size.MEDIUM)
    assert plan.shots[0].prompt == model_prompt(picture, plan.bible)
    assert plan.substitutions == []
    assert plan.shots[0].prompt != plan_for(a_brief(), STUDIO_CARD).plan.shots[0].prompt


def test_an_edits_words_go_the_same_way_and_its_losses_replace_the_old_ones() -> None:
    studio = Studio(boarded("A dragon", "A red shoe"), card=STUDIO_CARD).run()
    studio.edit(2, ShotEdit(shot_id="s01", prompt="A fox riding a unicorn", camera=Camera.TRACK))
    studio.run()
    plan = studio.facts(FilmPlanned)[1].plan
    assert losses(plan) == [("s01.prompt", "riding, unicorn", "left out")]
    assert plan.shots[0].prompt.startswith("A fox stands.")
    assert "Camera tracks alongside the subject." in plan.shots[0].prompt
    assert studio.outcome(2) == ["published"]


def test_a_camera_edit_keeps_all_other_words() -> None:
    studio = Studio(boarded("An orange fox jumps at night"), card=STUDIO_CARD).run()
    studio.edit(2, ShotEdit(shot_id="s01", camera=Camera.PAN_RIGHT))
    studio.run()
    before, after = (f.plan.shots[0].prompt for f in studio.facts(FilmPlanned))
    assert after == before.replace("Locked-off static camera", "Camera pans slowly to the right")


def test_hints_are_followed_as_far_as_the_model_knows_them() -> None:
    """Continuity's `warmer light` is no word of this model; another seed is all that it can be given."""
    studio = Studio(boarded("A fox"), card=STUDIO_CARD, fates={("preview", "s01", 1): "drifted"}).run()
    first, second = (f.spec for f in studio.facts(ShotRequested) if f.tier == "preview")
    assert (first.prompt, first.negative_prompt) == (second.prompt, second.negative_prompt)
    assert first.seed != second.seed
    prompt = said("A fox", Camera.PAN_LEFT)
    assert PROMPTS.mended(prompt, ["locked-off camera, no zoom"]) == said("A fox")


def test_the_language_model_is_told_what_the_model_can_show() -> None:
    told = json.loads(opening(work_for(a_brief()), STUDIO_CARD)[1].content)["limits"]["the_model_can_show_only"]
    assert told["product"][0] == "sneaker"
    assert "the_model_can_show_only" not in opening(work_for(a_brief()), CARD)[1].content


# --- the writer's document


def test_the_studios_writer_says_what_it_understands() -> None:
    assert faults(WRITER) == []


def test_a_writer_that_misreads_itself_stops_the_service(tmp_path: Path) -> None:
    """A word of the template means something else to it."""
    broken = WRITER.model_copy(update={"templates": [*WRITER.templates[:-1], "A bear looks on. " + WRITER.templates[-1]]})
    path = tmp_path / "storyreel.json"
    path.write_text(STUDIO_CARD.model_copy(update={"prompt_writer": broken}).model_dump_json())
    with pytest.raises(BadModelCardError, match="misreads its own sentences"):
        read_card(path)
    path.write_text(STUDIO_CARD.model_dump_json())
    assert read_card(path).prompt_writer == WRITER


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"templates": ["{size} {mood}"]}, "names 'mood'"),
        ({"templates": ["{character}"]}, "needs 'character', which has no default"),
        ({"attributes": [WRITER.attributes[0].model_dump() | {"default": "sideways"}]}, "default 'sideways'"),
        ({"attributes": [WRITER.attributes[0].model_dump() | {"of": "mood"}]}, "of names 'mood'"),
        ({"attributes": [WRITER.attributes[0].model_dump()] * 2, "templates": ["{camera}"]}, "the same name"),
    ],
)
def test_a_writer_that_does_not_fit_together_is_refused(change: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        PromptWriter.model_validate(WRITER.model_dump() | change)
