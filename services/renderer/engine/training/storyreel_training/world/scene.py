"""One clip, from facts and a seed to frames: the world's only entrance for those who want pictures."""

from dataclasses import dataclass

import cv2
import numpy as np

from storyreel_training.world import finish
from storyreel_training.world.camera import View, view_at
from storyreel_training.world.facts import FPS, FRAMES, INDOORS, NONE, Facts
from storyreel_training.world.figures import Costume, figure
from storyreel_training.world.light import Light, light_of, mix, row, scale, tint
from storyreel_training.world.paint import Pixels, Sheet, block, curve, limb, oval, vector
from storyreel_training.world.places import PLACES
from storyreel_training.world.poses import figure_pose, product_pose
from storyreel_training.world.products import product, stream
from storyreel_training.world.puppet import Affine, Part, Pose, affine, draw_puppet, put
from storyreel_training.world.sky import Stage, sky

_CLOUDS = {"clear": 0.0, "cloudy": 0.8, "rain": 0.9, "snow": 0.7, "fog": 0.6}
DEPTH_FAR, DEPTH_MIDDLE = 0.3, 0.62
_PLINTH: tuple[float, float, float] = (236, 226, 214)


@dataclass(frozen=True)
class Placed:
    """A puppet with its place (units) and size, and its soft shadow."""

    parts: list[Part]
    x: float
    y: float
    size: float

    def at(self, view: View) -> Affine:
        """The puppet's own units to pixels."""
        return view.layer(1.0) @ affine(self.size, at=(self.x, self.y))


