"""Twelve heads. Each painter gets a sheet in figure units: feet at y = 0, head around (0, -0.72), about 0.5 wide."""

from dataclasses import dataclass

from storyreel_training.world.light import INK, Rgb, mix, scale
from storyreel_training.world.paint import Sheet, block, corners, curve, limb, oval

WHITE: Rgb = (246, 244, 240)
BLUSH: Rgb = (244, 150, 150)
BEAK: Rgb = (246, 170, 52)
STEEL: Rgb = (176, 184, 198)
Y = -0.72


@dataclass(frozen=True)
class Look:
    """A figure's paints: fur (or clothes), and for people skin and hair."""

    main: Rgb
    skin: Rgb
    hair: Rgb

    @property
    def pale(self) -> Rgb:
        """Bellies and muzzles."""
        return mix(self.main, WHITE, 0.68)

    @property
    def deep(self) -> Rgb:
        """Tips, stripes, paws."""
        return scale(self.main, 0.62)


def eyes(s: Sheet, apart: float, y: float, size: float) -> None:
    """Dark eyes with a light in each."""
    for side in (-1, 1):
        x = side * apart + 0.015
        s.add(oval(x, y, size, size * 1.22), INK, relief=0, outline=False)
        s.add(oval(x - size * 0.32, y - size * 0.4, size * 0.38, size * 0.38), WHITE, relief=0, outline=False)


def smile(s: Sheet, x: float, y: float, width: float) -> None:
    """A small mouth."""
    s.add(curve((x - width, y), (x, y + width * 0.9), (x + width, y), (x, y + width * 0.45)), INK, relief=0, outline=False)


def cheeks(s: Sheet, apart: float, y: float) -> None:
    """A blush on both sides."""
    for side in (-1, 1):
        s.add(oval(side * apart, y, 0.045, 0.03), BLUSH, relief=0, outline=False)


def fox(s: Sheet, c: Look) -> None:
    for side in (-1, 1):
        s.add(corners((side * 0.08, Y - 0.14), (side * 0.24, Y - 0.40), (side * 0.27, Y - 0.05)), c.main)
        s.add(
            corners((side * 0.13, Y - 0.15), (side * 0.225, Y - 0.33), (side * 0.24, Y - 0.1)),
            c.deep,
            relief=0.3,
            outline=False,
        )
    s.add(
        curve(
            (0, Y - 0.24),
            (0.24, Y - 0.18),
            (0.34, Y + 0.06),
            (0.12, Y + 0.2),
            (0, Y + 0.25),
            (-0.12, Y + 0.2),
            (-0.34, Y + 0.06),
            (-0.24, Y - 0.18),
        ),
        c.main,
    )
    for side in (-1, 1):
        s.add(
            curve(
                (side * 0.02, Y + 0.08), (side * 0.16, Y - 0.02), (side * 0.32, Y + 0.06), (side * 0.12, Y + 0.2), (0, Y + 0.22)
            ),
            WHITE,
            relief=0.5,
            outline=False,
        )
    eyes(s, 0.115, Y - 0.0, 0.036)
    s.add(oval(0.01, Y + 0.11, 0.042, 0.032), INK, relief=0.6)


def cat(s: Sheet, c: Look) -> None:
    for side in (-1, 1):
        s.add(corners((side * 0.06, Y - 0.18), (side * 0.22, Y - 0.34), (side * 0.255, Y - 0.04)), c.main)
        s.add(
            corners((side * 0.12, Y - 0.18), (side * 0.2, Y - 0.27), (side * 0.22, Y - 0.1)), BLUSH, relief=0.3, outline=False
        )
    s.add(oval(0, Y, 0.27, 0.225), c.main)
    for x in (-0.06, 0, 0.06):
        s.add(limb((x, Y - 0.21), (x * 0.9, Y - 0.13), 0.013, 0.008), c.deep, relief=0, outline=False)
    s.add(oval(0.01, Y + 0.09, 0.12, 0.075), c.pale, relief=0.6, outline=False)
    for side in (-1, 1):
        for dy in (0.0, 0.05):
            s.add(
                limb((side * 0.12, Y + 0.07 + dy), (side * 0.31, Y + 0.05 + dy * 1.6), 0.008, 0.004),
                WHITE,
                relief=0,
                outline=False,
            )
    eyes(s, 0.115, Y - 0.02, 0.042)
    s.add(curve((-0.02, Y + 0.055), (0.04, Y + 0.055), (0.01, Y + 0.09)), BLUSH, relief=0.4, outline=False)
    smile(s, 0.01, Y + 0.1, 0.035)


