"""Letters: each in a font that has it, in the order in which they stand on the line."""

import numpy as np
import pytest
from PIL import Image
from storyreel_assembler.adapters.captions import SAFE, CaptionStyle, caption, rounded
from storyreel_assembler.adapters.glyphs import colour_picture, mask_of, shape
from storyreel_assembler.adapters.typeface import EMOJI, Style, draw_line, font_of, is_rtl, missing, runs_of, width_of
from storyreel_assembler.adapters.video import toolchain
from storyreel_assembler.domain.film import SIZES, Box

FINALS = [size for (tier, _), size in SIZES.items() if tier == "final"]


def style(size_index: int = 0, subject: Box | None = None) -> CaptionStyle:
    return CaptionStyle(FINALS[size_index], "#e63946", 42, rtl=False, subject=subject)


def ids(text: str, font: str, *, rtl: bool = False) -> list[int]:
    return [glyph.id for glyph in shape(text, font, 40, rtl=rtl).glyphs]


def drawn(text: str, x: float = 20.0) -> np.ndarray:
    """Coverage of a white line at 40 pixels."""
    picture = Image.new("RGBA", (400, 80), (0, 0, 0, 0))
    draw_line(picture, (x, 55.0), text, Style(40))
    return np.asarray(picture.getchannel("A")).astype(int)


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


def test_arabic_stands_from_the_right_and_its_letters_depend_on_their_neighbours() -> None:
    font = "NotoSansArabic-Bold.ttf"
    word = ids("بب", font, rtl=True)
    assert set(word).isdisjoint(ids("ب", font, rtl=True)), "an isolated letter stands in a joined word"
    assert len(set(word)) == len(word), "beginning and end of a word look alike"
    assert ids("אב", "NotoSansHebrew-Bold.ttf", rtl=True) == list(reversed(ids("אב", "NotoSansHebrew-Bold.ttf")))


def test_joined_letters_leave_no_seam() -> None:
    columns = drawn("ببب").max(axis=0)
    inked = np.flatnonzero(columns)
    assert columns[inked[1] : inked[-1]].min() == 255


def test_a_conjunct_is_one_letter_and_its_vowel_stands_before_it() -> None:
    font = "NotoSansDevanagari-Bold.ttf"
    assert len(ids("क्ष", font)) == 1
    assert ids("कि", font)[1] == ids("क", font)[0]


def test_every_letter_of_a_line_is_in_its_font() -> None:
    for run in runs_of("Ünïcode Ωβ Жук السرعة רוח रफ़्तार ความเร็ว"):
        assert 0 not in ids(run.text, run.font, rtl=run.rtl), run


def test_a_line_is_as_wide_as_its_picture_and_moves_with_its_place() -> None:
    one, other = drawn("HHHH"), drawn("HHHH", 30.0)
    inked = np.flatnonzero(one.max(axis=0))
    assert inked[-1] - inked[0] == pytest.approx(width_of("HHHH", 40), abs=8)
    assert np.array_equal(one[:, :-10], other[:, 10:])
    half = drawn("HHHH", 20.5)
    assert half.sum() == pytest.approx(one.sum(), rel=0.01)
    assert not np.array_equal(half, one)


def test_a_line_that_leaves_the_picture_is_cut_at_its_edges() -> None:
    shaped = shape("HHHH", "NotoSans-Bold.ttf", 40, rtl=False)
    whole = mask_of(shaped, "NotoSans-Bold.ttf", 40, (300, 80), (60, 60))
    part = mask_of(shaped, "NotoSans-Bold.ttf", 40, (70, 20), (-15, 25))
    assert np.array_equal(np.asarray(whole)[35:55, 75:145], np.asarray(part))


def test_an_emoji_has_many_colours() -> None:
    picture = colour_picture("🔥", EMOJI)
    assert picture is not None
    assert picture.size <= (136, 128)
    assert len(picture.getcolors(1 << 16)) > 100  # type: ignore[arg-type]
    plain = Image.new("RGBA", (80, 80), (0, 0, 0, 255))
    draw_line(plain, (10, 60), "🔥", Style(40))
    red, green, blue = np.asarray(plain.convert("RGB")).reshape(-1, 3).astype(int).sum(axis=0)
    assert red > green > blue


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


def test_the_box_has_round_corners_and_straight_edges() -> None:
    mask = np.asarray(rounded((60, 40), 8))
    assert mask.shape == (40, 60)
    assert mask[0, 0] == 0
    assert mask[0, 8:52].min() == mask[8:32, 0].min() == mask[20, 30] == 255
    assert np.array_equal(mask, mask[::-1, ::-1])
    assert (mask == 255).sum() < mask.astype(int).sum() / 255 < 60 * 40


def test_another_shaper_makes_other_segments() -> None:
    assert "uharfbuzz=" in toolchain()
