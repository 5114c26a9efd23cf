"""The words that prompts are made of: camera, shot sizes, places with their light, names of colours.

Used by `template` and `composing`. A video model follows a short, concrete description best: subject, place, light,
camera, look, in this order.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from unicodedata import category

from storyreel_contracts import Camera
from storyreel_contracts.plan import Bible, Box


class Size(StrEnum):
    """How much of the subject a shot shows."""

    WIDE = "wide"
    MEDIUM = "medium"
    CLOSE_UP = "close_up"
    DETAIL = "detail"


CAMERA_WORDS: dict[Camera, str] = {
    Camera.STATIC: "locked-off static camera",
    Camera.PAN_LEFT: "camera pans slowly to the left",
    Camera.PAN_RIGHT: "camera pans slowly to the right",
    Camera.PUSH_IN: "slow camera push-in",
    Camera.PULL_OUT: "slow camera pull-out",
    Camera.TRACK: "camera tracks alongside the subject",
    Camera.UNKNOWN: "steady camera",
}

SIZE_WORDS: dict[Size, str] = {
    Size.WIDE: "wide establishing shot",
    Size.MEDIUM: "medium shot",
    Size.CLOSE_UP: "close-up",
    Size.DETAIL: "macro detail shot",
}

# What must stay in the picture in every aspect: inside the middle third, so that 9:16 is a crop and never a letterbox.
SUBJECT_BOXES: dict[Size, Box] = {
    Size.WIDE: Box(x=0.36, y=0.25, width=0.28, height=0.55),
    Size.MEDIUM: Box(x=0.36, y=0.15, width=0.28, height=0.7),
    Size.CLOSE_UP: Box(x=0.355, y=0.1, width=0.29, height=0.8),
    Size.DETAIL: Box(x=0.355, y=0.1, width=0.29, height=0.8),
}

NEGATIVE = "text, letters, watermark, subtitles, distorted anatomy, flicker, jitter, low quality"

_PREAMBLE = re.compile(
    r"^\s*(?:(?:an?|the|our)\s+)?(?:[\w-]+\s+){0,5}(?:film|video|ad|advert|commercial|spot|clip|teaser|reel)\s+"
    r"(?:for|about|of|showing|on|with|in which)\s+",
    re.IGNORECASE,
)

_SIZE_CUES: tuple[tuple[Size, tuple[str, ...]], ...] = (
    (Size.DETAIL, ("macro", "detail", "texture")),
    (Size.CLOSE_UP, ("close-up", "closeup", "close", "portrait", "hands")),
    (Size.WIDE, ("wide", "establishing", "aerial", "skyline", "landscape")),
    (Size.MEDIUM, ("medium shot", "waist")),
)


@dataclass(frozen=True)
class Place:
    """A setting and the words that call for it; `lighting` where the place has light of its own, as indoors."""

    cues: tuple[str, ...]
    setting: str
    lighting: str = ""


STUDIO = Place(
    ("studio", "pedestal", "packshot", "backdrop"),
    "a clean seamless studio backdrop",
    "large soft key light with a gentle rim light",
)
DAYLIGHT = "soft natural daylight"

PLACES: tuple[Place, ...] = (
    STUDIO,
    Place(("beach", "sea", "ocean", "coast", "harbour", "harbor"), "an open shore by the water"),
    Place(("forest", "trail", "woods"), "a forest trail between tall trees"),
    Place(("mountain", "hill", "summit"), "a mountain ridge under a wide sky"),
    Place(("street", "city", "urban", "pavement", "bridge", "skyline"), "a modern city"),
    Place(("stadium", "athletics", "running track"), "an athletics track"),
    Place(("kitchen", "cook", "breakfast"), "a bright home kitchen", "window light from the side"),
    Place(("office", "desk", "meeting"), "a calm modern office", "even daylight from tall windows"),
    Place(("gym", "workout"), "a clean modern gym", "crisp directional light"),
)

LIGHTS: tuple[tuple[tuple[str, ...], str], ...] = (
    (("night", "neon", "midnight"), "night, neon glow and wet reflections"),
    (("sunset", "golden hour", "dusk"), "golden hour, low warm sun and long soft shadows"),
    (("sunrise", "sun rises", "dawn", "early morning"), "dawn, cool early light with a warm edge"),
    (("low sun",), "low warm sun with long shadows"),
    (("overcast", "rain", "fog", "haze"), "soft overcast daylight"),
    (("noon", "midday", "bright sun"), "bright open sun with soft fill"),
)

_COLOURS: dict[str, tuple[int, int, int]] = {
    "black": (10, 10, 12), "white": (250, 250, 250), "grey": (128, 128, 128), "red": (214, 40, 40), "coral": (240, 110, 90),
    "orange": (244, 130, 30), "amber": (250, 180, 40), "yellow": (250, 225, 60), "lime": (150, 210, 50), "green": (40, 150, 70),
    "teal": (20, 130, 130), "cyan": (50, 190, 220), "blue": (40, 90, 210), "navy": (20, 30, 80), "violet": (120, 60, 190),
    "magenta": (210, 40, 150), "pink": (245, 160, 190), "brown": (120, 75, 40), "beige": (225, 205, 175),
}  # fmt: skip


def colour_name(colour: str) -> str:
    """The nearest plain word for an sRGB colour `#rrggbb` (squared distance in sRGB is near enough for a prompt)."""
    rgb = tuple(int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return min(_COLOURS, key=lambda name: sum((a - b) ** 2 for a, b in zip(_COLOURS[name], rgb, strict=True)))


def scene_in(text: str, setting: str = STUDIO.setting, lighting: str = "") -> tuple[str, str]:
    """Setting and light that a text calls for (whole words); the given ones, the film's, where it calls for none."""
    words = f" {_plain(text)} "
    place = next((p for p in PLACES if any(f" {cue} " in words for cue in p.cues)), None)
    light = next((light for cues, light in LIGHTS if any(f" {cue} " in words for cue in cues)), "")
    own = place.lighting if place else ""
    film = lighting or (STUDIO.lighting if setting == STUDIO.setting and place is None else DAYLIGHT)
    return (place.setting if place else setting), (own or light or film)


