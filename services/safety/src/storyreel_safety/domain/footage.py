"""All frame checks over one clip, frame by frame: memory does not grow with its length. Called by the decoding child."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from storyreel_safety.domain.flashes import Flashing, FlashMeter, linear, luminance, red
from storyreel_safety.domain.policy import Policy, Stage
from storyreel_safety.domain.stillness import BlackMeter, FrozenMeter

GRID_PIXELS = 256  # longest side of the grid on which light is measured; finer patterns balance out, as the rule says


@dataclass(frozen=True)
class Look:
    """A frame as the checks see it: reduced (h, w, 3) RGB and full-size (h, w) luma, both 8 bit."""

    index: int
    rgb: NDArray[np.uint8]
    luma: NDArray[np.uint8]


@dataclass(frozen=True)
class Alarm:
    """A check that fired at a frame, with its number and limit in the rule's own unit."""

    rule: str
    frame: int
    score: float
    threshold: float
    detail: str


class FootageCheck:
    """Black, frozen, flashing and red flashing over one clip."""

    def __init__(self, policy: Policy, stage: Stage, fps: float) -> None:
        self._rules, self._display = policy.footage[stage], policy.display
        self._black, self._frozen = BlackMeter(self._rules.black, fps), FrozenMeter(self._rules.frozen, fps)
        self._flash, self._red = FlashMeter(self._rules.flash, fps), FlashMeter(self._rules.red_flash, fps)
        self._told: set[str] = set()

    def feed(self, look: Look) -> list[Alarm]:
        """Alarms that first sound with this frame; each rule speaks once per clip."""
        fresh = [alarm for alarm in self._alarms(look) if alarm.rule not in self._told]
        self._told |= {alarm.rule for alarm in fresh}
        return fresh

    def _alarms(self, look: Look) -> Iterator[Alarm]:
        black, frozen = self._black.feed(look.rgb), self._frozen.feed(look.luma)
        if black is not None:
            yield Alarm("black", look.index, black, self._rules.black.run_max_s, "seconds of black")
        if frozen is not None:
            yield Alarm("frozen", look.index, frozen, self._rules.frozen.run_max_s, "seconds without any movement")
        light = linear(look.rgb, self._display.gamma)
        flash = self._flash.feed(look.index, luminance(light, self._display))
        yield from self._flashing("flash", flash, self._rules.flash.flashes_max)
        yield from self._flashing("red_flash", self._red.feed(look.index, red(light)), self._rules.red_flash.flashes_max)

    @staticmethod
    def _flashing(rule: str, found: Flashing | None, limit: int) -> Iterator[Alarm]:
        if found:
            yield Alarm(rule, found.frame, found.flashes, limit, f"flashes in one second over {found.area:.0%} of the picture")
