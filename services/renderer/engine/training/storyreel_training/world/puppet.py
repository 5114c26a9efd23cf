"""Puppets: sprites on joints. A character is painted once a clip and then moved like a paper figure."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from storyreel_training.world.paint import Pixels, Sheet

Affine = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Part:
    """A sprite (premultiplied RGBA) that turns about `pivot`; `to_units` maps its pixels to the figure's units."""

    name: str
    image: Pixels
    pivot: tuple[float, float]
    to_units: Affine

    @classmethod
    def of(cls, name: str, sheet: Sheet, pivot: tuple[float, float] = (0.0, 0.0)) -> "Part":
        """What was painted, cut out along its edges (`sheet.used`)."""
        x0, y0 = min(sheet.used[0], sheet.rgba.shape[1] - 1), min(sheet.used[1], sheet.rgba.shape[0] - 1)
        left, top = sheet.box[0] + x0 / sheet.scale, sheet.box[1] + y0 / sheet.scale
        image = sheet.image((x0, y0, max(sheet.used[2], x0 + 1), max(sheet.used[3], y0 + 1)))
        return cls(name, np.ascontiguousarray(image), pivot, affine(1 / sheet.scale, at=(left, top)))


@dataclass(frozen=True)
class Pose:
    """Where a figure is: offset in units, stretch in x and y about its feet, and the angle of each part in degrees."""

    x: float = 0.0
    y: float = 0.0
    wide: float = 1.0
    tall: float = 1.0
    lean: float = 0.0
    angles: tuple[tuple[str, float], ...] = ()


def affine(scale_x: float, scale_y: float | None = None, at: tuple[float, float] = (0.0, 0.0)) -> Affine:
    """A scaling followed by a shift, as a 3x3 matrix."""
    return np.array(((scale_x, 0.0, at[0]), (0.0, scale_x if scale_y is None else scale_y, at[1]), (0.0, 0.0, 1.0)))


def spin(degrees: float, about: tuple[float, float]) -> Affine:
    """A rotation about a point, clockwise on the screen."""
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    x, y = about
    return np.array(((c, -s, x - c * x + s * y), (s, c, y - s * x - c * y), (0.0, 0.0, 1.0)))


def draw_puppet(frame: Pixels, parts: list[Part], pose: Pose, to_screen: Affine) -> None:
    """Put every part of the figure onto the frame, in the order of the list."""
    angles = dict(pose.angles)
    root = to_screen @ affine(pose.wide, pose.tall, (pose.x, pose.y)) @ spin(pose.lean, (0.0, 0.0))
    for part in parts:
        joint = spin(angles[part.name], part.pivot) if angles.get(part.name) else np.eye(3)
        put(frame, part.image, root @ joint @ part.to_units)


def put(frame: Pixels, image: Pixels, matrix: Affine) -> None:
    """Lay a premultiplied RGBA image over the frame through an affine map from its pixels to the frame's."""
    height, width = image.shape[:2]
    edge = matrix @ np.array(((0, width, 0, width), (0, 0, height, height), (1, 1, 1, 1)), np.float64)
    x0, x1 = max(0, int(edge[0].min()) - 1), min(frame.shape[1], int(edge[0].max()) + 2)
    y0, y1 = max(0, int(edge[1].min()) - 1), min(frame.shape[0], int(edge[1].max()) + 2)
    if x1 <= x0 or y1 <= y0:
        return
    local = matrix[:2].copy()
    local[:, 2] -= (x0, y0)
    laid = cv2.warpAffine(image, local, (x1 - x0, y1 - y0), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    blend(frame[y0:y1, x0:x1], np.asarray(laid, np.uint8))


def blend(target: Pixels, laid: Pixels) -> None:
    """`target = laid + target * (1 - alpha)`, in place, uint8."""
    through = cv2.cvtColor(cv2.bitwise_not(cv2.extractChannel(laid, 3)), cv2.COLOR_GRAY2RGB)
    kept = cv2.multiply(target, through, scale=1 / 255)
    cv2.add(kept, cv2.cvtColor(laid, cv2.COLOR_RGBA2RGB), dst=kept)
    target[...] = kept
