"""Whole characters: head, body, limbs, tail and what they wear, as the parts of a puppet."""

from dataclasses import dataclass

import numpy as np

from storyreel_training.world.heads import BEAK, HEADS, STEEL, WHITE, Look, Y
from storyreel_training.world.light import INK, PAINTS, Light, Rgb, contrast_paint, mix, scale
from storyreel_training.world.paint import Sheet, block, corners, curve, limb, oval
from storyreel_training.world.puppet import Part

SKINS: tuple[Rgb, ...] = ((250, 216, 188), (228, 178, 138), (178, 122, 84), (122, 80, 58))
HAIRS: tuple[Rgb, ...] = ((58, 42, 40), (122, 74, 42), (224, 176, 92), (170, 78, 44))
TROUSERS: Rgb = (70, 84, 124)
_BOX = (-0.75, -1.3, 0.75, 0.12)
SHOULDER, HIP = (0.15, -0.455), (0.085, -0.2)


@dataclass(frozen=True)
class Costume:
    """Who is drawn: species, name of its colour, accessory."""

    species: str
    colour: str
    accessory: str


def figure(who: Costume, scale_px: float, light: Light, style: str, rng: np.random.Generator) -> list[Part]:
    """The character's parts, back to front, painted at `scale_px` pixels a unit."""
    look = Look(PAINTS[who.colour], SKINS[int(rng.integers(4))], HAIRS[int(rng.integers(4))])

    def sheet() -> Sheet:
        return Sheet(_BOX, scale_px, light, style)

    parts = [_tail(sheet(), who, look)] if who.species in _TAILS else []
    for side, name in ((-1, "leg left"), (1, "leg right")):
        parts.append(_leg(sheet(), name, side, who, look))
    parts += [_arm(sheet(), "arm left", -1, who, look), _body(sheet(), who, look)]
    head = sheet()
    HEADS[who.species](head, look)
    _wear_on_head(head, who)
    # The right arm waves and pours in front of the face and of long hair.
    return [*parts, Part.of("head", head, (0.0, -0.5)), _arm(sheet(), "arm right", 1, who, look)]


def _leg(s: Sheet, name: str, side: int, who: Costume, c: Look) -> Part:
    x, y = side * HIP[0], HIP[1]
    if who.species in {"owl", "penguin"}:
        s.add(oval(x * 1.1 + 0.02, -0.03, 0.085, 0.04), BEAK)
    elif who.species in {"woman", "man"}:
        s.add(limb((x, y), (x, -0.06), 0.06, 0.052), c.skin if who.species == "woman" else TROUSERS)
        s.add(oval(x + 0.025, -0.035, 0.085, 0.042), scale(c.main, 0.5) if who.species == "woman" else (74, 56, 50))
    elif who.species == "robot":
        s.add(limb((x, y), (x, -0.06), 0.042, 0.042), STEEL)
        s.add(block(x + 0.015, -0.04, 0.16, 0.09, 0.03), c.deep)
    else:
        s.add(limb((x, y), (x, -0.07), 0.075, 0.065), c.main)
        s.add(oval(x + 0.025, -0.04, 0.092, 0.05), c.deep if who.species in {"fox", "bear", "cat"} else c.main)
    return Part.of(name, s, (x, y))


def _arm(s: Sheet, name: str, side: int, who: Costume, c: Look) -> Part:
    x, y = side * SHOULDER[0], SHOULDER[1]
    hand = (side * 0.255, -0.245)
    if who.species in {"owl", "penguin"}:
        s.add(oval(side * 0.2, -0.35, 0.06, 0.16, side * -26), c.deep if who.species == "owl" else c.main)
    elif who.species == "robot":
        s.add(limb((x, y), hand, 0.038, 0.038), STEEL)
        s.add(oval(*hand, 0.062, 0.062), c.main)
    elif who.species in {"woman", "man"}:
        s.add(limb((x, y), hand, 0.045, 0.04), c.skin)
        s.add(limb((x, y), (side * 0.2, -0.36), 0.062, 0.056), c.main)
        s.add(oval(*hand, 0.047, 0.047), c.skin)
    else:
        s.add(limb((x, y), hand, 0.062, 0.055), c.main)
        s.add(oval(hand[0], hand[1] + 0.01, 0.062, 0.056), c.deep if who.species == "fox" else mix(c.main, WHITE, 0.12))
    return Part.of(name, s, (x, y))


def _body(s: Sheet, who: Costume, c: Look) -> Part:
    if who.species == "robot":
        s.add(block(0, -0.34, 0.36, 0.36, 0.08), c.main)
        s.add(block(0, -0.35, 0.22, 0.17, 0.04), mix(c.main, WHITE, 0.55), relief=0.3)
        for x, lamp in ((-0.05, (255, 104, 84)), (0.0, (255, 214, 92)), (0.05, (118, 226, 140))):
            s.add(oval(x, -0.36, 0.02, 0.02), lamp, glow=True, outline=False)
    elif who.species == "woman":
        s.add(
            curve((-0.1, -0.52), (0.1, -0.52), (0.18, -0.36), (0.28, -0.12), (0, -0.09), (-0.28, -0.12), (-0.18, -0.36)), c.main
        )
        s.add(limb((-0.13, -0.34), (0.13, -0.34), 0.018, 0.018), c.deep, relief=0.3, outline=False)
    elif who.species == "man":
        s.add(block(0, -0.24, 0.29, 0.14, 0.06), TROUSERS)
        s.add(curve((-0.14, -0.54), (0.14, -0.54), (0.2, -0.42), (0.18, -0.22), (-0.18, -0.22), (-0.2, -0.42)), c.main)
        s.add(corners((-0.06, -0.53), (0.06, -0.53), (0, -0.44)), c.skin, relief=0, outline=False)
    else:
        s.add(
            curve((-0.13, -0.54), (0.13, -0.54), (0.23, -0.34), (0.2, -0.12), (0, -0.09), (-0.2, -0.12), (-0.23, -0.34)), c.main
        )
        s.add(oval(0.01, -0.28, 0.13, 0.155), WHITE if who.species in {"fox", "penguin"} else c.pale, relief=0.6, outline=False)
        _marks(s, who, c)
    _wear_on_body(s, who)
    return Part.of("body", s, (0.0, -0.2))