def bear(s: Sheet, c: Look) -> None:
    for side in (-1, 1):
        s.add(oval(side * 0.2, Y - 0.19, 0.09, 0.09), c.main)
        s.add(oval(side * 0.2, Y - 0.18, 0.05, 0.05), c.pale, relief=0.4, outline=False)
    s.add(oval(0, Y, 0.27, 0.24), c.main)
    s.add(oval(0.01, Y + 0.09, 0.13, 0.1), c.pale, relief=0.7, outline=False)
    eyes(s, 0.11, Y - 0.04, 0.032)
    s.add(oval(0.01, Y + 0.05, 0.045, 0.034), INK, relief=0.6)
    smile(s, 0.01, Y + 0.11, 0.04)


def rabbit(s: Sheet, c: Look) -> None:
    for side in (-1, 1):
        s.add(oval(side * 0.11, Y - 0.33, 0.065, 0.2, side * 9), c.main)
        s.add(oval(side * 0.112, Y - 0.32, 0.032, 0.145, side * 9), BLUSH, relief=0.3, outline=False)
    s.add(oval(0, Y, 0.245, 0.22), c.main)
    s.add(oval(0.01, Y + 0.1, 0.11, 0.075), c.pale, relief=0.6, outline=False)
    cheeks(s, 0.18, Y + 0.07)
    eyes(s, 0.1, Y - 0.01, 0.037)
    s.add(oval(0.01, Y + 0.065, 0.026, 0.018), BLUSH, relief=0.4)
    s.add(block(0.01, Y + 0.125, 0.05, 0.045, 0.01), WHITE, relief=0, outline=False)


def elephant(s: Sheet, c: Look) -> None:
    for side in (-1, 1):
        s.add(oval(side * 0.29, Y + 0.0, 0.15, 0.2, side * 8), c.main)
        s.add(oval(side * 0.29, Y + 0.01, 0.1, 0.14, side * 8), mix(c.main, BLUSH, 0.55), relief=0.4, outline=False)
    s.add(oval(0, Y, 0.235, 0.23), c.main)
    s.add(limb((0.0, Y + 0.06), (0.02, Y + 0.25), 0.075, 0.058), c.main)
    s.add(limb((0.02, Y + 0.25), (0.11, Y + 0.3), 0.056, 0.045), c.main, outline=False)
    for dy in (0.13, 0.19, 0.25):
        s.add(limb((-0.04, Y + dy), (0.06, Y + dy), 0.006, 0.006), c.deep, relief=0, outline=False)
    eyes(s, 0.12, Y - 0.02, 0.034)
    cheeks(s, 0.16, Y + 0.08)


def frog(s: Sheet, c: Look) -> None:
    for side in (-1, 1):
        s.add(oval(side * 0.15, Y - 0.17, 0.1, 0.1), c.main)
    s.add(oval(0, Y + 0.03, 0.31, 0.2), c.main)
    s.add(oval(0, Y + 0.13, 0.23, 0.09), c.pale, relief=0.5, outline=False)
    for side in (-1, 1):
        s.add(oval(side * 0.15, Y - 0.18, 0.07, 0.07), WHITE, relief=0.6)
        s.add(oval(side * 0.15 + 0.012, Y - 0.175, 0.034, 0.042), INK, relief=0, outline=False)
    s.add(curve((-0.2, Y + 0.03), (0, Y + 0.11), (0.2, Y + 0.03), (0, Y + 0.085)), INK, relief=0, outline=False)
    cheeks(s, 0.22, Y + 0.1)


def owl(s: Sheet, c: Look) -> None:
    for side in (-1, 1):
        s.add(corners((side * 0.09, Y - 0.16), (side * 0.24, Y - 0.34), (side * 0.25, Y - 0.05)), c.deep)
    s.add(oval(0, Y, 0.265, 0.24), c.main)
    for side in (-1, 1):
        s.add(oval(side * 0.115, Y - 0.01, 0.125, 0.125), c.pale, relief=0.4)
        s.add(oval(side * 0.11, Y - 0.01, 0.085, 0.085), (250, 216, 92), relief=0.4, outline=False)
    eyes(s, 0.1, Y - 0.01, 0.05)
    s.add(curve((-0.05, Y + 0.05), (0.05, Y + 0.05), (0.0, Y + 0.17)), BEAK)


def penguin(s: Sheet, c: Look) -> None:
    s.add(oval(0, Y, 0.25, 0.24), c.main)
    for side in (-1, 1):
        s.add(oval(side * 0.085, Y + 0.04, 0.115, 0.15), WHITE, relief=0.4, outline=False)
    s.add(oval(0, Y + 0.11, 0.14, 0.09), WHITE, relief=0.3, outline=False)
    eyes(s, 0.09, Y - 0.01, 0.035)
    s.add(curve((-0.085, Y + 0.06), (0.0, Y + 0.03), (0.09, Y + 0.06), (0.01, Y + 0.125)), BEAK)
    cheeks(s, 0.15, Y + 0.1)


