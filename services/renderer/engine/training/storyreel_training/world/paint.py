"""Painting: soft-shaded shapes on a transparent sheet, measured in scene units (1 is a character's height, y downwards)."""

from dataclasses import dataclass, field

import cv2
import numpy as np
import numpy.typing as npt

from storyreel_training.world.light import INK, Light, Rgb, row

Array = npt.NDArray[np.float32]
Pixels = npt.NDArray[np.uint8]
Points = npt.NDArray[np.float32]
_SUB = 4  # cv2 draws with sixteenths of a pixel
_TOWARDS_LIGHT = (-0.55, -0.83)


@dataclass
class Sheet:
    """A canvas over `box` (x0, y0, x1, y1 in units) at `scale` pixels a unit; `rgba` is premultiplied, 0 to 255."""

    box: tuple[float, float, float, float]
    scale: float
    light: Light
    style: str = "animation"
    rgba: Array = field(init=False)
    used: tuple[int, int, int, int] = field(init=False)

    def __post_init__(self) -> None:
        x0, y0, x1, y1 = self.box
        self.used = (1 << 30, 1 << 30, 0, 0)
        self.rgba = np.zeros((max(1, round((y1 - y0) * self.scale)), max(1, round((x1 - x0) * self.scale)), 4), np.float32)

    def add(self, points: Points, paint: Rgb, *, relief: float = 1.0, glow: bool = False, outline: bool = True) -> None:
        """Paint a closed shape. `relief` 0 is flat, 1 round; `glow` shines by itself; outlines exist in comics only."""
        where = (np.asarray(points, np.float32) - vector(*self.box[:2])) * np.float32(self.scale)
        ink = self.style == "comic" and outline
        margin = 3 if ink else 1
        height, width = self.rgba.shape[:2]
        x0, y0 = np.maximum(np.floor(where.min(0)).astype(int) - margin, 0)
        x1, y1 = np.minimum(np.ceil(where.max(0)).astype(int) + margin + 1, (width, height))
        if x1 <= x0 or y1 <= y0:
            return
        a, b, c, d = self.used
        self.used = (min(a, int(x0)), min(b, int(y0)), max(c, int(x1)), max(d, int(y1)))
        mask = np.zeros((y1 - y0, x1 - x0), np.uint8)
        corners = np.round((where - vector(x0, y0)) * (1 << _SUB)).astype(np.int32)
        cv2.fillPoly(mask, [np.asarray(corners)], 255, cv2.LINE_AA, _SUB)
        target = self.rgba[y0:y1, x0:x1]
        if ink:
            thick = max(2, round(self.scale * 0.022))
            line = np.zeros_like(mask)
            cv2.polylines(line, [np.asarray(corners)], True, 255, thick, cv2.LINE_AA, _SUB)
            over(target, np.asarray(line / np.float32(255), np.float32), row(INK))
        over(target, np.asarray(mask / np.float32(255), np.float32), self._lit(mask, paint, relief, glow))

    def spread(self, pixels: int | None = None) -> None:
        """Say that blurring has carried paint so far beyond the shapes; None for the whole sheet."""
        height, width = self.rgba.shape[:2]
        if pixels is None:
            self.used = (0, 0, width, height)
        elif self.used[2]:
            x0, y0, x1, y1 = self.used
            self.used = (max(0, x0 - pixels), max(0, y0 - pixels), min(width, x1 + pixels), min(height, y1 + pixels))

    def _lit(self, mask: Pixels, paint: Rgb, relief: float, glow: bool) -> Array:
        base = row(paint)
        if glow:
            return base
        key, fill = base * row(self.light.key), base * row(self.light.fill)
        if relief <= 0 or min(mask.shape) < 5:
            return np.asarray(key * 0.9 + fill * 0.1, np.float32)
        turn = bulge(mask) * np.float32(relief)
        if self.style == "comic":
            edge = np.clip((turn + np.float32(0.2)) * 8, 0, 1)  # two tones with a soft step between them
            turn = np.float32(-0.62) + np.float32(0.74) * edge
        shade = np.clip(-turn, 0, 1)[..., None]
        shine = np.clip(turn, 0, 1)[..., None]
        lit = key + (fill - key) * shade
        return np.asarray(lit + (255 * row(self.light.key) - lit) * shine * np.float32(0.34), np.float32)

    def image(self, part: tuple[int, int, int, int] | None = None) -> Pixels:
        """The sheet, or the part of it between x0, y0, x1, y1 in pixels, as premultiplied uint8 RGBA."""
        x0, y0, x1, y1 = part or (0, 0, self.rgba.shape[1], self.rgba.shape[0])
        cut = self.rgba[y0:y1, x0:x1]
        rgba: Pixels = np.clip(cut + np.float32(0.5), 0, 255).astype(np.uint8)
        return rgba