class Scene:
    """A painted stage, ready to be filmed at any moment. Painting is most of a still's time, filming most of a clip's."""

    def __init__(self, facts: Facts, seed: int, detail: float = 1.0) -> None:
        """`detail` multiplies the frame's size (6.67 for the upsampler's 1280 x 720)."""
        self.facts, self.detail = facts, detail
        rng = np.random.default_rng(seed)
        self._light = light_of(facts.time, facts.weather)
        self._views = [self._view(0.0), self._view((FRAMES - 1) / FPS)]
        self._far, self._middle, self._ground = self._paint_stage(rng)
        self._shadow = self._paint_shadow()
        self._cast = self._paint_cast(rng)
        self._finish = finish.Finish(facts, self._light, self._views[0].frame, rng)

    def still(self) -> Pixels:
        """The clip's first frame, uint8 (height, width, 3), RGB."""
        return self.frame(0)

    def clip(self) -> Pixels:
        """All frames, uint8 (frames, height, width, 3), RGB."""
        return np.stack([self.frame(i) for i in range(FRAMES)])

    def still_and_cover(self) -> tuple[Pixels, Pixels]:
        """The first frame, and how much of each block of 8 x 8 pixels the subject and its shadow change, 0 to 255."""
        with_cast, without = self.still(), self.frame(0, cast=False)
        changed = (cv2.absdiff(with_cast, without).max(2) > 10).astype(np.float32)
        height, width = changed.shape
        return with_cast, (changed.reshape(height // 8, 8, width // 8, 8).mean((1, 3)) * 255).round().astype(np.uint8)

    def frame(self, index: int, *, cast: bool = True) -> Pixels:
        """One frame, with its subject or without."""
        seconds = index / FPS
        view = self._view(seconds)
        matrix = (view.layer(DEPTH_FAR) @ self._far.to_units)[:2]
        edge = cv2.BORDER_REPLICATE
        frame = np.asarray(
            cv2.warpAffine(self._far.image, matrix, view.frame, flags=cv2.INTER_LINEAR, borderMode=edge), np.uint8
        )
        put(frame, self._middle.image, view.layer(DEPTH_MIDDLE) @ self._middle.to_units)
        put(frame, self._ground.image, view.layer(1.0) @ self._ground.to_units)
        for placed, pose in self._poses(seconds) if cast else ():
            self._cast_shadow(frame, placed, pose, view)
            draw_puppet(frame, placed.parts, pose, placed.at(view))
        return self._finish(frame, index)

    def _view(self, seconds: float) -> View:
        v = view_at(self.facts, seconds)
        if self.detail == 1.0:
            return v
        size = (round(v.frame[0] * self.detail), round(v.frame[1] * self.detail))
        return View(v.x, v.y, v.zoom * self.detail, v.base_y, v.base_zoom * self.detail, size)

    def _box(self, depth: float) -> tuple[float, float, float, float]:
        ends = []
        for view in self._views:
            unit = np.linalg.inv(view.layer(depth))
            ends.append((*(unit @ (0, 0, 1))[:2], *(unit @ (view.frame[0], view.frame[1], 1))[:2]))
        low, high = np.min(ends, 0), np.max(ends, 0)
        return float(low[0]) - 0.06, float(low[1]) - 0.06, float(high[2]) + 0.06, float(high[3]) + 0.06

    def _paint_stage(self, rng: np.random.Generator) -> tuple[Part, Part, Part]:
        style, zoom = self.facts.style, [max(v.layer(d)[0, 0] for v in self._views) for d in (DEPTH_FAR, DEPTH_MIDDLE, 1.0)]
        style = "animation" if style == "comic" else style
        far, middle, ground = (
            Sheet(self._box(depth), scale_px, self._light, style)
            for depth, scale_px in zip((DEPTH_FAR, DEPTH_MIDDLE, 1.0), zoom, strict=True)
        )
        stage = Stage(far, middle, ground, self._light, rng)
        cloudy = _CLOUDS[self.facts.weather]
        sky(stage, cloudy)
        PLACES[self.facts.setting](stage)
        soft = far.scale * {"wide": 0.006, "medium": 0.014, "close-up": 0.03}[self.facts.size]
        far.rgba = np.asarray(cv2.GaussianBlur(far.rgba, (0, 0), max(0.4, soft)), np.float32)
        middle.rgba = np.asarray(cv2.GaussianBlur(middle.rgba, (0, 0), max(0.3, soft * 0.8)), np.float32)
        if self.facts.weather == "fog":
            _fog(far, self._light, 0.6)
            _fog(middle, self._light, 0.45)
        opaque = Part("far", np.ascontiguousarray(far.image()[..., :3]), (0, 0), affine(1 / far.scale, at=far.box[:2]))
        middle.spread(4)
        return opaque, Part.of("middle", middle), Part.of("ground", ground)

    def _paint_shadow(self) -> Part:
        scale_px = 60.0 * self.detail
        s = Sheet((-0.6, -0.3, 0.9, 0.3), scale_px, self._light)
        s.add(oval(0.1, 0, 0.42, 0.085), (0, 0, 0), glow=True)
        s.rgba = np.asarray(cv2.GaussianBlur(s.rgba, (0, 0), scale_px * 0.05), np.float32)
        strength = 0.5 if self.facts.weather == "clear" else 0.34
        tone = tint(scale(self._light.fill, 90), (0.6, 0.55, 0.8))
        s.rgba[..., :3] = s.rgba[..., 3:] / 255 * row(tone)
        s.rgba *= strength
        s.spread()
        return Part.of("shadow", s)

    def _cast_shadow(self, frame: Pixels, placed: Placed, pose: Pose, view: View) -> None:
        lift = min(1.0, -pose.y / 0.4) if pose.y < 0 else 0.0
        size = placed.size * (1 - 0.35 * lift)
        wide = size * max(0.35, abs(pose.wide))
        ground = view.layer(1.0) @ affine(wide, size, (placed.x + pose.x * placed.size, placed.y))
        put(frame, self._shadow.image, ground @ self._shadow.to_units)

    def _poses(self, seconds: float) -> list[tuple[Placed, Pose]]:
        posed = []
        for name, placed in self._cast:
            if name == "figure":
                pose = figure_pose(self.facts, seconds)
            elif name == "product" and self.facts.character == NONE:
                pose = product_pose(self.facts, seconds)
            elif name == "stream":
                pose = Pose(tall=1 + 0.02 * float(np.sin(30 * seconds)))
            elif name == "jug":
                pose = Pose(lean=-58 + 3 * float(np.sin(6 * seconds)))
            else:
                pose = Pose()
            posed.append((placed, pose))
        return posed

    def _paint_cast(self, rng: np.random.Generator) -> list[tuple[str, Placed]]:
        f, zoom = self.facts, max(v.zoom for v in self._views) * 1.1
        light = self._light if f.setting not in INDOORS else indoors(self._light)
        together = NONE not in {f.character, f.product}
        cast: list[tuple[str, Placed]] = []
        if f.product != NONE:
            size, x, y = (0.46, 0.42, -0.2) if together else (0.86, 0.0, -0.1)
            cast.append(("plinth", Placed(_plinth(size, y, zoom, light, f.style), x, 0.0, 1.0)))
            cast.append(("product", Placed(product(f.product, f.product_colour, zoom * size, light, f.style), x, y, size)))
            if f.action == "pour":
                cast += _pouring(Placed([], x, y, size), zoom, light, f.style, together=together)
        if f.character != NONE:
            parts = figure(Costume(f.character, f.colour, f.accessory), zoom, light, f.style, rng)
            cast.append(("figure", Placed(parts, -0.32 if together else 0.0, 0.02, 1.0)))
        return cast


def indoors(light: Light) -> Light:
    """Lamps are on inside: less of the hour's colour."""
    return Light(mix(light.key, (1.0, 0.97, 0.92), 0.5), mix(light.fill, (0.66, 0.62, 0.68), 0.5), light.top, light.low,
                 light.haze, light.lamp, light.lamp_at, light.lamps_on)  # fmt: skip


def _plinth(size: float, y: float, zoom: float, light: Light, style: str) -> list[Part]:
    s = Sheet((-0.8, -0.5, 0.8, 0.25), zoom, light, style)
    w = 0.74 * size
    flat = 0.055 * size + 0.02
    rim = oval(0, 0, w, flat)
    s.add(
        np.concatenate((rim[:20] + vector(0, 0.02), rim[20:] + vector(0, y))).astype(np.float32),
        _PLINTH,
        relief=0.8,
    )
    s.add(oval(0, y + 0.005, w * 0.985, flat * 0.95), (250, 244, 236), relief=0.3)
    return [Part.of("plinth", s)]


def _pouring(mug: Placed, zoom: float, light: Light, style: str, *, together: bool) -> list[tuple[str, Placed]]:
    surface = mug.y - 0.69 * mug.size
    fall = 0.28 if together else 0.5
    s = Sheet((-0.4, -0.5, 0.4, 0.3), zoom * 0.8, light, style)
    s.add(limb((0.16, -0.1), (0.24, 0.14), 0.03, 0.03), (120, 128, 146))
    s.add(curve((-0.16, 0.18), (-0.18, -0.14), (0.16, -0.14), (0.18, 0.18)), (150, 160, 180))
    s.add(block(0, -0.16, 0.3, 0.06, 0.02), (110, 118, 138))
    jug_size = 0.6 if together else 0.95
    jug = Placed([Part.of("jug", s)], mug.x - 0.13 * jug_size, surface - fall - 0.12 * jug_size, jug_size)
    falling = Placed(stream(zoom * fall, light), mug.x - 0.02, surface, fall)
    return [("stream", falling), ("jug", jug)]


def _fog(sheet: Sheet, light: Light, share: float) -> None:
    haze = row(mix(light.haze, (236, 238, 242), 0.25 if not light.lamps_on else 0.0))
    sheet.rgba[..., :3] += (haze * (sheet.rgba[..., 3:] / 255) - sheet.rgba[..., :3]) * np.float32(share)
