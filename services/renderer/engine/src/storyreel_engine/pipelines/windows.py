"""Long shots: how they are cut into windows, how overlapping windows are weighed, and how visible a seam is.

Pure arithmetic on numbers and arrays. Called by `base` when a job is prepared and for every window's pass.
"""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from storyreel_engine.pipelines.state import Window


def overlapping(length: int, size: int, overlap: int) -> tuple[Window, ...]:
    """Windows of equal `size` over `length` latent frames, neighbours sharing at least `overlap`.

    All have one size, so that they have one cost and may share a batch; what is left over makes overlaps wider, not a
    window shorter.

    Raises:
        ValueError: no size, or an overlap that leaves no way forward.
    """
    if size < 1 or not 0 <= overlap < size:
        raise ValueError(f"windows of {size} with an overlap of {overlap} do not cover anything")
    if length <= size:
        return (Window(0, length),)
    count = math.ceil((length - overlap) / (size - overlap))
    starts = [round(i * (length - size) / (count - 1)) for i in range(count)]
    return tuple(Window(start, start + size) for start in starts)


def weights(windows: Sequence[Window], index: int) -> torch.Tensor:
    """How much window `index` says about each of its latent frames: shape (size,), all windows' sum to 1 at every frame.

    Towards a neighbour the say fades with a raised cosine over all that they share.
    """
    length = windows[-1].stop
    total = torch.zeros(length, dtype=torch.float64)
    for i in range(len(windows)):
        total[windows[i].start : windows[i].stop] += _fade(windows, i)
    window = windows[index]
    return (_fade(windows, index) / total[window.start : window.stop]).to(torch.float32)


def chained(frames: int, size: int, factor: int) -> tuple[int, ...]:
    """Pictures of each link when every link starts from the last picture of the one before; each is 1 more than a multiple of
    `factor`, and links are about equally long.

    Raises:
        ValueError: a size in which nothing moves.
    """
    if frames <= size:
        return (frames,)
    if size <= factor:
        raise ValueError(f"links of {size} frames lead nowhere; {factor + 1} is the least")
    groups, most = (frames - 1) // factor, (size - 1) // factor
    count = math.ceil(groups / most)
    return tuple((groups // count + (1 if i < groups % count else 0)) * factor + 1 for i in range(count))


def seam_ratio(frames: npt.NDArray[np.uint8], seams: Sequence[int]) -> float:
    """How much stronger the picture changes at its worst seam than it usually does.

    `frames` has shape (frames, height, width, channels); a seam is the index of the first picture after it. The change is
    the mean absolute difference of neighbouring pictures, the usual one the median over all that are not at a seam.

    Raises:
        ValueError: no seam, or a film that does not move (nothing to compare with).
    """
    changes = np.abs(np.diff(frames.astype(np.float32), axis=0)).mean(axis=(1, 2, 3))
    at = [seam - 1 for seam in seams]
    usual = float(np.median(np.delete(changes, at)))
    if not at or usual == 0.0:
        raise ValueError("no seam, or nothing moves: there is nothing to compare")
    return float(changes[at].max()) / usual


def _fade(windows: Sequence[Window], index: int) -> torch.Tensor:
    window = windows[index]
    fade = torch.ones(window.stop - window.start, dtype=torch.float64)
    if index > 0 and (shared := windows[index - 1].stop - window.start) > 0:
        fade[:shared] *= _rise(shared)
    if index + 1 < len(windows) and (shared := window.stop - windows[index + 1].start) > 0:
        fade[-shared:] *= _rise(shared).flip(0)
    return fade


def _rise(count: int) -> torch.Tensor:
    places = (torch.arange(count, dtype=torch.float64) + 0.5) / count
    return 0.5 - 0.5 * torch.cos(math.pi * places)
