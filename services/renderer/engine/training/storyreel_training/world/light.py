"""Colour and light: the paints, and what each hour, weather and style does to them."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Rgb = tuple[float, float, float]

PAINTS: dict[str, Rgb] = {
    "red": (218, 52, 48),
    "orange": (242, 132, 40),
    "yellow": (250, 206, 58),
    "green": (76, 168, 84),
    "teal": (38, 162, 166),
    "blue": (58, 108, 220),
    "purple": (138, 84, 200),
    "pink": (246, 140, 182),
    "white": (242, 240, 234),
    "black": (58, 58, 70),
}
INK: Rgb = (38, 30, 44)


@dataclass(frozen=True)
class Light:
    """The hour: `key` multiplies what the light meets, `fill` what it does not; sky from `top` to `low`; `haze` is far air."""

    key: Rgb
    fill: Rgb
    top: Rgb
    low: Rgb
    haze: Rgb
    lamp: Rgb
    lamp_at: tuple[float, float]
    lamps_on: bool = False


HOURS: dict[str, Light] = {
    "day": Light(
        (1.0, 0.99, 0.96), (0.66, 0.70, 0.84), (92, 164, 232), (206, 232, 246), (196, 222, 240), (255, 246, 206), (0.2, 0.16)
    ),
    "sunset": Light(
        (1.06, 0.86, 0.70), (0.60, 0.46, 0.60), (104, 84, 158), (255, 168, 96), (240, 160, 120), (255, 222, 142), (0.24, 0.5)
    ),
    "night": Light(
        (0.74, 0.80, 1.0), (0.36, 0.40, 0.64), (18, 24, 66), (62, 76, 140), (50, 62, 116), (240, 240, 224), (0.2, 0.15), True
    ),
    "dawn": Light(
        (1.0, 0.90, 0.93), (0.66, 0.60, 0.80), (150, 170, 226), (252, 208, 214), (226, 206, 226), (255, 236, 226), (0.22, 0.46)
    ),
}
OVERCAST = Light(
    (0.9, 0.92, 0.95), (0.70, 0.73, 0.80), (150, 166, 186), (206, 214, 222), (196, 206, 216), (226, 230, 234), (0.2, 0.16)
)


def light_of(time: str, weather: str) -> Light:
    """The hour's light under a sky: clouds take colour out of it and soften its shadows."""
    hour = HOURS[time]
    grey = {"clear": 0.0, "cloudy": 0.55, "rain": 0.65, "snow": 0.45, "fog": 0.5}[weather]
    veil = 0.45 if time == "night" else 1.0

    def towards(mine: Rgb, theirs: Rgb, share: float) -> Rgb:
        level = sum(mine) / max(1e-6, sum(theirs)) * 0.6 + 0.4 * veil
        return mix(mine, scale(theirs, min(1.0, level)), share)

    return Light(
        key=towards(hour.key, OVERCAST.key, grey * 0.5),
        fill=towards(hour.fill, OVERCAST.fill, grey * 0.7),
        top=towards(hour.top, OVERCAST.top, grey),
        low=towards(hour.low, OVERCAST.low, grey),
        haze=towards(hour.haze, OVERCAST.haze, grey),
        lamp=hour.lamp,
        lamp_at=hour.lamp_at,
        lamps_on=hour.lamps_on,
    )


def mix(a: Rgb, b: Rgb, share: float) -> Rgb:
    """`a` with `share` of `b` in it."""
    return (a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share, a[2] + (b[2] - a[2]) * share)


def scale(a: Rgb, by: float) -> Rgb:
    """Lighter or darker."""
    return (a[0] * by, a[1] * by, a[2] * by)


def tint(a: Rgb, b: Rgb) -> Rgb:
    """`a` seen in the light `b`."""
    return (a[0] * b[0], a[1] * b[1], a[2] * b[2])


def contrast_paint(name: str) -> Rgb:
    """A paint that is told apart from `name`: what accessories wear."""
    return PAINTS["blue" if name in {"red", "orange", "yellow", "pink", "white"} else "red" if name != "purple" else "yellow"]


def row(colour: Rgb) -> npt.NDArray[np.float32]:
    """The colour as an array of shape (3,)."""
    return np.asarray(colour, np.float32)
