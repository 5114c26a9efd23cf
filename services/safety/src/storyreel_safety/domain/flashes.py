"""Photosensitive flashing by the broadcast rule (ITU-R BT.1702, Ofcom guidance; saturated red as in WCAG 2.2).

A flash is a pair of opposing changes of 20 cd/m² or more where the darker state is below 160 cd/m²; more than three within
one second over more than a quarter of the picture is harmful. Two readings of "concurrently" are both held against the film:
places that each flash too often, whatever their phase, and the picture flashing too often, whatever the place.
"""

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from storyreel_safety.domain.policy import Display, FlashRule

Values = NDArray[np.float32]
Cells = NDArray[np.bool_]
_TOGETHER_S = 0.08  # changes this close together are one change of the picture; an encoder spreads a cut over frames
_RED_SHARE, _RED_SCALE = 0.8, 320.0
_LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)


@dataclass(frozen=True)
class Flashing:
    """Too many flashes, found at `frame`; `flashes` within the second before it."""

    frame: int
    flashes: float
    area: float


def linear(rgb: NDArray[np.uint8], gamma: float) -> Values:
    """Light of each channel, 0..1, from 8-bit sRGB or BT.709 codes (h, w, 3) on a display of that gamma."""
    table: Values = (np.arange(256, dtype=np.float32) / 255.0) ** np.float32(gamma)
    return table[rgb]


def luminance(light: Values, display: Display) -> Values:
    """Luminance of each cell on the display, cd/m²."""
    result: Values = (light @ _LUMINANCE) * np.float32(display.peak_cd_m2)
    return result


def red(light: Values) -> Values:
    """WCAG's measure of saturated red, 0..320; 0 where the cell is not saturated red (R/(R+G+B) < 0.8)."""
    r, g, b = light[..., 0], light[..., 1], light[..., 2]
    saturated = r >= _RED_SHARE * (r + g + b)
    return np.where(saturated, np.maximum(r - g - b, 0.0) * _RED_SCALE, 0.0).astype(np.float32)


class Swings:
    """Opposing changes of each cell: says where the value has swung up or down by at least the rule's change."""

    def __init__(self, rule: FlashRule) -> None:
        self._change = rule.change_min
        self._dark = np.inf if rule.dark_max is None else rule.dark_max
        self._low: Values | None = None
        self._high: Values
        self._heading: NDArray[np.int8]  # 1 after a swing up, -1 after one down, 0 before the first

    def feed(self, value: Values) -> tuple[Cells, Cells]:
        """Cells that completed a swing up, and down, with this frame."""
        if self._low is None:
            self._low, self._high = value.copy(), value.copy()
            self._heading = np.zeros(value.shape, np.int8)
        low, high = np.minimum(self._low, value), np.maximum(self._high, value)
        up = (self._heading <= 0) & (value - low >= self._change) & (low < self._dark)
        down = (self._heading >= 0) & (high - value >= self._change) & (value < self._dark) & ~up
        self._heading[up], self._heading[down] = 1, -1
        self._low, self._high = np.where(down, value, low), np.where(up, value, high)
        return up, down


class FlashMeter:
    """Counts swings within one second, per place and for the picture as a whole."""

    def __init__(self, rule: FlashRule, fps: float) -> None:
        self._rule, self._window = rule, max(1, round(fps))
        self._together = max(1, round(fps * _TOGETHER_S))
        self._swings = Swings(rule)
        self._recent: deque[Cells] = deque()
        self._counts: NDArray[np.int16] | None = None
        self._picture = _PictureSwings(rule.area_max, self._together)

    def feed(self, frame: int, value: Values) -> Flashing | None:
        """Take the next frame's cells; says so if the second that ends with it flashes too often."""
        up, down = self._swings.feed(value)
        limit = 2 * self._rule.flashes_max
        counts = self._count(up | down)
        area = float((counts > limit).mean())
        whole = self._picture.feed(frame, up, down, since=frame - self._window)
        if area > self._rule.area_max:
            return Flashing(frame, float(np.quantile(counts[counts > limit], 0.5)) / 2, area)
        return Flashing(frame, whole / 2, self._picture.area) if whole > limit else None

    def _count(self, swung: Cells) -> NDArray[np.int16]:
        counts = np.zeros(swung.shape, np.int16) if self._counts is None else self._counts
        counts += swung
        self._recent.append(swung)
        if len(self._recent) > self._window:
            counts -= self._recent.popleft()
        self._counts = counts
        return counts


class _PictureSwings:
    """Alternating swings of more than the allowed area, wherever in the picture they are."""

    def __init__(self, area_max: float, together: int) -> None:
        self._area_max, self._together = area_max, together
        self._last: dict[int, NDArray[np.int32]] = {}
        self._heading, self._events, self.area = 0, deque[int](), 0.0

    def feed(self, frame: int, up: Cells, down: Cells, since: int) -> int:
        """Swings of the picture after frame `since`."""
        for heading, cells in ((1, up), (-1, down)):
            last = self._last.setdefault(heading, np.full(cells.shape, -1_000_000, np.int32))
            last[cells] = frame
            area = float((last > frame - self._together).mean())
            if area > self._area_max and self._heading != heading:
                self._heading, self.area = heading, area
                self._events.append(frame)
        while self._events and self._events[0] <= since:
            self._events.popleft()
        return len(self._events)
