"""Eight places, each painted in three depths: far (opaque, with the sky), middle and ground (what the subject stands on).

Units are scene units: the subject's feet at y = 0, the horizon at `HORIZON`. Air between takes colour out of what is far.
"""

from collections.abc import Callable

import cv2
import numpy as np
import numpy.typing as npt

from storyreel_training.world.light import Rgb, mix, row, scale, tint
from storyreel_training.world.paint import Points, Sheet, block, corners, curve, limb, oval
from storyreel_training.world.sky import HORIZON, Stage

_GLASS: Rgb = (255, 214, 122)


def _hills(stage: Stage, sheet: Sheet, paint: Rgb, base: float, swing: float) -> None:
    left, right = stage.span
    x = np.linspace(left, right, 60)
    a, b = stage.rng.uniform(0, 6.3, 2)
    y = base - swing * (0.5 + 0.35 * np.sin(x * 2.1 + a) + 0.15 * np.sin(x * 4.7 + b))
    sheet.add(_down_to(sheet, x, y), paint, glow=True)


def _down_to(sheet: Sheet, x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> Points:
    bottom = sheet.box[3] + 0.1
    return np.stack((np.concatenate((x, (x[-1], x[0]))), np.concatenate((y, (bottom, bottom)))), 1).astype(np.float32)


def _peaks(stage: Stage, paint: Rgb, cap: Rgb | None, base: float, tall: float) -> None:
    for x in stage.places(0.75):
        h, w = tall * stage.rng.uniform(0.7, 1.1), 0.62
        stage.far.add(corners((x - w, base), (x, base - h), (x + w, base)), paint, glow=True)
        stage.far.add(corners((x, base - h), (x + w, base), (x + w * 0.1, base)), scale(paint, 0.88), glow=True, outline=False)
        if cap:
            k = 0.34
            stage.far.add(
                corners(
                    (x - w * k, base - h * (1 - k)),
                    (x, base - h),
                    (x + w * k, base - h * (1 - k)),
                    (x + w * 0.1, base - h * 0.74),
                    (x - w * 0.08, base - h * 0.6),
                ),
                cap,
                glow=True,
                outline=False,
            )


def _pine(s: Sheet, at: tuple[float, float], size: float, paint: Rgb, cap: Rgb | None = None, *, glow: bool = False) -> None:
    x, y = at
    s.add(limb((x, y), (x, y - size * 0.3), size * 0.05, size * 0.04), scale(paint, 0.5), glow=glow)
    for i in range(3):
        w, low = size * (0.3 - 0.07 * i), y - size * (0.18 + 0.24 * i)
        s.add(corners((x - w, low), (x, low - size * 0.38), (x + w, low)), paint, relief=0.9, glow=glow)
        if cap:
            s.add(
                corners(
                    (x - w * 0.45, low - size * 0.2),
                    (x, low - size * 0.38),
                    (x + w * 0.45, low - size * 0.2),
                    (x, low - size * 0.16),
                ),
                cap,
                relief=0.3,
                outline=False,
                glow=glow,
            )


def beach(stage: Stage) -> None:
    sea = stage.air((42, 150, 190), 0.15)
    left, right = stage.span
    stage.far.add(corners((left, HORIZON), (right, HORIZON), (right, 0.8), (left, 0.8)), sea, glow=True, outline=False)
    for y, share in ((-0.30, 0.5), (-0.25, 0.35), (-0.2, 0.5)):
        for x in stage.places(0.5):
            stage.far.add(oval(x, y, 0.14, 0.006), mix(sea, stage.light.lamp, share), glow=True, outline=False)
    stage.floor((240, 214, 160), (226, 186, 128), -0.17)
    along = np.linspace(left, right, 50)
    foam = np.stack(
        (
            np.concatenate((along, along[::-1])),
            np.concatenate((-0.17 + 0.012 * np.sin(along * 5), (-0.13 + 0.016 * np.sin(along * 5))[::-1])),
        ),
        1,
    )
    stage.ground.add(foam.astype(np.float32), (250, 252, 250), relief=0, outline=False)
    for x0 in (left * 0.62, right * 0.66):
        _palm(stage, x0 + stage.rng.uniform(-0.12, 0.12))


def _palm(stage: Stage, x: float) -> None:
    s, top = stage.middle, (x + 0.1, -1.02)
    s.add(
        curve((x - 0.05, 0.0), (x - 0.01, -0.5), (x + 0.07, -1.04), (x + 0.13, -1.02), (x + 0.08, -0.5), (x + 0.06, 0.0)),
        (150, 104, 66),
    )
    for angle in (-165, -130, -90, -50, -15, 15, 195):
        c, sn = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
        tip = (top[0] + 0.42 * c, top[1] + 0.3 * sn + 0.12)
        midway = (top[0] + 0.24 * c, top[1] + 0.26 * sn - 0.04)
        s.add(
            curve(top, (midway[0] - 0.05 * sn, midway[1] - 0.05), tip, (midway[0] + 0.03 * sn, midway[1] + 0.07)), (62, 148, 84)
        )


def city(stage: Stage) -> None:
    for depth, (paint, share) in enumerate((((120, 132, 168), 0.62), ((124, 118, 140), 0.34))):
        for x in stage.places(0.42 + 0.14 * depth, 0.2):
            _house(stage, x, stage.rng.uniform(0.5, 1.05) - 0.22 * depth, (0.36, 0.44)[depth], stage.air(paint, share))
    stage.floor((150, 148, 156), (112, 112, 124), -0.26)
    left, right = stage.span
    stage.ground.add(
        corners((left, -0.26), (right, -0.26), (right, -0.18), (left, -0.18)), (190, 186, 184), relief=0, outline=False
    )
    for x in np.arange(left, right, 0.6):
        stage.ground.add(
            corners((x, 0.16), (x + 0.3, 0.16), (x + 0.26, 0.21), (x - 0.04, 0.21)), (232, 222, 190), relief=0, outline=False
        )
    for x in (left * 0.58, right * 0.6):
        stage.middle.add(limb((x, -0.12), (x, -1.08), 0.022, 0.016), (66, 68, 84))
        stage.middle.add(oval(x, -1.12, 0.06, 0.06), _GLASS, glow=stage.light.lamps_on)


def _house(stage: Stage, x: float, h: float, w: float, paint: Rgb) -> None:
    s, base = stage.far, 0.0
    s.add(block(x, base - h / 2 - 0.15, w, h + 0.3), paint, glow=True)
    s.add(block(x + w * 0.38, base - h / 2 - 0.15, w * 0.24, h + 0.3), scale(paint, 0.86), glow=True, outline=False)
    for i in range(3):
        for y in np.arange(base - h - 0.2, -0.3, 0.13):
            lit = stage.light.lamps_on and stage.rng.random() < 0.55
            pane = _GLASS if lit else mix(paint, stage.light.low, 0.4)
            s.add(block(x + (i - 1) * w * 0.28 - 0.02, y, w * 0.14, 0.06), pane, glow=True, outline=False)


def forest(stage: Stage) -> None:
    for share, size, every in ((0.66, 0.85, 0.26), (0.36, 1.0, 0.4)):
        for x in stage.places(every):
            _pine(
                stage.far, (x, HORIZON + 0.12), size * stage.rng.uniform(0.8, 1.15), stage.air((46, 112, 82), share), glow=True
            )
    left, right = stage.span
    stage.far.add(
        corners((left, HORIZON + 0.06), (right, HORIZON + 0.06), (right, 1.5), (left, 1.5)),
        stage.air((58, 110, 70), 0.3),
        glow=True,
    )
    stage.floor((86, 136, 78), (52, 98, 58), -0.26)
    for x in (left * 0.7, left * 0.5, right * 0.55, right * 0.78):
        _pine(stage.middle, (x + stage.rng.uniform(-0.08, 0.08), -0.1), stage.rng.uniform(1.15, 1.5), (42, 116, 74))
    _tufts(stage, (72, 134, 70))


def _tufts(stage: Stage, paint: Rgb, flowers: tuple[Rgb, ...] = ()) -> None:
    for n, x in enumerate(stage.places(0.24, 1.2)):
        y = stage.rng.uniform(-0.16, 0.3)
        size = 0.05 + 0.08 * (y + 0.2)
        for turn in (-0.6, 0.0, 0.6):
            stage.ground.add(
                corners((x - size * 0.25, y), (x + turn * size, y - size * 1.3), (x + size * 0.25, y)),
                paint,
                relief=0,
                outline=False,
            )
        if flowers:
            stage.ground.add(
                oval(x + 0.09, y - size, size * 0.5, size * 0.5), flowers[n % len(flowers)], relief=0.7, outline=False
            )


def meadow(stage: Stage) -> None:
    _hills(stage, stage.far, stage.air((110, 168, 110), 0.55), HORIZON + 0.06, 0.3)
    _hills(stage, stage.far, stage.air((112, 178, 92), 0.25), HORIZON + 0.14, 0.2)
    stage.floor((142, 196, 96), (88, 158, 74), -0.24)
    x = stage.span[1] * 0.6 + stage.rng.uniform(-0.1, 0.1)
    stage.middle.add(limb((x, -0.12), (x, -0.6), 0.06, 0.045), (118, 84, 60))
    for dx, dy, r in ((-0.2, -0.72, 0.22), (0.2, -0.74, 0.22), (0.0, -0.95, 0.27)):
        stage.middle.add(oval(x + dx, dy, r, r * 0.9), (92, 172, 84))
    _tufts(stage, (70, 146, 66), ((250, 244, 240), (246, 132, 150), (250, 214, 90)))


def desert(stage: Stage) -> None:
    for x in stage.places(1.15):
        w, h = stage.rng.uniform(0.26, 0.4), stage.rng.uniform(0.28, 0.46)
        paint = stage.air((196, 108, 78), 0.4)
        stage.far.add(curve((x - w, 0), (x - w * 0.8, -h - 0.3), (x + w * 0.8, -h - 0.3), (x + w, 0)), paint, glow=True)
    _hills(stage, stage.far, stage.air((232, 168, 104), 0.2), HORIZON + 0.14, 0.2)
    stage.floor((238, 186, 118), (216, 146, 84), -0.24)
    left, right = stage.span
    for x in (left * 0.62, right * 0.6):
        _cactus(stage.middle, x + stage.rng.uniform(-0.1, 0.1), stage.rng.uniform(0.7, 0.95))


def _cactus(s: Sheet, x: float, h: float) -> None:
    paint = (70, 142, 92)
    for side, low in ((-1, 0.45), (1, 0.58)):
        s.add(limb((x, -h * low), (x + side * 0.17, -h * low), 0.045, 0.05), paint)
        s.add(limb((x + side * 0.17, -h * low), (x + side * 0.17, -h * (low + 0.24)), 0.05, 0.045), paint)
    s.add(limb((x, -0.05), (x, -h), 0.085, 0.07), paint)


def mountains(stage: Stage) -> None:
    _peaks(stage, stage.air((118, 134, 172), 0.45), stage.air((248, 250, 255), 0.15), HORIZON + 0.12, 0.95)
    _hills(stage, stage.far, stage.air((206, 220, 238), 0.3), HORIZON + 0.14, 0.16)
    stage.floor((236, 242, 250), (206, 218, 236), -0.24)
    left, right = stage.span
    for x in (left * 0.72, left * 0.54, right * 0.58, right * 0.76):
        _pine(stage.middle, (x, -0.1), stage.rng.uniform(0.75, 1.0), (60, 114, 104), (246, 250, 255))


def kitchen(stage: Stage) -> None:
    s, left, right = stage.far, *stage.span
    view = s.rgba.copy()
    s.rgba[..., :3] = row(tint((246, 226, 192), mix(stage.light.key, stage.light.fill, 0.3)))
    x, y = left * 0.3, -0.92
    _window(stage, view, (x - 0.36, y - 0.34, x + 0.36, y + 0.34))
    for i, paint in enumerate(((226, 110, 84), (96, 160, 150), (246, 196, 92))):
        s.add(block(right * 0.3 + i * 0.2, -0.96, 0.13, 0.2, 0.04), paint)
    s.add(block(right * 0.3 + 0.2, -0.83, 0.85, 0.05, 0.01), (166, 116, 74))
    s.add(corners((left, -0.5), (right, -0.5), (right, 1), (left, 1)), (132, 172, 166), relief=0, outline=False)
    s.add(corners((left, -0.53), (right, -0.53), (right, -0.46), (left, -0.46)), (244, 240, 232), relief=0, outline=False)
    for door in np.arange(left, right, 0.5):
        s.add(block(door, -0.2, 0.44, 0.42, 0.02), (122, 162, 158), relief=0.35)
    stage.floor((206, 156, 108), (168, 112, 74), -0.2)


def _window(stage: Stage, view: npt.NDArray[np.float32], pane: tuple[float, float, float, float]) -> None:
    s, (x0, y0, x1, y1) = stage.far, pane
    s.add(block((x0 + x1) / 2, (y0 + y1) / 2, x1 - x0 + 0.08, y1 - y0 + 0.08, 0.02), (250, 246, 240))
    a, b = int((x0 - s.box[0]) * s.scale), int((y0 - s.box[1]) * s.scale)
    c, d = int((x1 - s.box[0]) * s.scale), int((y1 - s.box[1]) * s.scale)
    s.rgba[max(b, 0) : d, max(a, 0) : c] = view[max(b, 0) : d, max(a, 0) : c]
    s.add(limb(((x0 + x1) / 2, y0), ((x0 + x1) / 2, y1), 0.02, 0.02), (250, 246, 240), outline=False)


def studio(stage: Stage) -> None:
    s, light = stage.far, stage.light
    paint = ((236, 206, 186), (186, 208, 222), (206, 198, 228), (198, 216, 196))[int(stage.rng.integers(4))]
    wall = tint(paint, light.key)
    height, width = s.rgba.shape[:2]
    yy, xx = np.mgrid[0:height, 0:width].astype(np.float32)
    away = ((xx / s.scale + s.box[0]) ** 2 + ((yy / s.scale + s.box[1]) + 0.75) ** 2) / 1.3
    pool = np.exp(-away)[..., None]
    s.rgba[..., :3] = row(scale(wall, 0.74)) * (1 - pool) + row(mix(wall, light.lamp, 0.45)) * pool
    stage.floor(mix(paint, (255, 255, 255), 0.1), scale(paint, 0.82), -0.16)
    cv2.GaussianBlur(stage.ground.rgba, (0, 0), 3, dst=stage.ground.rgba)
    for side in (-1, 1):
        x = side * min(abs(stage.span[1]) * 0.68, 1.35)
        stage.middle.add(limb((x, -0.05), (x, -1.0), 0.018, 0.018), (60, 58, 70))
        stage.middle.add(
            corners((x - 0.16, -1.2), (x + 0.16, -1.2), (x - side * 0.02 + 0.13, -0.92), (x - side * 0.02 - 0.13, -0.92)),
            (255, 246, 222),
            glow=True,
        )


PLACES: dict[str, Callable[[Stage], None]] = {
    "beach": beach, "city": city, "forest": forest, "kitchen": kitchen, "desert": desert, "mountains": mountains,
    "studio": studio, "meadow": meadow,
}  # fmt: skip
