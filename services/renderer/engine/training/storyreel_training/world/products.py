"""Eight products, standing on y = 0, about one unit high or wide; and what pours into a mug."""

import numpy as np

from storyreel_training.world.heads import STEEL, WHITE
from storyreel_training.world.light import INK, PAINTS, Light, Rgb, mix, scale
from storyreel_training.world.paint import Sheet, block, curve, limb, oval
from storyreel_training.world.puppet import Part

COFFEE: Rgb = (104, 62, 38)
_BOX = (-0.75, -1.2, 0.75, 0.1)


def product(name: str, colour: str, scale_px: float, light: Light, style: str) -> list[Part]:
    """The product as a puppet of one part."""
    s = Sheet(_BOX, scale_px, light, style)
    _PAINTERS[name](s, PAINTS[colour])
    return [Part.of("product", s)]


def stream(scale_px: float, light: Light) -> list[Part]:
    """Coffee on its way down, from (0, -1) to (0, 0)."""
    s = Sheet((-0.1, -1.05, 0.1, 0.05), scale_px, light)
    s.add(limb((0, -1), (0, 0), 0.045, 0.03), COFFEE)
    return [Part.of("stream", s)]


def _sneaker(s: Sheet, c: Rgb) -> None:
    s.add(
        curve(
            (-0.5, -0.02),
            (-0.54, -0.5),
            (-0.4, -0.56),
            (-0.3, -0.44),
            (-0.12, -0.56),
            (0.02, -0.5),
            (0.2, -0.3),
            (0.5, -0.26),
            (0.6, -0.1),
            (0.56, -0.02),
        ),
        c,
    )
    s.add(curve((-0.52, -0.3), (-0.5, -0.56), (-0.38, -0.56), (-0.34, -0.3)), scale(c, 0.75), relief=0.6, outline=False)
    s.add(curve((-0.4, -0.14), (-0.1, -0.3), (0.28, -0.26), (0.0, -0.18)), WHITE, relief=0.3, outline=False)
    for i in range(4):
        x, y = -0.1 + i * 0.085, -0.5 + i * 0.065
        s.add(limb((x - 0.045, y + 0.07), (x + 0.035, y), 0.018, 0.018), WHITE, relief=0.3, outline=False)
    s.add(curve((0.36, -0.06), (0.4, -0.26), (0.58, -0.2), (0.62, -0.06)), mix(c, WHITE, 0.5), relief=0.7, outline=False)
    s.add(curve((-0.58, -0.12), (0.0, -0.1), (0.64, -0.14), (0.66, 0.0), (-0.56, 0.0)), WHITE)
    s.add(limb((-0.5, -0.015), (0.58, -0.015), 0.015, 0.015), scale(c, 0.6), relief=0, outline=False)


def _bottle(s: Sheet, c: Rgb) -> None:
    s.add(
        curve((-0.22, 0.0), (-0.23, -0.6), (-0.1, -0.78), (-0.09, -1.0), (0.09, -1.0), (0.1, -0.78), (0.23, -0.6), (0.22, 0.0)),
        c,
    )
    s.add(block(0, -1.02, 0.2, 0.14, 0.04), scale(c, 0.5))
    s.add(block(0, -0.34, 0.41, 0.3, 0.02), WHITE, relief=0.5)
    s.add(oval(0, -0.34, 0.09, 0.09), c, relief=0.3, outline=False)
    s.add(limb((-0.14, -0.56), (-0.14, -0.1), 0.018, 0.018), mix(c, WHITE, 0.7), relief=0, outline=False)


def _mug(s: Sheet, c: Rgb) -> None:
    s.add(oval(0.36, -0.36, 0.2, 0.22), c)
    s.add(oval(0.36, -0.36, 0.11, 0.13), scale(c, 0.45), relief=0, outline=False)
    s.add(curve((-0.36, -0.02), (-0.4, -0.72), (0.4, -0.72), (0.36, -0.02), (0, 0.04)), c)
    s.add(oval(0, -0.69, 0.385, 0.09), mix(c, WHITE, 0.55), relief=0.4)
    s.add(oval(0, -0.685, 0.325, 0.062), COFFEE, relief=0.3, outline=False)
    s.add(block(0, -0.3, 0.68, 0.12, 0.03), WHITE, relief=0.5, outline=False)


