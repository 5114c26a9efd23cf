"""How well the windows of a long shot hold together, measured on its pictures. Pure; called off the event loop."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from storyreel_renderer.domain.ports import Frames

NEAR = 8
_STILL = 0.25  # mean change per channel, in 8-bit levels, below which two frames count as equal: no usual change to divide by


def seam(frames: Frames, edges: Sequence[int]) -> float | None:
    """Largest change between frames at one of the `edges`, over the median change within `NEAR` frames of it.

    Frames are uint8 (frames, height, width, 3); edge `e` lies between frames e-1 and e. 1 is seamless; None without edges.
    """
    at = sorted({e for e in edges if 0 < e < len(frames)})
    return max((_ratio(frames, e, at) for e in at), default=None)


def _ratio(frames: Frames, edge: int, edges: Sequence[int]) -> float:
    near = range(max(1, edge - NEAR), min(len(frames), edge + NEAR + 1))
    usual = [_change(frames, i) for i in near if i not in edges]
    return _change(frames, edge) / max(float(np.median(usual)) if usual else 0.0, _STILL)


def _change(frames: Frames, i: int) -> float:
    return float(np.abs(frames[i].astype(np.int16) - frames[i - 1]).mean())
