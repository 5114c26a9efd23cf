"""The frame grid: seconds become frames by rounding cumulative times, so that errors never add up.

Used by `composing` for both backends and by the estimate.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from storyreel_contracts import ModelCard, PlannedShot, Tier, Transition

MIN_FRAMES = 2  # a shot of one frame cannot be cut into a film
DISSOLVE_HALF = 6  # frames of a dissolve on each side of the cut; both shots lend them as handles


class Span(NamedTuple):
    """A run of frames on the film's grid."""

    start: int
    frames: int


class TooManyShotsError(ValueError):
    """More shots than the film has room for."""


def frames_of(seconds: float, fps: int) -> int:
    """Seconds as a frame count, halves rounded up (never to even: neighbours must round alike)."""
    return math.floor(seconds * fps + 0.5)


def grid(cuts_s: Sequence[float], total: int, fps: int) -> list[Span]:
    """Spans between cuts. `cuts_s` are the starts of the shots in seconds, the first is 0; `total` is in frames.

    Every cut lies on its own rounded time unless a shot would get fewer than MIN_FRAMES; the sum is exactly `total`.
    Raises TooManyShotsError if the shots do not fit at all.
    """
    if len(cuts_s) * MIN_FRAMES > total:
        raise TooManyShotsError(f"{len(cuts_s)} shots do not fit into {total} frames; a shot needs at least {MIN_FRAMES}")
    marks = [0, *(frames_of(t, fps) for t in cuts_s[1:]), total]
    for i in range(1, len(marks) - 1):
        marks[i] = max(marks[i], marks[i - 1] + MIN_FRAMES)
    for i in range(len(marks) - 2, 0, -1):
        marks[i] = min(marks[i], marks[i + 1] - MIN_FRAMES)
    return [Span(a, b - a) for a, b in pairwise(marks)]


def longest_take(card: ModelCard) -> int:
    """Frames of the longest take that the model makes in one piece."""
    return card.max_frames - (card.max_frames - 1) % card.frame_step


def take_frames(shots: Sequence[PlannedShot], index: int, fps: int, card: ModelCard) -> tuple[int, bool]:
    """Frames that the model must make for a shot and its dissolve handles; whether that is all that it needs.

    False: the shot is longer than the model makes, and the take is the model's longest. A model that makes windows has none.
    """
    seconds = (shots[index].frames + _handle(shots, index) + _handle(shots, index + 1)) / fps
    shown = math.ceil(seconds * card.fps - 1e-9)
    wanted = 1 + card.frame_step * math.ceil((shown - 1) / card.frame_step)
    longest = longest_take(card)
    return (wanted, True) if card.window_overlap else (min(wanted, longest), shown <= longest)


def frames_for(tier: Tier, shots: Sequence[PlannedShot], index: int, fps: int, card: ModelCard) -> int:
    """Frames of one render: a keyframe is a still."""
    return 1 if tier is Tier.KEYFRAME else take_frames(shots, index, fps, card)[0]


def _handle(shots: Sequence[PlannedShot], index: int) -> int:
    """Frames lent on each side of the cut into shot `index`."""
    if not 0 < index < len(shots) or shots[index].transition_in is not Transition.DISSOLVE:
        return 0
    return min(DISSOLVE_HALF, min(shots[index - 1].frames, shots[index].frames) // 3)
