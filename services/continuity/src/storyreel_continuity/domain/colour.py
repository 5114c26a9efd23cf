"""Palette and exposure of frames, in CIELAB (D65) and stops. ΔE2000 is coloraide's, held against Sharma's published pairs."""

from collections.abc import Sequence

import cv2
import numpy as np
from coloraide import Color
from numpy.typing import NDArray

from storyreel_continuity.domain.readings import Swatch

Frame = NDArray[np.uint8]
Lab = NDArray[np.float32]
_GREY, _DARKEST = 0.18, 1e-4  # reflectance of the grey card; luminance below which nothing is told apart
_LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)
_BIN_LIGHTNESS, _BIN_CHROMA, _SWATCHES = 20.0, 14.0, 8
_BINS = 32  # per axis; a* and b* of sRGB stay within 110, so 16 bins to either side hold them


def lab_of(frame: Frame) -> Lab:
    """Pixels of an sRGB frame (h, w, 3) in CIELAB, (h*w, 3): L* 0..100, a*, b*."""
    lab = cv2.cvtColor(frame.astype(np.float32) / 255.0, cv2.COLOR_RGB2Lab)
    return lab.reshape(-1, 3).astype(np.float32, copy=False)


def exposure_of(frame: Frame) -> float:
    """Mean log luminance of an sRGB frame, in stops from 18 % grey."""
    code = np.arange(256, dtype=np.float32) / 255.0
    linear = np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4).astype(np.float32)
    luminance = linear[frame] @ _LUMINANCE
    return float(np.log2(np.maximum(luminance, _DARKEST)).mean() - np.log2(_GREY))


def swatches_of(lab: Lab) -> list[Swatch]:
    """The dominant colours of pixels (n, 3): fullest bins of a coarse histogram, each as the mean of its pixels."""
    cells = np.floor(lab / np.array([_BIN_LIGHTNESS, _BIN_CHROMA, _BIN_CHROMA], np.float32)).astype(np.int64) + _BINS // 2
    member = (cells[:, 0] * _BINS + cells[:, 1]) * _BINS + cells[:, 2]
    counts = np.bincount(member)
    fullest = [i for i in np.argsort(-counts, kind="stable")[:_SWATCHES] if counts[i]]
    sums = [np.bincount(member, lab[:, channel]) for channel in range(3)]
    means = [[float(total[i] / counts[i]) for total in sums] for i in fullest]
    return [
        Swatch(lightness=m[0], a=m[1], b=m[2], share=float(counts[i] / len(lab))) for i, m in zip(fullest, means, strict=True)
    ]


def delta_e(one: Sequence[float], other: Sequence[float]) -> float:
    """ΔE2000 of two colours, each (L*, a*, b*)."""
    return float(Color("lab-d65", list(one)).delta_e(Color("lab-d65", list(other)), method="2000"))


def lab_of_hex(colour: str) -> tuple[float, float, float]:
    """CIELAB (D65) of an sRGB colour such as #ff8800."""
    lightness, a, b = Color(colour).convert("lab-d65").coords()
    return lightness, a, b
