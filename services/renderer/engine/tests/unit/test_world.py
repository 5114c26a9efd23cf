"""The studio's world: the same from a seed, never showing what is held out, and saying in words what it shows."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

np = pytest.importorskip("numpy")
pytest.importorskip("cv2")
sys.path.insert(0, str(Path(__file__).parents[2] / "training"))

from storyreel_training.measures import camera_move, told_colour  # noqa: E402
from storyreel_training.world import facts as w  # noqa: E402
from storyreel_training.world.captions import Writer  # noqa: E402
from storyreel_training.world.scene import Scene  # noqa: E402
from storyreel_training.world.words import COLOUR, PRODUCT, tokens, vocabulary  # noqa: E402

FOX = w.Facts(
    character="fox", colour="orange", accessory="scarf", product="none", product_colour="none", setting="meadow", time="day",
    weather="clear", size="wide", camera="static", action="stand", style="animation", aspect="16:9",
)  # fmt: skip


def drawn(count: int, seed: int = 0) -> list[w.Facts]:
    rng = np.random.default_rng(seed)
    return [w.draw_facts(rng) for _ in range(count)]


def test_a_seed_paints_the_same_clip_and_another_seed_another_one() -> None:
    clip = Scene(FOX, 3).clip()
    assert clip.shape == (w.FRAMES, 112, 192, 3)
    assert np.array_equal(clip, Scene(FOX, 3).clip())
    assert not np.array_equal(clip, Scene(FOX, 4).clip())


def test_what_is_held_out_is_never_drawn_for_training() -> None:
    assert not any(f.held_out for f in drawn(400))
    rng = np.random.default_rng(1)
    assert all(w.draw_facts(rng, held_out=True).held_out for _ in range(20))


def test_one_combination_in_sixteen_is_held_out_whatever_the_light_and_the_camera() -> None:
    combinations = [replace(FOX, character=c, colour=k, setting=s) for c in w.CHARACTERS for k in w.COLOURS for s in w.SETTINGS]
    share = np.mean([f.held_out for f in combinations])
    assert 0.04 < share < 0.09
    assert replace(FOX, time="night", camera="track").held_out == FOX.held_out


@pytest.mark.parametrize("field", ["character", "product", "setting", "style", "accessory", "weather", "action"])
def test_every_value_can_be_painted_and_looks_like_no_other(field: str) -> None:
    values = {"character": w.CHARACTERS, "product": w.PRODUCTS, "setting": w.SETTINGS, "style": w.STYLES,
              "accessory": w.ACCESSORIES, "weather": w.WEATHERS, "action": w.ACTIONS[:6]}[field]  # fmt: skip
    base = replace(FOX, product="mug", product_colour="blue") if field == "product" else FOX
    stills = [Scene(replace(base, **{field: value}), 1).frame(4).astype(int) for value in values]
    apart = [np.abs(a - b).mean() for i, a in enumerate(stills) for b in stills[:i]]
    assert min(apart) > 0.1


def test_the_cover_says_where_the_subject_is() -> None:
    _, cover = Scene(FOX, 1).still_and_cover()
    assert cover.shape == (14, 24)
    assert cover[6:10, 10:14].mean() > 200
    assert cover[:, :4].max() == 0


def test_every_word_of_every_caption_is_in_the_vocabulary() -> None:
    known = set(vocabulary())
    rng = np.random.default_rng(5)
    for facts in drawn(300, 5):
        for written in (
            Writer(facts, rng).terse(),
            Writer(facts, rng).plain(),
            Writer(facts, rng).planner(),
            Writer(facts, rng).pitch(),
        ):
            assert set(tokens(written)) <= known, written


def test_a_caption_names_the_product_and_its_colour_except_in_black_and_white() -> None:
    rng = np.random.default_rng(6)
    for facts in (f for f in drawn(200, 6) if f.product != w.NONE):
        written = Writer(facts, rng).caption().lower()
        assert any(word in written for word in PRODUCT[facts.product])
        assert any(word in written for word in COLOUR[facts.product_colour]) or facts.style == "noir"


@pytest.mark.parametrize("camera", ["static", "pan left", "pan right", "push in", "pull out"])
def test_the_camera_is_measured_as_it_was_moved(camera: str) -> None:
    moves = [camera_move(Scene(replace(FOX, camera=camera, setting=place), 2).clip()).name for place in ("city", "meadow")]
    assert moves == [camera, camera]


@pytest.mark.parametrize("colour", ["red", "yellow", "blue", "purple", "pink"])
def test_the_subjects_colour_is_measured_on_pixels(colour: str) -> None:
    facts = replace(FOX, colour=colour, size="medium", accessory="none")
    assert told_colour(Scene(facts, 1).still(), facts) == colour
