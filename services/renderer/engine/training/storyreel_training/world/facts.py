"""What a clip shows: the attributes, how they are drawn from a seed, and which combinations no training ever sees."""

import hashlib
from dataclasses import asdict, dataclass

import numpy as np

CHARACTERS = ("fox", "cat", "bear", "rabbit", "elephant", "frog", "owl", "penguin", "robot", "dinosaur", "woman", "man")
COLOURS = ("red", "orange", "yellow", "green", "teal", "blue", "purple", "pink", "white", "black")
ACCESSORIES = ("none", "scarf", "hat", "sunglasses", "bow tie", "crown")
PRODUCTS = ("sneaker", "bottle", "mug", "phone", "bag", "watch", "camera", "headphones")
SETTINGS = ("beach", "city", "forest", "kitchen", "desert", "mountains", "studio", "meadow")
TIMES = ("day", "sunset", "night", "dawn")
WEATHERS = ("clear", "cloudy", "rain", "snow", "fog")
SIZES = ("wide", "medium", "close-up")
CAMERAS = ("static", "pan left", "pan right", "push in", "pull out", "track")
ACTIONS = ("stand", "walk", "jump", "wave", "spin", "dance", "pour", "float")
STYLES = ("animation", "storybook", "comic", "noir")
ASPECTS = ("16:9", "9:16")
FRAME = {"16:9": (192, 112), "9:16": (112, 192)}
"""Width and height in pixels: multiples of 16, and two rows (or columns) on each side more than an exact 16:9."""
FRAMES, FPS = 25, 12

INDOORS = ("kitchen", "studio")
NONE = "none"
_HELD_OUT = 16


@dataclass(frozen=True)
class Facts:
    """One clip in words. `character` or `product` may be "none", never both; a field that cannot be seen is "none"."""

    character: str
    colour: str
    accessory: str
    product: str
    product_colour: str
    setting: str
    time: str
    weather: str
    size: str
    camera: str
    action: str
    style: str
    aspect: str

    def as_dict(self) -> dict[str, str]:
        """Attribute name to value."""
        return asdict(self)

    @property
    def held_out(self) -> bool:
        """True for the one in sixteen combinations of subject, colour, product and setting that training never sees."""
        key = f"{self.character}/{self.colour}/{self.product}/{self.product_colour}/{self.setting}"
        return hashlib.sha256(key.encode()).digest()[0] % _HELD_OUT == 0


def draw_facts(rng: np.random.Generator, *, held_out: bool = False, aspect: str | None = None) -> Facts:
    """Facts at random, from the combinations for training or from those held out."""
    while True:
        facts = _draw(rng, aspect)
        if facts.held_out == held_out:
            return facts


def _draw(rng: np.random.Generator, aspect: str | None) -> Facts:
    subject = rng.choice(("character", "both", "product"), p=(0.4, 0.3, 0.3))
    character = NONE if subject == "product" else _one(rng, CHARACTERS)
    product = NONE if subject == "character" else _one(rng, PRODUCTS)
    setting = _one(rng, SETTINGS)
    action = _action(rng, character, product)
    shape = aspect or _one(rng, ASPECTS)
    return Facts(
        character=character,
        colour=NONE if character == NONE else _one(rng, COLOURS),
        accessory=NONE if character == NONE or rng.random() < 0.4 else _one(rng, ACCESSORIES[1:]),
        product=product,
        product_colour=NONE if product == NONE else _one(rng, COLOURS),
        setting=setting,
        time=_one(rng, TIMES),
        weather="clear" if setting in INDOORS or rng.random() < 0.5 else _one(rng, WEATHERS[1:]),
        size=_size(rng, character, product),
        camera=_camera(rng, action),
        action=action,
        style=str(rng.choice(STYLES, p=(0.56, 0.18, 0.18, 0.08))),
        aspect=shape,
    )


def _one(rng: np.random.Generator, of: tuple[str, ...]) -> str:
    return of[int(rng.integers(len(of)))]


def _action(rng: np.random.Generator, character: str, product: str) -> str:
    if character == NONE:
        return _one(rng, ("stand", "spin", "float", "pour") if product == "mug" else ("stand", "spin", "float"))
    if product == "mug" and rng.random() < 0.3:
        return "pour"
    return _one(rng, ("stand", "walk", "jump", "wave", "spin", "dance"))


def _size(rng: np.random.Generator, character: str, product: str) -> str:
    # A character with a product beside it does not fit into a close-up.
    together = NONE not in {character, product}
    return str(rng.choice(SIZES, p=(0.4, 0.6, 0.0) if together else (0.25, 0.45, 0.3)))


def _camera(rng: np.random.Generator, action: str) -> str:
    if action == "walk":
        return "track" if rng.random() < 0.5 else _one(rng, CAMERAS[:5])
    return _one(rng, CAMERAS[:5])
