"""Where every shot, dissolve and the end card stand, in whole frames.

The film is tiled by pieces; each piece becomes one encoded segment. A dissolve is a piece of its own, so that what
stands on a shot's body (its caption) is not part of it, and an edit of one shot leaves its neighbours' bytes alone.
"""

from dataclasses import dataclass
from typing import Literal

from storyreel_assembler.domain.film import Film, Unbuildable

DISSOLVE_FRAMES = 12
CARD_BLEND_FRAMES = 10


@dataclass(frozen=True, slots=True)
class Span:
    """Frames `first <= f < end`."""

    first: int
    end: int

    @property
    def frames(self) -> int:
        """How many frames."""
        return self.end - self.first


@dataclass(frozen=True, slots=True)
class Placed:
    """A shot on the film's frame axis.

    `needed` adds the handles that its dissolves take; `clear` is where only this shot is in the picture; `carded` says
    that the end card covers its tail.
    """

    index: int
    span: Span
    needed: Span
    clear: Span
    carded: bool = False


@dataclass(frozen=True, slots=True)
class Piece:
    """One segment: a shot's body, the dissolve into `shot` from the one before, or the end card over `shot`."""

    kind: Literal["body", "dissolve", "card"]
    shot: int
    span: Span


@dataclass(frozen=True, slots=True)
class Layout:
    """The whole film: pieces tile `0 .. total` without gap or overlap."""

    fps: int
    total: int
    shots: tuple[Placed, ...]
    pieces: tuple[Piece, ...]


def lay_out(film: Film) -> Layout:
    """Put shots, dissolves and the card on the film's grid.

    Raises `Unbuildable` where shots overlap, leave a gap, or last less than two frames.
    """
    spans = _spans(film)
    heads = [_half_dissolve(film, spans, index) for index in range(len(spans))] + [0]
    card = _card_frames(film, spans[-1], heads[-2])
    placed = []
    for index, span in enumerate(spans):
        head, tail = heads[index], heads[index + 1]
        covered = card if index == len(spans) - 1 else 0
        clear = Span(span.first + head, span.end - tail - covered)
        placed.append(Placed(index, span, Span(span.first - head, span.end + tail), clear, covered > 0))
    return Layout(film.fps, spans[-1].end, tuple(placed), tuple(_pieces(placed, card)))


def _spans(film: Film) -> list[Span]:
    spans: list[Span] = []
    for shot in film.shots:
        before = spans[-1].end if spans else 0
        if shot.start_frame != before:
            raise Unbuildable(f"{shot.shot_id}.start_frame: is {shot.start_frame}, the shot before ends at {before}")
        if shot.frames < 2:
            raise Unbuildable(f"{shot.shot_id}.frames: is {shot.frames}; a shot needs at least 2")
        spans.append(Span(before, before + shot.frames))
    if not spans:
        raise Unbuildable("shots: a film needs at least one")
    return spans


def _half_dissolve(film: Film, spans: list[Span], index: int) -> int:
    """Frames that the dissolve into this shot takes on each side of the cut; fewer where a shot is very short."""
    if index == 0 or film.shots[index].transition_in != "dissolve":
        return 0
    return min(DISSOLVE_FRAMES // 2, min(spans[index - 1].frames, spans[index].frames) // 3)


def _card_frames(film: Film, last: Span, head: int) -> int:
    if film.brand is None:
        return 0
    return min(round(film.brand.end_card_s * film.fps), last.frames - head)


def _pieces(placed: list[Placed], card: int) -> list[Piece]:
    pieces: list[Piece] = []
    for shot in placed:
        head = shot.clear.first - shot.span.first
        if head:
            pieces.append(Piece("dissolve", shot.index, Span(shot.span.first - head, shot.span.first + head)))
        if shot.clear.frames:
            pieces.append(Piece("body", shot.index, shot.clear))
    if card:
        end = placed[-1].span.end
        pieces.append(Piece("card", placed[-1].index, Span(end - card, end)))
    return pieces


@dataclass(frozen=True, slots=True)
class Pace:
    """How a take is read: output frame `i` of the shot's needed span shows take position `offset + i * step`.

    `stretch` is 1.0 where the take plays at its own speed and 1.5 where it lasts half as long again.
    """

    offset: float
    step: float
    stretch: float


def pace(needed: int, fps: int, take_frames: int, take_fps: float) -> Pace:
    """Read a take of `take_frames` at `take_fps` so that it fills `needed` frames at `fps`.

    A take that is long enough plays at its own speed, its middle in the middle; a shorter one is slowed evenly, so
    that no frame is ever held. Raises `Unbuildable` for a take of fewer than two frames (a still has no motion).
    """
    if take_frames < 2:
        raise Unbuildable(f"take: has {take_frames} frame; a cut needs moving pictures")
    steps = max(needed - 1, 1)
    natural = take_fps / fps
    spare = (take_frames - 1) - steps * natural
    if spare >= 0:
        return Pace(round(spare / 2, 6), round(natural, 6), 1.0)
    step = (take_frames - 1) / steps
    return Pace(0.0, round(step, 6), round(natural / step, 4))