def robot(s: Sheet, c: Look) -> None:
    s.add(limb((0, Y - 0.2), (0, Y - 0.3), 0.014, 0.014), STEEL)
    s.add(oval(0, Y - 0.32, 0.04, 0.04), (255, 104, 84), glow=True)
    for side in (-1, 1):
        s.add(block(side * 0.27, Y, 0.07, 0.15, 0.03), STEEL)
    s.add(block(0, Y, 0.5, 0.42, 0.1), c.main)
    s.add(block(0, Y + 0.005, 0.38, 0.24, 0.07), (30, 34, 52), relief=0.25)
    for side in (-1, 1):
        s.add(oval(side * 0.09, Y - 0.01, 0.045, 0.06), (118, 236, 246), glow=True, outline=False)
    s.add(block(0, Y + 0.085, 0.12, 0.02, 0.01), (118, 236, 246), glow=True, outline=False)


def dinosaur(s: Sheet, c: Look) -> None:
    for x, y in ((-0.17, -0.18), (-0.06, -0.25), (0.06, -0.25)):
        s.add(corners((x - 0.06, Y + y + 0.06), (x - 0.03, Y + y - 0.09), (x + 0.07, Y + y + 0.04)), c.deep)
    s.add(oval(-0.02, Y - 0.03, 0.24, 0.21), c.main)
    s.add(
        curve((-0.2, Y + 0.02), (0.02, Y - 0.06), (0.3, Y - 0.02), (0.36, Y + 0.1), (0.22, Y + 0.2), (-0.16, Y + 0.2)),
        c.main,
        outline=False,
    )
    s.add(curve((-0.16, Y + 0.14), (0.3, Y + 0.12), (0.22, Y + 0.2), (-0.12, Y + 0.21)), c.pale, relief=0.4, outline=False)
    s.add(curve((-0.02, Y + 0.1), (0.16, Y + 0.14), (0.33, Y + 0.09), (0.16, Y + 0.115)), INK, relief=0, outline=False)
    for x in (0.25, 0.31):
        s.add(oval(x, Y + 0.01, 0.012, 0.014), c.deep, relief=0, outline=False)
    eyes(s, 0.1, Y - 0.07, 0.036)


def woman(s: Sheet, c: Look) -> None:
    s.add(
        curve((-0.2, Y - 0.24), (0.2, Y - 0.24), (0.33, Y), (0.3, Y + 0.34), (0, Y + 0.26), (-0.3, Y + 0.34), (-0.33, Y)),
        c.hair,
    )
    _face(s, c)
    s.add(
        curve(
            (-0.25, Y + 0.02),
            (-0.26, Y - 0.24),
            (0.1, Y - 0.3),
            (0.29, Y - 0.16),
            (0.25, Y + 0.03),
            (0.17, Y - 0.13),
            (-0.1, Y - 0.14),
        ),
        c.hair,
    )
    s.add(curve((-0.03, Y + 0.115), (0.05, Y + 0.115), (0.01, Y + 0.15)), (206, 74, 84), relief=0, outline=False)


def man(s: Sheet, c: Look) -> None:
    _face(s, c)
    for side in (-1, 1):
        s.add(oval(side * 0.225, Y + 0.02, 0.04, 0.055), c.skin, relief=0.5)
    s.add(
        curve(
            (-0.25, Y - 0.02),
            (-0.24, Y - 0.26),
            (0.05, Y - 0.33),
            (0.28, Y - 0.2),
            (0.235, Y - 0.02),
            (0.19, Y - 0.15),
            (-0.14, Y - 0.13),
        ),
        c.hair,
    )
    smile(s, 0.01, Y + 0.115, 0.045)


def _face(s: Sheet, c: Look) -> None:
    s.add(oval(0, Y, 0.215, 0.23), c.skin)
    cheeks(s, 0.14, Y + 0.08)
    eyes(s, 0.085, Y + 0.01, 0.032)
    s.add(oval(0.015, Y + 0.07, 0.02, 0.016), scale(c.skin, 0.86), relief=0, outline=False)


HEADS = {
    "fox": fox, "cat": cat, "bear": bear, "rabbit": rabbit, "elephant": elephant, "frog": frog, "owl": owl,
    "penguin": penguin, "robot": robot, "dinosaur": dinosaur, "woman": woman, "man": man,
}  # fmt: skip
