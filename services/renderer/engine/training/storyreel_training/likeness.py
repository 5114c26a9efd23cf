"""How much alike pictures are to the reader: a preview and its final, one subject in two shots; against strangers.

A number alone says little, so each pair is measured against a pair of different prompts of the same shape.
"""

from itertools import pairwise

import numpy as np
import torch
from torch import nn

from storyreel_training.reader import Reader, pictures
from storyreel_training.world.paint import Pixels


def impression(reader: Reader, frame: Pixels, *, middle: bool = False) -> torch.Tensor:
    """What the reader makes of one frame; of its `middle` only, where the subject is, that a place counts less."""
    height, width = frame.shape[:2]
    seen = frame[height // 8 :, width // 4 : -width // 4] if middle else frame
    with torch.no_grad():
        return reader.impression(pictures(seen[None]))[0]


def compare(pairs: list[tuple[torch.Tensor, torch.Tensor]]) -> dict[str, float]:
    """How alike pairs are against strangers: the first of one pair with the second of the next.

    `alike` and `strangers` are mean cosines of impressions less their common mean; `nearer` the share of pairs that are more
    alike than both strangers next to them (a third by chance).

    Raises:
        ValueError: fewer than two pairs.
    """
    if len(pairs) < 2:
        raise ValueError("strangers need two pairs at least")
    mean = torch.stack([one for pair in pairs for one in pair]).mean(0)
    alike = [_cosine(a - mean, b - mean) for a, b in pairs]
    ring = [*pairs, pairs[0]]
    strangers = [_cosine(before[0] - mean, after[1] - mean) for before, after in pairwise(ring)]
    nearer = [
        own > max(other, former) for own, other, former in zip(alike, strangers, [strangers[-1], *strangers], strict=False)
    ]
    return {n: round(float(np.mean(v)), 3) for n, v in (("alike", alike), ("strangers", strangers), ("nearer", nearer))}


def _cosine(a: torch.Tensor, b: torch.Tensor) -> float:
    return float(nn.functional.cosine_similarity(a, b, dim=0))


def psnr(a: Pixels, b: Pixels) -> float:
    """Peak signal to noise of two frames, in dB."""
    return float(10 * np.log10(255**2 / max(1e-9, np.square(a.astype(np.float32) - b).mean())))