def size_in(text: str) -> Size | None:
    """The shot size that a text names, if it names one."""
    words = f" {_plain(text)} "
    return next((size for size, cues in _SIZE_CUES if any(f" {_plain(cue)} " in words for cue in cues)), None)


def without_preamble(text: str) -> str:
    """What the film shows, without the words that say that it is a film ("A 15 second spot for ...")."""
    shown = _PREAMBLE.sub("", text, count=1)
    return shown if shown.strip() else text


def one_line(text: str) -> str:
    """The text without control characters and line breaks; joiners and marks of scripts and emoji stay."""
    return " ".join("".join(" " if category(c) in {"Cc", "Zl", "Zp", "Cs"} else c for c in text).split())


def sentence(text: str, limit: int = 240) -> str:
    """The first sentence of a text on one line, cut at a word's end to at most `limit` characters."""
    line = one_line(text)
    ends = [i + 1 for i, c in enumerate(line) if c in ".!?" and line[i + 1 : i + 2] in {"", " "}]
    first = line[: ends[0]] if ends else line
    if len(first) <= limit:
        return first
    return first[:limit].rsplit(" ", 1)[0]


@dataclass(frozen=True)
class Picture:
    """What one shot shows: `subject` in the brief's or the writer's own words."""

    subject: str
    camera: Camera
    size: Size | None = None


def model_prompt(picture: Picture, bible: Bible) -> str:
    """The prompt of a shot: subject, size, place, light, camera, look, colours. What the subject says stands once."""
    subject = one_line(picture.subject).rstrip(".")
    setting, light = scene_in(subject, bible.setting, bible.lighting)
    size = picture.size if picture.size and not size_in(subject) else None
    parts = [
        f"{subject}.",
        f"{SIZE_WORDS[size]}." if size else "",
        f"Set in {setting}, {light}.",
        f"{CAMERA_WORDS[picture.camera]}.",
        f"{bible.style}.",
        f"Palette of {_listed([colour_name(c) for c in bible.palette])}." if bible.palette else "",
    ]
    return " ".join(_capital(p) for p in parts if p)


def with_camera(prompt: str, old: Camera, new: Camera) -> str:
    """The same prompt with another camera move; the move is added where the prompt did not name one."""
    before, after = _capital(CAMERA_WORDS[old]), _capital(CAMERA_WORDS[new])
    return prompt.replace(before, after, 1) if before in prompt else f"{prompt.rstrip(' .')}. {after}."


def _listed(names: list[str]) -> str:
    unique = list(dict.fromkeys(names))
    return unique[0] if len(unique) == 1 else f"{', '.join(unique[:-1])} and {unique[-1]}"


def _plain(text: str) -> str:
    return " ".join("".join(c if c.isalnum() else " " for c in text.lower()).split())


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
