"""Measures on pixels, without a network: which paint the subject has, and how the camera moved."""

from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np

from storyreel_training.world.facts import INDOORS, Facts
from storyreel_training.world.light import PAINTS, light_of, mix, tint
from storyreel_training.world.paint import Pixels
from storyreel_training.world.scene import indoors

_NEAR = 17.0
"""Lab units; two paints of the world are further apart."""
_SHOWS = 0.05
MOVES, ZOOMS = 0.05, 0.05
"""Shares of the frame's width and size below which a camera counts as still."""


def told_colour(picture: Pixels, facts: Facts) -> str:
    """The paint of the subject: the one that the middle has most of beyond what the picture's edges have.

    Each paint is looked for as it appears in the light that the prompt asked for. White and black count only where no
    other paint shows, since bellies, plinths and soles are white and screens and lenses black.
    """
    height, width = picture.shape[:2]
    middle = np.s_[height // 5 : height * 9 // 10, width * 3 // 10 : width * 7 // 10]
    lab = cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    light = light_of(facts.time, facts.weather)
    light = indoors(light) if facts.setting in INDOORS else light
    nearest = np.full((height, width), _NEAR, np.float32)
    label = np.full((height, width), -1)
    for i, paint in enumerate(PAINTS.values()):
        lights = (light.key, mix(light.key, light.fill, 0.5))
        lit = np.array([[tint(paint, share) for share in lights]], np.float32).clip(0, 255) / np.float32(255)
        away = np.min([np.linalg.norm(lab - seen, axis=2) for seen in cv2.cvtColor(lit, cv2.COLOR_RGB2LAB)[0]], 0)
        label = np.where(away < nearest, i, label)
        nearest = np.minimum(away, nearest)
    edges = label[:, np.r_[0 : width // 8, width * 7 // 8 : width]]
    extra = {n: float((label[middle] == i).mean() - (edges == i).mean()) for i, n in enumerate(PAINTS)}
    coloured = {n: share for n, share in extra.items() if n not in {"white", "black"} and share > _SHOWS}
    found = coloured or {n: extra[n] for n in ("white", "black")}
    return max(found, key=lambda n: found[n])


@dataclass(frozen=True)
class Move:
    """The picture's change over a clip: shift to the right and growth, as shares of the frame's width and size."""

    shift: float
    growth: float

    @property
    def name(self) -> str:
        """The camera move that this is; one that tracks reads "static", for its subject stays."""
        if abs(self.growth) > ZOOMS and abs(self.growth) > abs(self.shift):
            return "push in" if self.growth > 0 else "pull out"
        if abs(self.shift) > MOVES:
            return "pan left" if self.shift > 0 else "pan right"
        return "static"


def camera_move(clip: Pixels) -> Move:
    """How the whole picture moved, from points followed frame by frame; the subject's own movement is outvoted."""
    shift, growth = 0.0, 1.0
    width = clip.shape[2]
    grey = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in clip]
    for before, after in pairwise(grey):
        points = cv2.goodFeaturesToTrack(before, 150, 0.005, 5)
        if points is None:
            continue
        found, good, _ = cv2.calcOpticalFlowPyrLK(before, after, points, points.copy(), winSize=(15, 15))
        kept = good.ravel() == 1
        if kept.sum() < 6:
            continue
        matrix, _ = cv2.estimateAffinePartial2D(points[kept], found[kept], method=cv2.RANSAC, ransacReprojThreshold=0.6)
        if matrix is None:
            continue
        centre = np.array((width / 2, clip.shape[1] / 2, 1))
        shift += float((matrix @ centre)[0] - centre[0])
        growth *= float(np.hypot(matrix[0, 0], matrix[1, 0]))
    return Move(shift / width, growth - 1)
