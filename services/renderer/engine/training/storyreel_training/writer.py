"""The prompt writer on the model's card: how a planner says a brief in the words that this model was taught.

Made from the world's own tables, so that a new word or value is on the next card. What stands here by hand is only what those
tables cannot know: words of briefs that no caption uses (`ALSO`), and what a picture shows where nobody says it (`USUAL`).
Needs neither torch nor the platform's packages; `storyreel_contracts.PromptWriter` reads what `document` returns.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from storyreel_training import recipe as r
from storyreel_training.world import facts as f
from storyreel_training.world import words as w

USUAL = {
    "camera": "static", "size": "medium", "action": "stand", "setting": "studio", "time": "day", "style": "animation",
    "colour": "orange", "product_colour": "red",
}  # fmt: skip
"""Colours too: a caption without one was always of a film in black and white."""
Also = Mapping[str, Mapping[str, tuple[str, ...]]]
ALSO: Also = {
    "camera": {
        "static": ("locked off", "tripod"), "pan left": ("pans to the left",), "pan right": ("pans to the right",),
        "push in": ("dolly in",), "pull out": ("dolly out",), "track": ("tracking", "camera follows"),
    },
    "size": {
        "wide": ("establishing shot", "aerial", "skyline"), "medium": ("waist",),
        "close-up": ("close up", "portrait", "macro", "detail", "detail shot"),
    },
    "character": {"dinosaur": ("dino",), "rabbit": ("hare",), "bear": ("teddy",)},
    "product": {"sneaker": ("boot",), "bottle": ("flask",), "bag": ("backpack",)},
    "colour": {"red": ("coral",)},
    "action": {"walk": ("runs",), "float": ("hovers",), "jump": ("hops",), "wave": ("greets",)},
    "setting": {
        "beach": ("beach", "sea", "ocean", "shore", "coast"), "city": ("city", "street", "urban", "pavement", "asphalt"),
        "forest": ("forest", "woods", "trail", "trees"), "desert": ("cactus", "dune"),
        "mountains": ("mountain", "ridge", "summit", "snowy peaks"), "studio": ("studio backdrop", "pedestal", "podium"),
        "meadow": ("grass", "green hills", "flower field"),
    },
    "time": {"day": ("midday",), "sunset": ("evening",), "night": ("neon",), "dawn": ("early morning",)},
    "weather": {"cloudy": ("clouds",), "fog": ("haze",)},
    "accessory": {"hat": ("cap",), "sunglasses": ("shades",)},
    "style": {
        "animation": ("animated", "cinematic"), "storybook": ("watercolour",), "comic": ("cartoon",),
        "noir": ("monochrome", "black and white"),
    },
}  # fmt: skip
"""Attribute to value to words that mean it and that no caption uses alone."""

_WORN = {"sunglasses": "sunglasses", **{a: f"a {a}" for a in f.ACCESSORIES if a not in {"sunglasses", f.NONE}}}
TABLES: dict[str, dict[str, tuple[str, ...]]] = {
    "camera": w.CAMERA, "size": w.SIZE, "character": w.CHARACTER, "product": w.PRODUCT, "colour": w.COLOUR,
    "product_colour": w.COLOUR, "accessory": {a: (worn,) for a, worn in _WORN.items()}, "action": w.ACTION,
    "setting": w.SETTING, "time": w.TIME, "weather": w.WEATHER, "style": w.STYLE,
}  # fmt: skip
"""Every attribute that a sentence can say, in the order in which a word that means two things is taken; the first phrase of a
value is the one that is said."""
TEMPLATES = (
    "a {colour} {character}[ with {accessory}][ and a {product_colour} {product}] {action}. {size}. {setting}, {time}"
    "[, {weather}]. {camera}. {style}.",
    "a {product_colour} {product} {action}. {size}. {setting}, {time}[, {weather}]. {camera}. {style}.",
    "{size}. {setting}, {time}[, {weather}]. {camera}. {style}.",
)
"""As `Writer.planner` writes captions."""
_OF = {"colour": "character", "product_colour": "product"}
_SHOT = {"camera", "size", "action"}
_LEADS = re.compile(r"^(?:(?:on|in|at|by|under|among|against|a|an|the|is|are)\s+)+")


def document(also: Also = ALSO) -> dict[str, Any]:
    """The writer as JSON values, with a version that changes whenever a word does."""
    attributes = [_attribute(name, also.get("colour" if name == "product_colour" else name, {})) for name in TABLES]
    body = {"attributes": attributes, "templates": list(TEMPLATES), "negative": r.NEGATIVE}
    version = hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:12]
    return {"name": "studio-words", "version": version, **body}


def _attribute(name: str, also: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
    table = TABLES[name]
    terms = [{"value": phrases[0], "words": _words(value, phrases, also.get(value, ()))} for value, phrases in table.items()]
    usual = table[USUAL[name]][0] if name in USUAL else ""
    return {
        "name": name,
        "terms": terms,
        "default": usual,
        "of": _OF.get(name, ""),
        "scope": "shot" if name in _SHOT else "film",
    }


def _words(value: str, phrases: tuple[str, ...], also: tuple[str, ...]) -> list[str]:
    """Other words for a value: its own name, its captions' phrases with and without what leads them, and the listed ones.

    A phrase with a mark in it is no phrase of a reader's: it reads up to the mark.
    """
    said = [value, *phrases[1:], *(_LEADS.sub("", phrase) for phrase in phrases), *also]
    return list(dict.fromkeys(s for s in said if s and s != phrases[0] and not set(s) & set(",.;:")))
