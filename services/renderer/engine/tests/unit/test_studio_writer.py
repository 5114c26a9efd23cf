"""The prompt writer on the studio model's card: made of the world's own words, and read by the planner as it was written."""

import sys
from pathlib import Path

import pytest

pytest.importorskip("numpy")
pytest.importorskip("cv2")
sys.path.insert(0, str(Path(__file__).parents[2] / "training"))

from storyreel_training import writer
from storyreel_training.world import facts as w
from storyreel_training.world.words import tokens, vocabulary

FACTS = {"camera": w.CAMERAS, "size": w.SIZES, "character": w.CHARACTERS, "product": w.PRODUCTS, "colour": w.COLOURS,
         "product_colour": w.COLOURS, "accessory": w.ACCESSORIES[1:], "action": w.ACTIONS, "setting": w.SETTINGS,
         "time": w.TIMES, "weather": w.WEATHERS, "style": w.STYLES}  # fmt: skip


def test_every_value_that_a_clip_can_show_can_be_asked_for() -> None:
    assert {name: set(table) for name, table in writer.TABLES.items()} == {n: set(v) for n, v in FACTS.items()}


def test_words_by_hand_and_what_is_usual_are_of_values_that_there_are() -> None:
    assert all(set(also) <= set(FACTS[name]) for name, also in writer.ALSO.items())
    assert all(value in FACTS[name] for name, value in writer.USUAL.items())


def test_the_model_knows_every_word_of_every_sentence() -> None:
    said = {t for a in writer.document()["attributes"] for term in a["terms"] for t in tokens(term["value"])}
    frame = {t for template in writer.TEMPLATES for t in tokens(" ".join(part.split("}")[-1] for part in template.split("{")))}
    assert (said | frame) - {"[", "]"} <= set(vocabulary())


def test_another_word_is_another_version() -> None:
    more = {**writer.ALSO, "weather": {"rain": ("downpour",)}}
    assert writer.document(more)["version"] != writer.document()["version"]
    assert writer.document()["version"] == writer.document()["version"]


def test_the_planner_reads_every_sentence_as_it_was_written() -> None:
    contract = pytest.importorskip("storyreel_contracts.prompt_writer", reason="only where the services are installed")
    prompts = pytest.importorskip("storyreel_planner.domain.prompts", reason="only where the services are installed")
    document = contract.PromptWriter.model_validate(writer.document())
    assert prompts.faults(document) == []
    broken = document.model_copy(update={"templates": [document.templates[-1].replace("{time}", "by night")]})
    assert prompts.faults(broken)
