"""Which part of a take stands in the picture: a crop around the subject, or the whole subject on a soft field."""

from dataclasses import dataclass

from storyreel_assembler.domain.film import WHOLE, Box, Size

CENTRE = Box(0.25, 0.15, 0.75, 0.85)
AIR = 1.08


@dataclass(frozen=True, slots=True)
class Window:
    """The part of a take (in its pixels) that is shown at `place` (fractions of the output); the rest is its own blur."""

    x0: float
    y0: float
    x1: float
    y1: float
    place: Box = WHOLE


def cover(source: Size, target: Size, subject: Box | None) -> Window:
    """The largest window of the target's shape inside the source, as near to the subject's middle as the edges allow."""
    box = subject or CENTRE
    shape = target.width / target.height
    width = min(float(source.width), source.height * shape)
    height = width / shape
    x0 = _clamp((box.x0 + box.x1) / 2 * source.width - width / 2, source.width - width)
    y0 = _clamp((box.y0 + box.y1) / 2 * source.height - height / 2, source.height - height)
    return Window(round(x0, 3), round(y0, 3), round(x0 + width, 3), round(y0 + height, 3))


def compose(source: Size, target: Size, subject: Box | None) -> Window:
    """`cover`, unless it would cut the subject's sides off: then the subject's whole width on a field of its own blur."""
    window = cover(source, target, subject)
    if subject is None:
        return window
    wanted = min((subject.x1 - subject.x0) * source.width * AIR, float(source.width))
    if wanted <= window.x1 - window.x0 + 0.5:
        return window
    x0 = _clamp((subject.x0 + subject.x1) / 2 * source.width - wanted / 2, source.width - wanted)
    part = (source.height / wanted) * (target.width / target.height)
    place = Box(0.0, round((1 - part) / 2, 6), 1.0, round((1 + part) / 2, 6))
    return Window(round(x0, 3), 0.0, round(x0 + wanted, 3), float(source.height), place)


def seen(subject: Box | None, source: Size, window: Window) -> Box | None:
    """Where the subject stands in the output picture, in its fractions; None when the plan names no subject."""
    if subject is None:
        return None

    def across(value: float) -> float:
        inside = (value * source.width - window.x0) / (window.x1 - window.x0)
        return window.place.x0 + min(max(inside, 0.0), 1.0) * (window.place.x1 - window.place.x0)

    def down(value: float) -> float:
        inside = (value * source.height - window.y0) / (window.y1 - window.y0)
        return window.place.y0 + min(max(inside, 0.0), 1.0) * (window.place.y1 - window.place.y0)

    return Box(across(subject.x0), down(subject.y0), across(subject.x1), down(subject.y1))


def _clamp(value: float, limit: float) -> float:
    return min(max(value, 0.0), max(limit, 0.0))
