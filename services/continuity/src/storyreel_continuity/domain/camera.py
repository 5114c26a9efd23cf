"""Camera motion of a take: points tracked forth and back, a similarity fitted through them. Noise has no camera.

A pair of frames counts only if enough points are found again where they came from and most of them agree; a take counts
only if enough of its pairs do. Otherwise the motion is absent, never zero.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from storyreel_continuity.domain.readings import Motion

Grey = NDArray[np.uint8]
Points = NDArray[np.float32]
_POINTS, _LEAST_POINTS = 200, 24
_THERE_AND_BACK_PX = 0.5  # a point that does not return this close was never tracked
_FOUND_SHARE, _AGREE_SHARE, _PAIRS_SHARE = 0.5, 0.7, 0.5
_AGREE_PX = 1.0


@dataclass(frozen=True)
class _Shift:
    right: float  # pixels at the centre
    down: float
    scale: float
    support: float


def motion_of(frames: Sequence[Grey], seconds_apart: float) -> Motion | None:
    """Median motion over consecutive frames (h, w), equally spaced in time; None where it cannot be measured."""
    shifts = [_shift(a, b) for a, b in pairwise(frames)]
    sure = [s for s in shifts if s]
    if not shifts or len(sure) < max(1, _PAIRS_SHARE * len(shifts)):
        return None
    per_second = 100.0 / seconds_apart
    width = frames[0].shape[1]
    return Motion(
        right=float(np.median([s.right for s in sure])) / width * per_second,
        down=float(np.median([s.down for s in sure])) / width * per_second,
        zoom=(float(np.median([s.scale for s in sure])) - 1.0) * per_second,
        support=float(np.median([s.support for s in sure])),
    )


def _shift(first: Grey, second: Grey) -> _Shift | None:
    tracked = _tracked(first, second)
    if tracked is None:
        return None
    source, target = tracked
    matrix, agree = cv2.estimateAffinePartial2D(
        source, target, method=cv2.RANSAC, ransacReprojThreshold=_AGREE_PX, maxIters=500, confidence=0.99
    )
    if matrix is None or agree.mean() < _AGREE_SHARE:
        return None
    height, width = first.shape
    centre = np.array([width / 2, height / 2])
    moved = matrix[:, :2] @ centre + matrix[:, 2] - centre
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    return _Shift(float(moved[0]), float(moved[1]), scale, float(agree.mean()))


def _tracked(first: Grey, second: Grey) -> tuple[Points, Points] | None:
    """Points of the first frame and where they went, as far as they find their way back."""
    points = cv2.goodFeaturesToTrack(first, maxCorners=_POINTS, qualityLevel=0.01, minDistance=5)
    if points is None or len(points) < _LEAST_POINTS:
        return None
    forth, there, _ = cv2.calcOpticalFlowPyrLK(first, second, points, np.zeros_like(points))
    back, again, _ = cv2.calcOpticalFlowPyrLK(second, first, forth, np.zeros_like(points))
    error = np.linalg.norm((back - points).reshape(-1, 2), axis=1)
    found = (error < _THERE_AND_BACK_PX) & there.reshape(-1).astype(bool) & again.reshape(-1).astype(bool)
    if found.sum() < max(_LEAST_POINTS, _FOUND_SHARE * len(points)):
        return None
    return points.reshape(-1, 2)[found], forth.reshape(-1, 2)[found]
