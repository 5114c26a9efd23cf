"""Draws `product.png` and `logo.png` beside this file: our own pictures, which anyone can make again.

python examples/briefs/sneaker-launch/draw.py
"""

from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageChops, ImageDraw, ImageFilter

HERE = Path(__file__).parent
SIZE = (1280, 960)  # pixels of the product photo
OVERSAMPLING = 2
CORAL, DARK_CORAL, KNIT, SHADE, INK = "#e2553d", "#b93f2b", "#f6f3ee", "#d9d3ca", "#4a4540"
Point = tuple[float, float]


def curve(points: Sequence[Point], per_segment: int = 24) -> list[Point]:
    """Closed Catmull-Rom curve through the points."""
    n = len(points)
    return [
        _between([points[(i + k - 1) % n] for k in range(4)], step / per_segment)
        for i in range(n)
        for step in range(per_segment)
    ]


def _between(p: Sequence[Point], t: float) -> Point:
    a, b, c, d = p
    x, y = (
        0.5 * (2 * b[k] + (c[k] - a[k]) * t + (2 * a[k] - 5 * b[k] + 4 * c[k] - d[k]) * t**2)
        + 0.5 * (3 * b[k] - a[k] - 3 * c[k] + d[k]) * t**3
        for k in (0, 1)
    )
    return x, y


def scaled(points: Sequence[Point]) -> list[Point]:
    """Points of the photo's pixel grid on the oversampled canvas."""
    return [(x * OVERSAMPLING, y * OVERSAMPLING) for x, y in points]


UPPER = [
    (262, 470), (250, 545), (270, 640), (420, 668), (640, 672), (860, 672), (1010, 660), (1046, 610), (1000, 565),
    (905, 535), (800, 495), (715, 425), (640, 368), (585, 352), (548, 372), (505, 410), (430, 428), (360, 402),
    (300, 384), (272, 410),
]  # fmt: skip
SOLE = [
    (244, 640),
    (400, 652),
    (640, 660),
    (880, 656),
    (1050, 622),
    (1072, 668),
    (1030, 716),
    (860, 730),
    (560, 730),
    (300, 726),
    (240, 700),
]
HEEL = [(262, 410), (246, 545), (262, 650), (372, 660), (398, 580), (352, 470), (318, 392)]
TOE = [(1048, 600), (1004, 562), (930, 545), (905, 600), (925, 668), (1020, 668)]
TONGUE = [(548, 372), (560, 322), (606, 300), (648, 330), (690, 398), (640, 440), (580, 420)]
FLAME = [(50, 4), (76, 44), (82, 78), (64, 104), (50, 108), (34, 104), (18, 80), (26, 52), (38, 60), (44, 34)]
EMBER = [(50, 62), (62, 82), (56, 98), (50, 100), (43, 98), (38, 84)]
LACES = [
    ((570, 405), (650, 372)),
    ((612, 436), (694, 402)),
    ((656, 468), (738, 434)),
    ((702, 498), (784, 466)),
    ((750, 524), (830, 494)),
]


def studio() -> Image.Image:
    """A warm grey sweep, lighter in the middle: radial light over a vertical gradient."""
    w, h = (n * OVERSAMPLING for n in SIZE)
    floor = Image.linear_gradient("L").resize((w, h))
    sweep = Image.composite(Image.new("RGB", (w, h), "#b9afa4"), Image.new("RGB", (w, h), "#d8d1c8"), floor)
    light = ImageChops.invert(Image.radial_gradient("L")).resize((w, h)).point(lambda v: int(v * 0.45))
    return Image.composite(Image.new("RGB", (w, h), "#f7f2ea"), sweep, light)


def mask(points: Sequence[Point], size: tuple[int, int]) -> Image.Image:
    """The area inside a curve, white on black."""
    area = Image.new("L", size, 0)
    ImageDraw.Draw(area).polygon(scaled(curve(points)), fill=255)
    return area


def painted(photo: Image.Image, points: Sequence[Point], colours: tuple[str, str]) -> None:
    """Fill a curve with a vertical gradient between two colours, its lower edge darker."""
    area = mask(points, photo.size)
    top, bottom = (Image.new("RGB", photo.size, c) for c in colours)
    box = area.getbbox() or (0, 0, *photo.size)
    ramp = Image.new("L", photo.size, 0)
    ramp.paste(Image.linear_gradient("L").resize((box[2] - box[0], box[3] - box[1])), box[:2])
    photo.paste(Image.composite(bottom, top, ramp), mask=area)


