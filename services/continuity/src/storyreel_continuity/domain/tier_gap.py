"""How far a final is from its preview: structure and colour on a few frames at equal times. Called in a child by an adapter.

SSIM is that of Wang, Bovik, Sheikh and Simoncelli (IEEE Transactions on Image Processing 13(4), 2004): Gaussian window of
11 pixels, sigma 1.5, K1 0.01, K2 0.03, on luma. Colour is compared patch by patch, so that a moved edge is not a colour.
"""

from collections.abc import Sequence
from statistics import fmean

import cv2
import numpy as np
from numpy.typing import NDArray

from storyreel_continuity.domain.colour import delta_e, lab_of
from storyreel_continuity.domain.readings import Gap

Frame = NDArray[np.uint8]
Plane = NDArray[np.float64]
_FRAMES = 5
_WINDOW, _SIGMA = 11, 1.5
_C1, _C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
_PATCHES = 16  # along the wider side


def gap_of(final: Sequence[Frame], final_fps: float, preview: Sequence[Frame], preview_fps: float) -> Gap:
    """Gap of two takes of sRGB frames (h, w, 3). Raises ValueError if one has no frames."""
    if not final or not preview:
        raise ValueError("there are no frames to compare")
    lasts = min((len(final) - 1) / final_fps, (len(preview) - 1) / preview_fps)
    times = sorted({float(t) for t in np.linspace(0, lasts, _FRAMES)})
    pairs = [_alike(final[_at(t, final_fps)], preview[_at(t, preview_fps)]) for t in times]
    return Gap(ssim=fmean(ssim(a, b) for a, b in pairs), delta_e=fmean(_colour_apart(a, b) for a, b in pairs))


def ssim(one: Frame, other: Frame) -> float:
    """Mean structural similarity of two sRGB frames of one size, each side 11 pixels or more; 1 is equal."""
    x, y = _luma(one), _luma(other)
    mean_x, mean_y = _blurred(x), _blurred(y)
    var_x, var_y = _blurred(x * x) - mean_x**2, _blurred(y * y) - mean_y**2
    shared = _blurred(x * y) - mean_x * mean_y
    likeness = (2 * mean_x * mean_y + _C1) * (2 * shared + _C2)
    whole = (mean_x**2 + mean_y**2 + _C1) * (var_x + var_y + _C2)
    return float((likeness / whole).mean())


def _at(seconds: float, fps: float) -> int:
    return int(seconds * fps + 0.5)


def _alike(one: Frame, other: Frame) -> tuple[Frame, Frame]:
    """Both at the smaller one's size."""
    height, width = min(one.shape[:2], other.shape[:2], key=lambda size: size[0] * size[1])
    return _sized(one, width, height), _sized(other, width, height)


def _sized(frame: Frame, width: int, height: int) -> Frame:
    if frame.shape[:2] == (height, width):
        return frame
    return cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def _luma(frame: Frame) -> Plane:
    return cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY).astype(np.float64)


def _blurred(plane: Plane) -> Plane:
    """Gaussian mean at each pixel whose window lies inside the picture."""
    edge = _WINDOW // 2
    blurred = cv2.GaussianBlur(plane, (_WINDOW, _WINDOW), _SIGMA)
    return np.asarray(blurred[edge:-edge, edge:-edge], np.float64)


def _colour_apart(one: Frame, other: Frame) -> float:
    """Mean deltaE2000 over patches, each by its mean colour."""
    height, width = one.shape[:2]
    step = max(width, height) / _PATCHES
    columns, rows = max(1, round(width / step)), max(1, round(height / step))
    patches = (lab_of(_sized(frame, columns, rows)).tolist() for frame in (one, other))
    return fmean(delta_e(a, b) for a, b in zip(*patches, strict=True))