def _phone(s: Sheet, c: Rgb) -> None:
    s.add(block(0, -0.5, 0.54, 1.0, 0.1), c)
    s.add(block(0, -0.5, 0.45, 0.88, 0.06), (24, 30, 54), relief=0, outline=False)
    s.add(block(0, -0.68, 0.4, 0.44, 0.04), (120, 206, 246), glow=True, outline=False)
    s.add(oval(0.02, -0.68, 0.12, 0.12), (255, 226, 128), glow=True, outline=False)
    for i in range(6):
        s.add(
            block(-0.13 + 0.13 * (i % 3), -0.36 + 0.14 * (i // 3), 0.09, 0.09, 0.025),
            (WHITE, c)[i % 2],
            glow=True,
            outline=False,
        )
    s.add(block(0, -0.915, 0.14, 0.03, 0.015), INK, relief=0, outline=False)


def _bag(s: Sheet, c: Rgb) -> None:
    for side in (-1, 1):
        s.add(limb((side * 0.25, -0.6), (side * 0.16, -0.9), 0.032, 0.032), scale(c, 0.6))
    s.add(limb((-0.16, -0.9), (0.16, -0.9), 0.032, 0.032), scale(c, 0.6))
    s.add(curve((-0.5, 0.0), (-0.44, -0.66), (0.44, -0.66), (0.5, 0.0)), c)
    s.add(curve((-0.43, -0.66), (0.43, -0.66), (0.3, -0.3), (0, -0.22), (-0.3, -0.3)), scale(c, 0.8), relief=0.7)
    s.add(block(0, -0.3, 0.14, 0.12, 0.03), (252, 206, 84))


def _watch(s: Sheet, c: Rgb) -> None:
    s.add(curve((-0.17, 0.0), (-0.2, -0.4), (0.2, -0.4), (0.17, 0.0)), c)
    s.add(curve((-0.17, -1.06), (-0.2, -0.66), (0.2, -0.66), (0.17, -1.06)), c)
    s.add(block(0.36, -0.53, 0.08, 0.1, 0.03), STEEL)
    s.add(oval(0, -0.53, 0.34, 0.34), STEEL)
    s.add(oval(0, -0.53, 0.27, 0.27), WHITE, relief=0.3)
    for x, y in ((0, -0.2), (0.2, 0), (0, 0.2), (-0.2, 0)):
        s.add(oval(x, y - 0.53, 0.022, 0.022), INK, relief=0, outline=False)
    s.add(limb((0, -0.53), (0, -0.69), 0.02, 0.016), INK, relief=0, outline=False)
    s.add(limb((0, -0.53), (0.12, -0.47), 0.024, 0.018), scale(c, 0.8), relief=0, outline=False)


def _camera(s: Sheet, c: Rgb) -> None:
    s.add(block(-0.02, -0.64, 0.36, 0.2, 0.06), scale(c, 0.7))
    s.add(block(-0.36, -0.6, 0.14, 0.08, 0.03), STEEL)
    s.add(block(0, -0.3, 1.06, 0.6, 0.1), c)
    s.add(block(0, -0.1, 1.06, 0.12, 0.05), scale(c, 0.6), relief=0.5, outline=False)
    s.add(oval(0.02, -0.31, 0.27, 0.27), STEEL)
    s.add(oval(0.02, -0.31, 0.21, 0.21), (30, 32, 46), relief=0.6)
    s.add(oval(0.02, -0.31, 0.13, 0.13), (58, 84, 150), relief=1, outline=False)
    s.add(oval(-0.04, -0.37, 0.045, 0.045), WHITE, relief=0, outline=False)
    s.add(oval(0.4, -0.48, 0.055, 0.055), (255, 236, 170), glow=True)


def _headphones(s: Sheet, c: Rgb) -> None:
    angle = np.linspace(np.pi, 2 * np.pi, 24)
    rim = np.stack((np.cos(angle), np.sin(angle)), 1)
    band = np.concatenate((rim * np.array((0.47, 0.56)), rim[::-1] * np.array((0.37, 0.46)))) + np.array((0, -0.42))
    s.add(band.astype(np.float32), c)
    for side in (-1, 1):
        s.add(block(side * 0.4, -0.3, 0.24, 0.46, 0.11), c)
        s.add(block(side * 0.27, -0.3, 0.12, 0.4, 0.06), (60, 58, 70), relief=0.7)
        s.add(oval(side * 0.42, -0.3, 0.06, 0.1), mix(c, WHITE, 0.5), relief=0.4, outline=False)


_PAINTERS = {
    "sneaker": _sneaker, "bottle": _bottle, "mug": _mug, "phone": _phone, "bag": _bag, "watch": _watch,
    "camera": _camera, "headphones": _headphones,
}  # fmt: skip