def shadow(photo: Image.Image) -> None:
    """A soft contact shadow under the sole."""
    s = OVERSAMPLING
    dark = Image.new("L", photo.size, 0)
    ImageDraw.Draw(dark).ellipse((215 * s, 696 * s, 1110 * s, 762 * s), fill=150)
    photo.paste(Image.new("RGB", photo.size, "#5b5148"), mask=dark.filter(ImageFilter.GaussianBlur(16 * s)))


def knit(photo: Image.Image) -> None:
    """Fine diagonal threads on the upper, barely there."""
    s = OVERSAMPLING
    threads = Image.new("L", photo.size, 0)
    pen = ImageDraw.Draw(threads)
    for x in range(0, 1600, 9):
        pen.line((x * s, 300 * s, (x - 300) * s, 700 * s), fill=34, width=s)
    photo.paste(Image.new("RGB", photo.size, INK), mask=ImageChops.multiply(threads, mask(UPPER, photo.size)))


def lace(photo: Image.Image) -> None:
    """Five laces with round ends."""
    pen, s = ImageDraw.Draw(photo), OVERSAMPLING
    for line in LACES:
        a, b = scaled(line)
        for colour, half in ((SHADE, 9 * s), (KNIT, 7 * s)):
            pen.line((a, b), fill=colour, width=2 * half)
            for x, y in (a, b):
                pen.ellipse((x - half, y - half, x + half, y + half), fill=colour)


def emblem(photo: Image.Image) -> None:
    """The brand's flame on the side, leaning with the stride."""
    for outline, colour in ((FLAME, CORAL), (EMBER, KNIT)):
        painted(photo, [(520 + 1.15 * x + 0.35 * (104 - y), 500 + 1.15 * y) for x, y in outline], (colour, colour))


def product() -> Image.Image:
    """The shoe on its sweep."""
    photo = studio()
    shadow(photo)
    painted(photo, TONGUE, (KNIT, SHADE))
    painted(photo, UPPER, ("#fffdf9", SHADE))
    knit(photo)
    painted(photo, HEEL, (CORAL, DARK_CORAL))
    painted(photo, TOE, (KNIT, SHADE))
    emblem(photo)
    lace(photo)
    painted(photo, SOLE, ("#ffffff", SHADE))
    line = [(x, y + 34) for x, y in SOLE[:5]] + [(x, y + 44) for x, y in reversed(SOLE[:5])]
    painted(photo, line, (CORAL, CORAL))
    return photo.resize(SIZE, Image.Resampling.LANCZOS)


LETTERS: dict[str, list[list[Point]]] = {  # strokes on a 10 x 14 grid
    "E": [[(9, 0), (0, 0), (0, 14), (9, 14)], [(0, 7), (7, 7)]],
    "M": [[(0, 14), (0, 0), (6, 8), (12, 0), (12, 14)]],
    "B": [[(0, 7), (7, 7), (9, 5), (9, 2), (7, 0), (0, 0), (0, 14), (7, 14), (9, 12), (9, 9), (7, 7)]],
    "R": [[(0, 14), (0, 0), (7, 0), (9, 2), (9, 5), (7, 7), (0, 7)], [(5, 7), (9, 14)]],
}


def stroke(pen: ImageDraw.ImageDraw, points: Sequence[Point], at: Point, unit: float) -> None:
    """A line with round joints through grid points."""
    path = [(at[0] + x * unit, at[1] + y * unit) for x, y in points]
    half = 1.3 * unit
    pen.line(path, fill="white", width=round(2 * half), joint="curve")
    for x, y in path:
        pen.ellipse((x - half, y - half, x + half, y + half), fill="white")


def logo() -> Image.Image:
    """Flame and wordmark, white on transparent, 800 x 240."""
    s = 4
    canvas = Image.new("LA", (800 * s, 240 * s), (255, 0))
    alpha = Image.new("L", canvas.size, 0)
    pen = ImageDraw.Draw(alpha)
    flame = [(x * 1.5 * s + 40 * s, y * 1.5 * s + 36 * s) for x, y in curve(FLAME)]
    pen.polygon(flame, fill="white")
    pen.polygon([(x * 1.5 * s + 40 * s, y * 1.5 * s + 36 * s) for x, y in curve(EMBER)], fill=0)
    at = 232.0 * s
    for letter in "EMBER":
        for points in LETTERS[letter]:
            stroke(pen, points, (at, 71 * s), 7 * s)
        at += (126 if letter == "M" else 104) * s
    canvas.putalpha(alpha)
    return canvas.resize((800, 240), Image.Resampling.LANCZOS)


def main() -> None:
    """Write both pictures beside this script."""
    product().save(HERE / "product.png", optimize=True)
    logo().save(HERE / "logo.png", optimize=True)


if __name__ == "__main__":
    main()
