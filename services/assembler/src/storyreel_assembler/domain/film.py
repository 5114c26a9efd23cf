"""The values that the cutting room works with: a film as planned, its takes, its pictures' sizes.

Built by `domain/reading.py` from the facts of the contract; used by every other module here and by the adapters.
"""

from dataclasses import dataclass
from typing import Literal

Aspect = Literal["16:9", "9:16", "1:1"]
Tier = Literal["preview", "final"]
Transition = Literal["cut", "dissolve"]


class Unbuildable(ValueError):  # noqa: N818 - named after its fate
    """The cut cannot be made from these inputs, however often it is tried; the message names the field."""


@dataclass(frozen=True, slots=True)
class Size:
    """Pixels; both even in what is encoded."""

    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in fractions of the picture, origin at the top left, `0 <= x0 < x1 <= 1`."""

    x0: float
    y0: float
    x1: float
    y1: float


WHOLE = Box(0.0, 0.0, 1.0, 1.0)


@dataclass(frozen=True, slots=True)
class Take:
    """One shot file as rendered: its bytes' hash, its own size, length (frames) and rate (frames per second)."""

    sha256: str
    size: Size
    frames: int
    fps: float


@dataclass(frozen=True, slots=True)
class Shot:
    """One shot of the storyboard on the film's frame grid; `subject` is None when nobody said where it stands."""

    shot_id: str
    start_frame: int
    frames: int
    caption: str = ""
    narration: str = ""
    transition_in: Transition = "cut"
    subject: Box | None = None


@dataclass(frozen=True, slots=True)
class Brand:
    """The brand kit. Colours `#rrggbb`; `end_card_s` seconds at the film's end carry the card; no logo is ''."""

    name: str = ""
    primary_color: str = "#1d1d1f"
    text_color: str = "#ffffff"
    call_to_action: str = ""
    logo_sha256: str = ""
    end_card_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Voice:
    """Who narrates: an espeak-ng voice name and its pace in words per minute."""

    name: str = "en"
    words_per_minute: int = 165


@dataclass(frozen=True, slots=True)
class Film:
    """What a cut is made of, apart from its takes."""

    shots: tuple[Shot, ...]
    brand: Brand | None = None
    aspects: tuple[Aspect, ...] = ("16:9",)
    fps: int = 24
    locale: str = "en"
    burn_in: bool = True
    voice: Voice = Voice()


SIZES: dict[tuple[Tier, Aspect], Size] = {
    ("final", "16:9"): Size(1280, 720),
    ("final", "9:16"): Size(720, 1280),
    ("final", "1:1"): Size(720, 720),
    ("preview", "16:9"): Size(640, 360),
    ("preview", "9:16"): Size(360, 640),
    ("preview", "1:1"): Size(360, 360),
}


def slug(aspect: Aspect) -> str:
    """The aspect as it stands in file names: `16x9`."""
    return aspect.replace(":", "x")
