"""One look for the whole film: how far each shot is moved towards the master shot, in CIELAB.

The grade is part of a segment's key by its numbers, not by the master's hash: a new master take that looks the same
leaves every other segment as it is.
"""

from dataclasses import dataclass

STRENGTH = 0.6


@dataclass(frozen=True, slots=True)
class Look:
    """A take's look: mean and spread of lightness (0..100), mean a and b, mean chroma (CIELAB units)."""

    lightness: float
    contrast: float
    a: float
    b: float
    chroma: float


@dataclass(frozen=True, slots=True)
class Grade:
    """Added to and multiplied with a shot in CIELAB: lightness about its mean `pivot`, white balance, saturation."""

    pivot: float = 50.0
    lift: float = 0.0
    contrast: float = 1.0
    a: float = 0.0
    b: float = 0.0
    saturation: float = 1.0


def match(shot: Look, master: Look) -> Grade:
    """The grade that brings `shot` most of the way to `master`, within limits that cannot break a picture."""
    return Grade(
        pivot=round(shot.lightness, 1),
        lift=_step(STRENGTH * (master.lightness - shot.lightness), 10.0, 0.5),
        contrast=_ratio(master.contrast, shot.contrast, 0.15),
        a=_step(STRENGTH * (master.a - shot.a), 6.0, 0.5),
        b=_step(STRENGTH * (master.b - shot.b), 6.0, 0.5),
        saturation=_ratio(master.chroma, shot.chroma, 0.2),
    )


def _step(value: float, limit: float, grain: float) -> float:
    bounded = min(max(value, -limit), limit)
    return round(round(bounded / grain) * grain, 3) + 0.0


def _ratio(wanted: float, actual: float, limit: float) -> float:
    if min(wanted, actual) < 1.0:
        return 1.0
    moved = 1.0 + STRENGTH * (wanted / actual - 1.0)
    return round(min(max(moved, 1 - limit), 1 + limit), 2)
