"""Black and frozen pictures: runs of frames, measured while they stream by."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from storyreel_safety.domain.policy import BlackRule, FrozenRule

_LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)


class Run:
    """Length of the run of frames that a condition has held, in seconds."""

    def __init__(self, fps: float, limit_s: float) -> None:
        self._fps, self._limit, self._frames = fps, limit_s, 0

    def feed(self, holds: bool) -> float | None:
        """Length of the run if this frame brings it over the limit (once per run), else None."""
        self._frames = self._frames + 1 if holds else 0
        before, now = (self._frames - 1) / self._fps, self._frames / self._fps
        return now if before <= self._limit < now else None


class BlackMeter:
    """Finds runs of black frames."""

    def __init__(self, rule: BlackRule, fps: float) -> None:
        self._rule, self._run = rule, Run(fps, rule.run_max_s)

    def feed(self, rgb: NDArray[np.uint8]) -> float | None:
        """Seconds of black if this frame (h, w, 3) brings the run over the limit."""
        luma = rgb @ _LUMA / 255.0
        return self._run.feed(bool((luma <= self._rule.pixel_luma_max).mean() >= self._rule.area_min))


@dataclass
class FrozenMeter:
    """Finds runs of frames that repeat the one before, on full-size luma: the smallest movement counts."""

    rule: FrozenRule
    fps: float

    def __post_init__(self) -> None:
        self._run = Run(self.fps, self.rule.run_max_s)
        self._last: NDArray[np.uint8] | None = None

    def feed(self, luma: NDArray[np.uint8]) -> float | None:
        """Seconds without movement if this frame (h, w) brings the run over the limit."""
        last, self._last = self._last, luma
        if last is None:
            return None
        apart = np.maximum(luma, last) - np.minimum(luma, last)
        return self._run.feed(bool((apart >= self.rule.change_min_codes).mean() <= self.rule.changed_area_max))
