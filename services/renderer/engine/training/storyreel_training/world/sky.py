"""What is behind every place: its stage of three depths, and the sky with sun or moon, stars and clouds."""

from dataclasses import dataclass

import numpy as np

from storyreel_training.world.light import Light, Rgb, mix, row, tint
from storyreel_training.world.paint import Sheet, oval

HORIZON = -0.34


@dataclass(frozen=True)
class Stage:
    """The three sheets of a place, its light, and the chance of this clip."""

    far: Sheet
    middle: Sheet
    ground: Sheet
    light: Light
    rng: np.random.Generator

    @property
    def span(self) -> tuple[float, float]:
        """Left and right end in units."""
        return self.far.box[0], self.far.box[2]

    def air(self, paint: Rgb, share: float) -> Rgb:
        """A far paint: `share` of it is haze. Already lit, so it is added with `glow`."""
        return mix(tint(paint, self.light.key), self.light.haze, share)

    def floor(self, far: Rgb, near: Rgb, top: float = HORIZON + 0.1) -> None:
        """The ground from `top` downwards, shading from one paint to another, soft along its upper edge."""
        sheet, light = self.ground, self.light
        rows = np.linspace(sheet.box[1], sheet.box[3], sheet.rgba.shape[0], dtype=np.float32)
        share = np.clip((rows - top) / (sheet.box[3] - top), 0, 1)[:, None, None] ** 0.7
        cover = np.clip((rows - top) * sheet.scale / 2.5, 0, 1)[:, None, None]
        paint = row(self.air(far, 0.3)) * (1 - share) + row(tint(near, mix(light.key, light.fill, 0.25))) * share
        sheet.rgba[...] = np.concatenate((np.broadcast_to(paint, (len(rows), 1, 3)) * cover, 255 * cover), 2)
        first = int(np.searchsorted(rows, top))
        if first < len(rows):
            sheet.used = (0, max(0, first - 8), sheet.rgba.shape[1], len(rows))

    def places(self, every: float, jitter: float = 0.3) -> list[float]:
        """Positions along the whole span, about `every` units apart."""
        left, right = self.span
        start = left + every * self.rng.random()
        return [x + every * jitter * (self.rng.random() - 0.5) for x in np.arange(start, right + every, every)]


def sky(stage: Stage, cloudy: float) -> None:
    """The sky's gradient, sun or moon with its glow, clouds; fills the far sheet."""
    s, light = stage.far, stage.light
    height, width = s.rgba.shape[:2]
    down = np.clip((np.linspace(s.box[1], s.box[3], height, dtype=np.float32) - s.box[1]) / (HORIZON - s.box[1]), 0, 1)
    s.rgba[..., :3] = (row(light.top) + (row(light.low) - row(light.top)) * down[:, None] ** 1.3)[:, None]
    s.rgba[..., 3] = 255
    _lamp(stage, width, height, cloudy)
    if light.lamps_on and cloudy < 0.3:
        for _ in range(26):
            x, y = stage.rng.uniform(*stage.span), stage.rng.uniform(s.box[1], HORIZON - 0.3)
            s.add(oval(x, y, 0.009, 0.009), (236, 238, 255), glow=True, outline=False)
    _clouds(stage, cloudy)


def _lamp(stage: Stage, width: int, height: int, cloudy: float) -> None:
    s, light = stage.far, stage.light
    view = (s.box[0] * 0.45, s.box[1] * 0.78)
    x, y = view[0] * (1 - light.lamp_at[0]), view[1] + (HORIZON - view[1]) * light.lamp_at[1] * 1.4
    px, py = (x - s.box[0]) * s.scale, (y - s.box[1]) * s.scale
    yy, xx = np.mgrid[0:height, 0:width].astype(np.float32)
    away = ((xx - px) ** 2 + (yy - py) ** 2) / np.float32(s.scale**2)
    glow = np.exp(-away / 0.12)[..., None] * (1 - 0.6 * cloudy) * (0.5 if light.lamps_on else 0.75)
    s.rgba[..., :3] += (row(light.lamp) - s.rgba[..., :3]) * glow * np.float32(0.8)
    if cloudy < 0.6:
        s.add(oval(x, y, 0.11, 0.11), light.lamp, glow=True, outline=False)
        if light.lamps_on:
            s.add(oval(x + 0.045, y - 0.02, 0.095, 0.095), mix(light.top, light.lamp, 0.12), glow=True, outline=False)


def _clouds(stage: Stage, cloudy: float) -> None:
    s, light = stage.far, stage.light
    bright = mix(light.low, (255, 255, 255), 0.55 if not light.lamps_on else 0.12)
    for x in stage.places(1.1 - 0.6 * cloudy):
        y = HORIZON - stage.rng.uniform(0.45, 0.95)
        for dx, r in ((-0.16, 0.07), (-0.05, 0.11), (0.08, 0.09), (0.19, 0.06)):
            s.add(oval(x + dx, y - r * 0.6, r * 1.35, r), bright, glow=True, outline=False)
        s.add(oval(x, y - 0.01, 0.3, 0.05), mix(bright, light.low, 0.4), glow=True, outline=False)