def _marks(s: Sheet, who: Costume, c: Look) -> None:
    if who.species == "owl":
        for x, y in ((-0.05, -0.34), (0.06, -0.34), (0.0, -0.28), (-0.05, -0.22), (0.06, -0.22)):
            s.add(curve((x - 0.03, y), (x + 0.03, y), (x, y + 0.045)), c.main, relief=0, outline=False)
    if who.species == "dinosaur":
        for y in (-0.36, -0.29, -0.22):
            s.add(limb((-0.09, y), (0.11, y), 0.008, 0.008), mix(c.main, WHITE, 0.35), relief=0, outline=False)


_TAILS = {"fox", "cat", "rabbit", "dinosaur", "elephant"}


def _tail(s: Sheet, who: Costume, c: Look) -> Part:
    if who.species == "fox":
        s.add(
            curve((-0.1, -0.14), (-0.3, -0.1), (-0.52, -0.24), (-0.5, -0.48), (-0.36, -0.4), (-0.28, -0.26), (-0.12, -0.24)),
            c.main,
        )
        s.add(curve((-0.5, -0.3), (-0.52, -0.5), (-0.4, -0.42), (-0.42, -0.34)), WHITE, relief=0.6, outline=False)
    elif who.species == "cat":
        for a, b in (((-0.12, -0.15), (-0.34, -0.14)), ((-0.34, -0.14), (-0.42, -0.3)), ((-0.42, -0.3), (-0.34, -0.44))):
            s.add(limb(a, b, 0.05, 0.05), c.main, outline=False)
    elif who.species == "rabbit":
        s.add(oval(-0.22, -0.17, 0.085, 0.08), WHITE)
    elif who.species == "dinosaur":
        s.add(curve((-0.05, -0.28), (-0.05, -0.08), (-0.3, -0.04), (-0.56, -0.14), (-0.6, -0.22), (-0.3, -0.2)), c.main)
        for x in (-0.24, -0.36):
            s.add(corners((x - 0.05, -0.17), (x - 0.01, -0.27), (x + 0.06, -0.2)), c.deep)
    else:
        s.add(limb((-0.16, -0.2), (-0.32, -0.12), 0.022, 0.016), c.main)
    return Part.of("tail", s, (-0.1, -0.2))


def _wear_on_body(s: Sheet, who: Costume) -> None:
    paint = contrast_paint(who.colour)
    if who.accessory == "scarf":
        s.add(curve((0.05, -0.5), (0.17, -0.5), (0.2, -0.26), (0.09, -0.25)), scale(paint, 0.86))
        s.add(curve((-0.2, -0.55), (0, -0.5), (0.2, -0.55), (0.21, -0.46), (0, -0.4), (-0.21, -0.46)), paint)
    elif who.accessory == "bow tie":
        for side in (-1, 1):
            s.add(corners((0, -0.455), (side * 0.13, -0.53), (side * 0.13, -0.385)), paint)
        s.add(oval(0, -0.457, 0.034, 0.036), scale(paint, 0.8))


def _wear_on_head(s: Sheet, who: Costume) -> None:
    top = Y - 0.2
    if who.accessory == "hat":
        paint = contrast_paint(who.colour)
        s.add(curve((-0.15, top + 0.04), (-0.15, top - 0.22), (0.15, top - 0.22), (0.15, top + 0.04)), paint)
        s.add(block(0, top - 0.02, 0.29, 0.05, 0.01), scale(paint, 0.55), relief=0, outline=False)
        s.add(oval(0, top + 0.03, 0.26, 0.045), paint)
    elif who.accessory == "crown":
        gold: Rgb = (255, 208, 64)
        s.add(
            corners(
                (-0.16, top + 0.06),
                (-0.18, top - 0.14),
                (-0.085, top - 0.04),
                (0, top - 0.17),
                (0.085, top - 0.04),
                (0.18, top - 0.14),
                (0.16, top + 0.06),
            ),
            gold,
        )
        for x in (-0.09, 0.0, 0.09):
            s.add(oval(x, top + 0.015, 0.022, 0.022), (222, 60, 84), relief=0.6, outline=False)
    elif who.accessory == "sunglasses":
        eye = {"frog": Y - 0.175, "dinosaur": Y - 0.07}.get(who.species, Y - 0.005)
        s.add(block(0.012, eye - 0.02, 0.3, 0.025, 0.01), INK, relief=0)
        for side in (-1, 1):
            s.add(block(side * 0.115 + 0.012, eye, 0.19, 0.12, 0.05), (36, 38, 56), relief=0.9)
