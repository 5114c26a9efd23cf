"""Film grammar for a film without a storyboard: how many shots, how long, what each does, how it is seen.

Used by `template`. Rules of thumb of commercial cutting: a shot lasts 2 to 4 seconds, the frame size changes at every
cut, a move is never repeated at once, the film opens wide and closes on the product.
"""

import math
from dataclasses import dataclass
from typing import TypeVar

from storyreel_contracts import Camera

from storyreel_planner.domain.words import Size

T = TypeVar("T")

SHORTEST_S = 2.0
LONGEST_S = 4.0
_BREATH = 0.12  # neighbouring shots differ by up to this share, so that the cut does not tick like a clock


@dataclass(frozen=True)
class Beat:
    """What a shot does in the story; `subject` takes the brief's words at {it}, the product at {what}, its name at {name}."""

    scene: str
    purpose: str
    subject: str
    size: Size
    camera: Camera


OPENING = Beat("Opening", "catch the eye and set the place", "{it}", Size.WIDE, Camera.PUSH_IN)
CLOSING = Beat("Closing", "leave the brand in mind", "{what}, at rest in full view", Size.MEDIUM, Camera.STATIC)
HERO = Beat("Hero", "say it all in one picture", "{it}", Size.MEDIUM, Camera.PUSH_IN)

_WORLD = (
    Beat("World", "show the life it belongs to", "{it}, in the middle of the action", Size.MEDIUM, Camera.TRACK),
    Beat("World", "come closer to the moment", "a telling gesture with {name}", Size.CLOSE_UP, Camera.PAN_RIGHT),
)
_REVEAL = (
    Beat("Reveal", "show what it is about", "a clear view of {what}", Size.MEDIUM, Camera.PULL_OUT),
    Beat("Reveal", "show how it is made", "surface and texture of {what}", Size.DETAIL, Camera.PAN_LEFT),
)
_PROOF = (
    Beat("Proof", "show it at work", "{it}, with {name} in use", Size.WIDE, Camera.TRACK),
    Beat("Proof", "show what it does for people", "a delighted reaction to {name}", Size.CLOSE_UP, Camera.PUSH_IN),
)


def shot_count(duration_s: float, longest_s: float) -> int:
    """Shots for a duration: about one in three seconds, each within 2 to `longest_s` (at most 4) where that is possible."""
    longest = max(SHORTEST_S, min(LONGEST_S, longest_s))
    most = max(1, math.floor(duration_s / SHORTEST_S + 1e-9))
    least = max(1, math.ceil(duration_s / longest - 1e-9))
    return min(most, max(least, round(duration_s / 3)))


def shot_lengths(duration_s: float, count: int, longest_s: float) -> list[float]:
    """Seconds of each shot; their sum is `duration_s`. Within a pair the first is the shorter: tension, then release."""
    even = duration_s / count
    longest = max(even, min(LONGEST_S, longest_s))
    breath = max(0.0, min(even * _BREATH, longest - even, even - SHORTEST_S))
    lengths = [even] * count
    for i in range(0, count - 1, 2):
        lengths[i], lengths[i + 1] = even - breath, even + breath
    return lengths


def beats(count: int) -> list[Beat]:
    """The story in `count` shots: opening, world, reveal, proof, closing, as far as there is room."""
    if count == 1:
        return [HERO]
    middle = count - 2
    world, proof = middle // 3, middle // 3
    reveal = middle - world - proof
    acts = ((_WORLD, world), (_REVEAL, reveal), (_PROOF, proof))
    inner = [act[i % len(act)] for act, share in acts for i in range(share)]
    return _varied([OPENING, *inner, CLOSING])


def _varied(story: list[Beat]) -> list[Beat]:
    """No two neighbours of one size or one move: the later one gives way, the closing never does."""
    told: list[Beat] = []
    for i, beat in enumerate(story):
        after = story[i + 1] if i + 1 < len(story) else None
        told.append(_unlike(beat, told[-1] if told else None, after if after is CLOSING else None))
    return told


def _unlike(beat: Beat, before: Beat | None, after: Beat | None) -> Beat:
    if beat is CLOSING or beat is OPENING:
        return beat
    taken = [b for b in (before, after) if b]
    size = _free(beat.size, [b.size for b in taken], [Size.MEDIUM, Size.CLOSE_UP, Size.WIDE, Size.DETAIL])
    moves = [Camera.PUSH_IN, Camera.TRACK, Camera.PAN_RIGHT, Camera.PULL_OUT, Camera.PAN_LEFT, Camera.STATIC]
    camera = _free(beat.camera, [b.camera for b in taken], moves)
    return Beat(beat.scene, beat.purpose, beat.subject, size, camera)


def _free(wanted: T, taken: list[T], choices: list[T]) -> T:
    return wanted if wanted not in taken else next(c for c in choices if c not in taken)
