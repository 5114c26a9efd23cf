"""The last touch on every frame: falling weather, the style's look, a vignette."""

import cv2
import numpy as np
import numpy.typing as npt

from storyreel_training.world.facts import Facts
from storyreel_training.world.light import Light, mix, row
from storyreel_training.world.paint import Pixels
from storyreel_training.world.puppet import blend

_PAPER = (250, 240, 220)


class Finish:
    """Everything that depends on the clip and not on the moment is made once."""

    def __init__(self, facts: Facts, light: Light, frame: tuple[int, int], rng: np.random.Generator) -> None:
        self._style = facts.style
        self._frame = frame
        self._detail = max(frame) / 192
        self._falling = _falling(facts.weather, light, frame, rng)
        self._speed = {"rain": (2.0, 14.0), "snow": (0.7, 1.7)}.get(facts.weather, (0.0, 0.0))
        away = _away(frame)
        keep = 1 - 0.2 * away**2 if facts.style != "noir" else 1 - 0.42 * away**1.6
        if facts.style == "storybook":
            keep = 0.86 * np.clip((1.12 - away) / 0.34, 0, 1) ** 0.8
            self._paper: Pixels | None = ((1 - keep)[..., None] * row(_PAPER)).round().astype(np.uint8)
        else:
            self._paper = None
        self._keep = np.repeat((np.clip(keep, 0, 1) * 255).round().astype(np.uint8)[..., None], 3, 2)
        tone = np.arange(256, dtype=np.float32) / 255
        self._curve = (np.clip(tone**0.82 + 0.28 * (tone - 0.5) * (1 - np.abs(2 * tone - 1)) * 1.4, 0, 1) * 255).astype(
            np.uint8
        )

    def __call__(self, frame: Pixels, index: int) -> Pixels:
        """The finished frame (a new array)."""
        if self._falling is not None:
            across, down = (round(s * index * self._detail) for s in self._speed)
            blend(frame, np.roll(self._falling, (down, across), (0, 1))[: frame.shape[0], : frame.shape[1]])
        if self._style == "noir":
            frame = np.asarray(cv2.cvtColor(cv2.LUT(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), self._curve), cv2.COLOR_GRAY2RGB))
        frame = np.asarray(cv2.multiply(frame, self._keep, scale=1 / 255))
        return frame if self._paper is None else np.asarray(cv2.add(frame, self._paper))


def _away(frame: tuple[int, int]) -> npt.NDArray[np.float32]:
    width, height = frame
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    return np.asarray((np.abs(x) ** 3 + np.abs(y) ** 3) ** (1 / 3) / 2 ** (1 / 3) + 0.14, np.float32)


def _falling(weather: str, light: Light, frame: tuple[int, int], rng: np.random.Generator) -> Pixels | None:
    """Rain or snow on a sheet that repeats at its edges."""
    if weather not in {"rain", "snow"}:
        return None
    width, height = frame
    detail = max(frame) / 192
    cover = np.zeros((height, width), np.uint8)
    for _ in range(44):
        x, y = int(rng.integers(width)), int(rng.integers(height))
        if weather == "rain":
            cv2.line(
                cover, (x, y), (round(x + 1.6 * detail), round(y + 11 * detail)), 110, max(1, round(detail * 0.8)), cv2.LINE_AA
            )
        else:
            size = float(rng.uniform(0.55, 1.25)) * detail
            cv2.circle(cover, (x * 16, y * 16), round(size * 16), int(rng.integers(150, 235)), -1, cv2.LINE_AA, 4)
    white = row(mix((255, 255, 255), light.low, 0.15 if not light.lamps_on else 0.45))
    share = cover[..., None].astype(np.float32) / 255
    return np.concatenate((share * white, share * 255), 2).round().astype(np.uint8)
