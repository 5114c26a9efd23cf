"""Text in a real typeface: which font covers which letters, how wide a line is, the line as a picture.

`glyphs.py` shapes and fills each run; runs of different fonts are put in visual order here. Fonts are subsets of Noto
(OFL, see fonts/OFL.txt); `coverage.json` lists their code points.
"""

import json
import unicodedata
from bisect import bisect_right
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from PIL import Image

from storyreel_assembler.adapters.glyphs import colour_picture, mask_of, shape

BOLD, REGULAR, EMOJI = "NotoSans-Bold.ttf", "NotoSans-Regular.ttf", "NotoColorEmoji-subset.ttf"
SCRIPTS = ("NotoSansArabic-Bold.ttf", "NotoSansHebrew-Bold.ttf", "NotoSansDevanagari-Bold.ttf", "NotoSansThai-Bold.ttf")
INVISIBLE = "\u200b\u200c\u200d\u200e\u200f\u2066\u2067\u2068\u2069\ufe0e\ufe0f"


@dataclass(frozen=True, slots=True)
class Run:
    """A stretch of text in one font and one direction."""

    text: str
    font: str
    rtl: bool


@cache
def _coverage() -> dict[str, tuple[list[int], list[int]]]:
    raw = json.loads(files("storyreel_assembler").joinpath("fonts/coverage.json").read_text())
    return {name: ([r[0] for r in ranges], [r[1] for r in ranges]) for name, ranges in raw.items()}


def covers(font: str, char: str) -> bool:
    """Whether the font has a glyph for this character."""
    starts, ends = _coverage()[font]
    at = bisect_right(starts, ord(char)) - 1
    return at >= 0 and ord(char) <= ends[at]


def font_of(char: str, latin: str = BOLD) -> str | None:
    """The font that draws this character, or None when no shipped typeface has it."""
    order = (EMOJI, latin, *SCRIPTS) if ord(char) > 0x2B00 else (latin, *SCRIPTS, EMOJI)
    return next((font for font in order if covers(font, char)), None)


def missing(text: str) -> list[str]:
    """Characters that no shipped typeface has; they are left out of the picture and named in the manifest."""
    return sorted({c for c in text if not c.isspace() and c not in INVISIBLE and font_of(c) is None})


def is_rtl(text: str) -> bool:
    """Direction of a paragraph: that of its first letter with a direction."""
    for char in text:
        direction = unicodedata.bidirectional(char)
        if direction in {"L", "R", "AL"}:
            return direction != "L"
    return False


def runs_of(text: str, latin: str = BOLD) -> list[Run]:
    """The text as runs in the order in which they stand on the line, left to right."""
    rtl = is_rtl(text)
    logical: list[Run] = []
    for char, font, towards_left in _lettered(text, latin, rtl):
        previous = logical[-1] if logical else None
        if previous and (font, towards_left) == (previous.font, previous.rtl):
            logical[-1] = Run(previous.text + char, font, towards_left)
        else:
            logical.append(Run(char, font, towards_left))
    return _visual(logical, rtl)


def _lettered(text: str, latin: str, rtl: bool) -> list[tuple[str, str, bool]]:
    """Each drawable character with its font and direction (the simple cases of UAX 9; nothing is embedded)."""
    ways = _directions(text, rtl)
    found: list[tuple[str, str, bool]] = []
    for char, way in zip(text, ways, strict=True):
        clings = char in INVISIBLE or unicodedata.category(char) in {"Mn", "Mc", "Me"}
        previous = found[-1] if found else None
        if clings and previous:
            if previous[1] != EMOJI:
                found.append((char, previous[1], previous[2]))
            continue
        font = _font_beside(char, previous[1] if previous and previous[2] == way else None, latin)
        if font is not None:
            found.append((char, font, way))
    return found


def _font_beside(char: str, before: str | None, latin: str) -> str | None:
    """A neutral character stays in the font before it where that has it; a letter takes its script's own."""
    neutral = unicodedata.bidirectional(char) not in {"L", "R", "AL"}
    own = font_of(char, latin)
    if neutral and own != EMOJI and before not in {None, EMOJI} and before is not None and covers(before, char):
        return before
    return own


def _directions(text: str, rtl: bool) -> list[bool]:
    """True where a character runs to the left; neutrals go with both neighbours if these agree, else with the line."""
    strong: list[bool | None] = []
    for char in text:
        kind = unicodedata.bidirectional(char)
        strong.append(True if kind in {"R", "AL"} else False if kind in {"L", "EN", "AN"} else None)
    before: list[bool | None] = []
    last: bool | None = None
    for way in strong:
        last = way if way is not None else last
        before.append(last)
    after, last = [], None
    for way in reversed(strong):
        last = way if way is not None else last
        after.append(last)
    after.reverse()
    return [one if one is not None and one == two else rtl for one, two in zip(before, after, strict=True)]


def _visual(logical: list[Run], rtl: bool) -> list[Run]:
    """Groups of one direction keep their order inside; in a right-to-left line the groups stand from the right."""
    groups: list[list[Run]] = []
    for run in logical:
        if groups and groups[-1][0].rtl == run.rtl:
            groups[-1].append(run)
        else:
            groups.append([run])
    ordered = [list(reversed(group)) if group[0].rtl else group for group in groups]
    return [run for group in (reversed(ordered) if rtl else ordered) for run in group]


def _advance(run: Run, pixels: int) -> float:
    if run.font == EMOJI:
        return len([c for c in run.text if covers(EMOJI, c)]) * pixels * 1.2
    return shape(run.text, run.font, pixels, rtl=run.rtl).advance


def width_of(text: str, pixels: int, latin: str = BOLD) -> float:
    """Advance of the line in pixels."""
    return sum(_advance(run, pixels) for run in runs_of(text, latin))


def draw_line(picture: Image.Image, at: tuple[float, float], text: str, style: "Style") -> None:
    """Draw a line into an RGBA picture; `at` is the left end of its baseline."""
    x, baseline = at
    for run in runs_of(text, style.latin):
        if run.font == EMOJI:
            _draw_emoji(picture, (x, baseline), run, style.pixels)
        else:
            shaped = shape(run.text, run.font, style.pixels, rtl=run.rtl)
            picture.paste(style.color, (0, 0), mask_of(shaped, run.font, style.pixels, picture.size, (x, baseline)))
        x += _advance(run, style.pixels)


@dataclass(frozen=True, slots=True)
class Style:
    """Size (pixels of the em), colour and Latin face of a line."""

    pixels: int
    color: str = "#ffffff"
    latin: str = BOLD


def _draw_emoji(picture: Image.Image, at: tuple[float, float], run: Run, pixels: int) -> None:
    side = round(pixels * 1.12)
    x = at[0]
    for char in run.text:
        if not covers(EMOJI, char):
            continue
        glyph = colour_picture(char, EMOJI)
        if glyph is not None:
            scale = side / max(glyph.size)
            glyph = glyph.resize((max(1, round(glyph.width * scale)), max(1, round(glyph.height * scale))))
            picture.alpha_composite(glyph, (max(0, round(x + pixels * 0.04)), max(0, round(at[1] - side * 0.88))))
        x += pixels * 1.2
