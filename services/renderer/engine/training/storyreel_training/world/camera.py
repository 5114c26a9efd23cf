"""Where the camera is at every moment, and where a walker is that it may follow; functions of time in seconds."""

from dataclasses import dataclass

import numpy as np

from storyreel_training.world.facts import FPS, FRAME, FRAMES, NONE, Facts
from storyreel_training.world.puppet import Affine, affine

SECONDS = (FRAMES - 1) / FPS
# Pixels a unit as a share of the frame's height (16:9) or width (9:16), and where the ground line lies in the frame.
_ZOOM = {
    "16:9": {"wide": 0.60, "medium": 0.82, "close-up": 1.42},
    "9:16": {"wide": 0.80, "medium": 1.12, "close-up": 1.55},
}
_TOGETHER = {"16:9": {"wide": 0.60, "medium": 0.78}, "9:16": {"wide": 0.56, "medium": 0.64}}
_ALONE = {
    "16:9": {"wide": 0.60, "medium": 0.82, "close-up": 1.04},
    "9:16": {"wide": 0.62, "medium": 0.80, "close-up": 0.98},
}
_GROUND = {
    "16:9": {"wide": 0.87, "medium": 1.0, "close-up": 1.56},
    "9:16": {"wide": 0.76, "medium": 0.86, "close-up": 1.18},
}
_PRODUCT_GROUND = {
    "16:9": {"wide": 0.84, "medium": 0.92, "close-up": 1.04},
    "9:16": {"wide": 0.72, "medium": 0.76, "close-up": 0.80},
}


@dataclass(frozen=True)
class View:
    """The camera at one moment: centre in units, pixels a unit; and the zoom that backgrounds are painted for."""

    x: float
    y: float
    zoom: float
    base_y: float
    base_zoom: float
    frame: tuple[int, int]

    def layer(self, depth: float) -> Affine:
        """Units to pixels for what moves `depth` (0 the sky, 1 the subject) as much as the subject does."""
        zoom = self.base_zoom * (self.zoom / self.base_zoom) ** depth
        x, y = self.x * depth, self.base_y + (self.y - self.base_y) * depth
        return affine(zoom, at=(self.frame[0] / 2 - zoom * x, self.frame[1] / 2 - zoom * y))


def view_at(facts: Facts, seconds: float) -> View:
    """Where the camera is `seconds` into the clip."""
    width, height = frame = FRAME[facts.aspect]
    side = height if facts.aspect == "16:9" else width
    together = NONE not in {facts.character, facts.product}
    sizes = _TOGETHER if together else _ALONE if facts.character == NONE else _ZOOM
    still, base = side * sizes[facts.aspect][facts.size], side * sizes[facts.aspect]["wide"]
    grounds = _PRODUCT_GROUND if facts.character == NONE else _GROUND
    u = _ease(seconds / SECONDS)
    zoom, x = still, 0.0
    if facts.camera == "push in":
        zoom = still * (0.92 + 0.3 * u)
    elif facts.camera == "pull out":
        zoom = still * (1.22 - 0.3 * u)
    elif facts.camera in {"pan left", "pan right"}:
        reach = width / still * 0.3
        x = (u - 0.5) * reach * (1 if facts.camera == "pan right" else -1)
    elif facts.camera == "track":
        x = walked(facts, seconds)
    focus = 0.68 if facts.size == "close-up" and facts.character != NONE else 0.5
    ground = grounds[facts.aspect][facts.size]
    # The zoom keeps the subject's middle where it is.
    y = (0.5 - ground) * height / still
    middle = -focus
    y = middle + (y - middle) * still / zoom
    base_y = (0.5 - grounds[facts.aspect]["wide"]) * height / base
    return View(x, y, zoom, base_y, base, frame)


def _ease(u: float) -> float:
    return u - 0.12 / np.pi * float(np.sin(2 * np.pi * u))


def walked(facts: Facts, seconds: float) -> float:
    """Where a walker is: it crosses the middle half-way; slower where the frame is narrow."""
    pace = 0.85 if facts.camera == "track" else {"wide": 0.36, "medium": 0.22, "close-up": 0.12}[facts.size]
    if facts.aspect == "9:16" and facts.camera != "track":
        pace *= 0.6
    return pace * (seconds - SECONDS / 2)
