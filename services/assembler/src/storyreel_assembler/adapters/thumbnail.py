"""The picture that stands for the film: its sharpest, best-exposed frame, not its first."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from storyreel_assembler.adapters.video import Material, Reel, draw
from storyreel_assembler.domain.film import Size
from storyreel_assembler.domain.recipe import Recipe

STRIDE = 6
EDGE_FRAMES = 3
MOST_SHOTS = 12
QUALITY = 90


@dataclass(frozen=True, slots=True)
class Choice:
    """A frame of a segment and how good it is."""

    recipe: Recipe
    frame: int
    score: float


def write_thumbnail(bodies: list[Recipe], material: Material, target: Path) -> Choice:
    """Choose among the bodies of the shots, without their captions, and write a JPEG at the film's size."""
    sample = bodies[:: max(1, len(bodies) // MOST_SHOTS)]
    best = max((choice for recipe in sample for choice in _scored(recipe, material)), key=lambda choice: choice.score)
    plain = replace(best.recipe, cues=(), accent="", subject=None)
    picture = next(p for i, p in enumerate(draw(plain, material)) if i == best.frame)
    Image.fromarray(picture).save(target, "JPEG", quality=QUALITY, optimize=True)
    return best


def _scored(recipe: Recipe, material: Material) -> Iterator[Choice]:
    """Every sixth frame away from the cuts, looked at in a quarter of the size."""
    small = Size(recipe.size.width // 4, recipe.size.height // 4)
    edge = min(EDGE_FRAMES, (recipe.frames - 1) // 2)
    with Reel(recipe.source, small, material) as reel:
        for index in range(edge, max(recipe.frames - edge, edge + 1), STRIDE):
            yield Choice(recipe, index, score(reel.frame(index)))


def score(picture: NDArray[np.uint8]) -> float:
    """Sharpness (spread of the Laplacian, logarithmic) times exposure (near middle grey, little clipped, some contrast)."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
    sharp = float(np.log1p(cv2.Laplacian(grey, cv2.CV_64F).var()))
    light = float(grey.mean()) / 255
    clipped = float(((grey < 6) | (grey > 249)).mean())
    exposed = float(np.exp(-(((light - 0.48) / 0.25) ** 2)))
    return sharp * exposed * (1 - clipped) * min(1.0, float(grey.std()) / 32)
