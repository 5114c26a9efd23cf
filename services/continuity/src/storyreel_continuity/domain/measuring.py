"""A take's frames to its reading. Called in a child process by an adapter."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from storyreel_continuity.domain.camera import motion_of
from storyreel_continuity.domain.colour import exposure_of, lab_of, swatches_of
from storyreel_continuity.domain.readings import Reading

Frame = NDArray[np.uint8]
_COLOUR_FRAMES, _COLOUR_WIDTH = 12, 160
_PAIRS_PER_SECOND, _MOST_PAIRS, _MOTION_WIDTH = 8, 32, 320


def reading_of(frames: Sequence[Frame], fps: float) -> Reading:
    """Reading of sRGB frames (h, w, 3). Raises ValueError if there is none."""
    if not frames:
        raise ValueError("there are no frames to measure")
    chosen = [_sized(frames[i], _COLOUR_WIDTH) for i in _spread(len(frames), _COLOUR_FRAMES)]
    lab = np.concatenate([lab_of(frame) for frame in chosen])
    lightness, a, b = (float(v) for v in lab.mean(axis=0))
    step = max(1, round(fps / _PAIRS_PER_SECOND))
    greys = [_grey(_sized(frame, _MOTION_WIDTH)) for frame in frames[::step][: _MOST_PAIRS + 1]]
    return Reading(
        lightness=lightness,
        a=a,
        b=b,
        exposure=float(np.mean([exposure_of(frame) for frame in chosen])),
        swatches=swatches_of(lab),
        motion=motion_of(greys, step / fps),
    )


def _spread(count: int, most: int) -> list[int]:
    return sorted({int(i) for i in np.linspace(0, count - 1, min(count, most))})


def _grey(frame: Frame) -> Frame:
    return cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY).astype(np.uint8, copy=False)


def _sized(frame: Frame, width: int) -> Frame:
    if frame.shape[1] <= width:
        return frame
    height = max(1, round(frame.shape[0] * width / frame.shape[1]))
    return cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
