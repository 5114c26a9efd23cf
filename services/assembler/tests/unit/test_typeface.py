"""Letters: each in a font that has it, in the order in which they stand on the line."""

import numpy as np
import pytest
from PIL import features
from storyreel_assembler.adapters.captions import SAFE, CaptionStyle, caption
from storyreel_assembler.adapters.typeface import EMOJI, font_of, is_rtl, missing, runs_of, width_of
from storyreel_assembler.domain.film import SIZES, Box

FINALS = [size for (tier, _), size in SIZES.items() if tier == "final"]


def style(size_index: int = 0, subject: Box | None = None) -> CaptionStyle:
    return CaptionStyle(FINALS[size_index], "#e63946", 42, rtl=False, subject=subject)


def test_shaping_is_there() -> None:
    assert features.check("raqm")


@pytest.mark.parametrize(
    ("text", "order"),
    [
        ("Aero One", ["Aero One"]),
        ("السرعة — Aero One", ["Aero One", " — ", "السرعة"]),
        ("Aero السرعة now", ["Aero ", "السرعة", " now"]),
        ("שלום 2026 עולם", [" עולם", "2026", "שלום "]),
    ],
)
def test_runs_stand_in_visual_order(text: str, order: list[str]) -> None:
    runs = runs_of(text)
    assert "".join(run.text for run in runs).replace(" ", "") == "".join(order).replace(" ", "")
    assert sorted(c for run in runs for c in run.text) == sorted(text)


def test_arabic_is_joined_and_devanagari_forms_conjuncts() -> None:
    apart = sum(width_of(letter, 40) for letter in "سرعة")
    assert width_of("سرعة", 40) < apart * 0.9
    assert width_of("क्ष", 40) < width_of("क", 40) + width_of("ष", 40)


def test_an_emoji_is_drawn_in_colour_and_a_missing_one_is_named() -> None:
    assert font_of("🚀") == EMOJI
    assert missing("Go 🚀 日本") == ["日", "本"]
    assert missing("Ünïcode — “quotes” … السرعة रफ़्तार שלום 🔥") == []


def test_direction_is_that_of_the_first_letter() -> None:
    assert is_rtl("2026 السرعة Aero")
    assert not is_rtl("… Aero السرعة")


@pytest.mark.parametrize("size_index", range(len(FINALS)))
@pytest.mark.parametrize("text", ["Short.", "W" * 42 + " " + "W" * 42, "السرعة تبدأ من هنا والآن في كل شارع من شوارع المدينة"])
def test_a_caption_stands_in_the_title_safe_area(text: str, size_index: int) -> None:
    size = FINALS[size_index]
    box = caption(text, style(size_index))
    height, width = box.alpha.shape[:2]
    assert size.width * SAFE - 1 <= box.x
    assert box.x + width <= size.width * (1 - SAFE) + 1
    assert size.height * SAFE <= box.y
    assert box.y + height <= size.height * (1 - SAFE) + 1


def luminance(colour: np.ndarray) -> float:
    linear = np.where(colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4)
    return float((linear * (0.2126, 0.7152, 0.0722)).sum())


def test_words_are_readable_on_the_brightest_plate() -> None:
    box = caption("Readable words.", style())
    plate = np.full((FINALS[0].height, FINALS[0].width, 3), 255, np.uint8)
    box.lay(plate)
    inside = plate[box.y + 8 : box.y + box.alpha.shape[0] - 8, box.x + 20 : box.x + box.alpha.shape[1] - 20] / 255
    ground, words = np.median(inside.reshape(-1, 3), axis=0), inside.reshape(-1, 3).max(axis=0)
    assert (luminance(words) + 0.05) / (luminance(ground) + 0.05) >= 4.5


def test_a_caption_goes_up_when_the_subject_stands_low() -> None:
    low = caption("Words.", style())
    high = caption("Words.", style(subject=Box(0.3, 0.6, 0.7, 1.0)))
    assert high.y < FINALS[0].height * 0.3 < low.y
