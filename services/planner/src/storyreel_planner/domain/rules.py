"""The director's limits and prices, as data. Built by `app` from the settings; the same for every film."""

import math
from dataclasses import dataclass
from datetime import timedelta

from storyreel_contracts import ModelCard, Tier


@dataclass(frozen=True)
class Render:
    """What one render is priced by: the card's figure for `tier`, its frames, and which share of its steps it has to do.

    `worst` is the share where the state that it should go on from is gone; the price limit covers that.
    """

    tier: Tier
    frames: int
    share: float = 1.0
    worst: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Rules:
    """Money in millionths of a US dollar, time in seconds."""

    micros_per_device_second: float = 1_000.0
    headroom: float = 10.0  # a render may cost this much of what is expected before the renderer stops it
    shot_attempts: int = 3  # takes of one shot in one tier
    plan_attempts: int = 2
    assembly_attempts: int = 2
    retry_delay_s: float = 10.0  # before the same render is asked for again
    write_off_s: float = 900.0  # after a version ended: reservations that nobody answered are released
    parallel_renders: int = 1  # for the finish time only
    finishing_s: float = 20.0  # cutting, screening and signing, for the finish time only

    @property
    def retry_delay(self) -> timedelta:
        """Wait before the second try of one and the same render."""
        return timedelta(seconds=self.retry_delay_s)

    def expected_seconds(self, card: ModelCard, render: Render) -> float:
        """Device seconds of one render; the card names those of a whole, full-length one."""
        return _whole_seconds(card, render) * render.share

    def expected_micros(self, card: ModelCard, render: Render) -> int:
        """What one render is expected to cost."""
        return math.ceil(self.expected_seconds(card, render) * self.micros_per_device_second)

    def limit_micros(self, card: ModelCard, render: Render) -> int:
        """The most that one render may cost; this is what gets reserved. Never less than one device second."""
        headroom = self.expected_micros(card, render) * self.headroom
        worst = _whole_seconds(card, render) * render.worst * self.micros_per_device_second
        return math.ceil(max(headroom, worst, self.micros_per_device_second))


def _whole_seconds(card: ModelCard, render: Render) -> float:
    return card.device_seconds.get(render.tier, 0.0) * render.frames / card.max_frames
