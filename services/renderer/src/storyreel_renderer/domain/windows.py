"""Shots in windows: where they lie, and which smaller ones to try when memory ran out. Used by the payment and its seams."""

from collections.abc import Iterator

SHARES = (2, 4)


def smaller_windows(frames: int, overlap: int, step: int = 4) -> Iterator[int]:
    """Windows to try after `frames` at once were too many: half of them, then a quarter, as counts that the model makes.

    None where the model makes no windows (`overlap` 0) or a window would not be longer than what it shares with the next.
    """
    last = frames
    for share in SHARES if overlap else ():
        window = (frames // share - 1) // step * step + 1
        if overlap < window < last:
            last = window
            yield window


def starts(frames: int, window: int, overlap: int) -> list[int]:
    """First frame of each window of a shot; the last one is moved back so that it ends with the shot."""
    if not 0 < window < frames:
        return [0]
    return [*range(0, frames - window, window - overlap), frames - window]