def over(target: Array, cover: Array, colour: Array) -> None:
    """Put `colour` over the premultiplied `target` where `cover` (0 to 1) says."""
    c = cover[..., None]
    target *= 1 - c
    target[..., :3] += colour * c
    target[..., 3:] += 255 * c


def bulge(mask: Pixels) -> Array:
    """How far a shape, thought of as a cushion, turns towards (1) or away from (-1) the light; same shape as `mask`."""
    reach = max(3, int(min(mask.shape) * 0.42)) | 1
    padded = cv2.copyMakeBorder(mask, reach, reach, reach, reach, cv2.BORDER_CONSTANT, value=0).astype(np.float32)
    height = cv2.blur(cv2.blur(padded, (reach, reach)), (reach, reach))
    dx, dy = _TOWARDS_LIGHT
    side = np.array(((-dx - dy, -2 * dy, dx - dy), (-2 * dx, 0, 2 * dx), (-dx + dy, 2 * dy, dx + dy)), np.float32)
    slope = cv2.filter2D(height, -1, side)[reach:-reach, reach:-reach]
    turned: Array = np.clip(-slope * np.float32(reach / 255 / 8 * 1.15), -1, 1)
    return turned


def vector(*values: float) -> Array:
    """Numbers as a float32 array."""
    return np.array(values, np.float32)


def oval(x: float, y: float, rx: float, ry: float, turn: float = 0.0) -> Points:
    """An ellipse; `turn` in degrees, clockwise."""
    a = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    p = np.stack((np.cos(a) * rx, np.sin(a) * ry), 1)
    return turned(p, turn) + vector(x, y)


def limb(a: tuple[float, float], b: tuple[float, float], ra: float, rb: float) -> Points:
    """A capsule from `a` to `b` with a radius at each end."""
    start, end = np.array(a), np.array(b)
    angle = float(np.arctan2(b[1] - a[1], b[0] - a[0]))
    near = angle + np.linspace(np.pi / 2, 3 * np.pi / 2, 12)
    far = angle + np.linspace(-np.pi / 2, np.pi / 2, 12)
    first = start + ra * np.stack((np.cos(near), np.sin(near)), 1)
    last = end + rb * np.stack((np.cos(far), np.sin(far)), 1)
    return np.concatenate((first, last)).astype(np.float32)


def block(x: float, y: float, w: float, h: float, round_by: float = 0.0) -> Points:
    """A rectangle centred at (x, y) with rounded corners."""
    r = min(round_by, w / 2, h / 2)
    a = np.linspace(0, np.pi / 2, 6)
    arc = np.stack((np.cos(a), np.sin(a)), 1) * r
    parts = []
    for quarter, (sx, sy) in enumerate(((1, 1), (-1, 1), (-1, -1), (1, -1))):
        parts.append(turned(arc, quarter * 90) + vector(x + sx * (w / 2 - r), y + sy * (h / 2 - r)))
    return np.concatenate(parts).astype(np.float32)


def curve(*through: tuple[float, float]) -> Points:
    """A closed smooth shape near the given points (Chaikin, three times)."""
    p = np.asarray(through, np.float32)
    for _ in range(3):
        after = np.roll(p, -1, 0)
        p = np.stack((p * 0.75 + after * 0.25, p * 0.25 + after * 0.75), 1).reshape(-1, 2)
    return p


def corners(*through: tuple[float, float]) -> Points:
    """A polygon."""
    return np.asarray(through, np.float32)


def turned(points: npt.NDArray[np.floating], degrees: float) -> Points:
    """Rotated about the origin, clockwise on the screen."""
    c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    return np.asarray(points @ np.array(((c, s), (-s, c))), np.float32)
