"""Captions as pictures: a soft box with the brand's colour at its leading edge, inside the title-safe area."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from storyreel_assembler.adapters.typeface import Style, draw_line, is_rtl, width_of
from storyreel_assembler.domain.captions import break_lines
from storyreel_assembler.domain.film import Box, Size

SAFE = 0.05  # margin on each side: the title-safe 90 %
INK = (10, 11, 14, 200)
BOTTOM = {"wide": 0.07, "tall": 0.16}
TOP = {"wide": 0.16, "tall": 0.16}


@dataclass(frozen=True)
class Sticker:
    """A picture to lay over frames at `x, y`: premultiplied RGB as float32 and alpha 0..1, both `height x width`."""

    x: int
    y: int
    colour: NDArray[np.float32]
    alpha: NDArray[np.float32]

    @classmethod
    def of(cls, picture: Image.Image, x: int, y: int) -> "Sticker":
        """From an RGBA picture placed with its top left at `x, y`."""
        pixels = np.asarray(picture, dtype=np.float32)
        alpha = pixels[..., 3:] / np.float32(255)
        return cls(x, y, pixels[..., :3] * alpha, alpha)

    def lay(self, frame: NDArray[np.uint8], opacity: float = 1.0) -> None:
        """Composite onto an RGB frame, in place."""
        height, width = self.alpha.shape[:2]
        part = frame[self.y : self.y + height, self.x : self.x + width]
        shade = np.float32(opacity)
        part[:] = (part * (1 - self.alpha * shade) + self.colour * shade + np.float32(0.5)).astype(np.uint8)


@dataclass(frozen=True, slots=True)
class CaptionStyle:
    """How the words of one segment are set."""

    size: Size
    accent: str
    line_chars: int
    rtl: bool
    subject: Box | None


def caption(text: str, style: CaptionStyle) -> Sticker:
    """The words in their box, placed where they cover the subject least."""
    size = style.size
    lines = break_lines(text, style.line_chars)
    pixels = _fitting(lines, size)
    rtl = is_rtl(text) or (style.rtl and not any(c.isalpha() for c in text))
    box = _drawn(lines, pixels, rtl, style.accent)
    x = (size.width - box.width) // 2
    return Sticker.of(box, x, _row(box.height, size, style.subject))


def _fitting(lines: list[str], size: Size) -> int:
    """Pixels of the em: by the picture's short side, smaller when a line would leave the title-safe area."""
    pixels = round(min(size.width, size.height) * (0.052 if size.width >= size.height else 0.056))
    room = size.width * (1 - 2 * SAFE) - _pad(pixels)[0] * 2 - _bar(pixels)
    widest = max(width_of(line, pixels) for line in lines)
    return pixels if widest <= room else max(8, int(pixels * room / widest))


def _pad(pixels: int) -> tuple[int, int]:
    return round(pixels * 0.62), round(pixels * 0.40)


def _bar(pixels: int) -> int:
    return max(2, round(pixels * 0.14))


def _drawn(lines: list[str], pixels: int, rtl: bool, accent: str) -> Image.Image:
    pad_x, pad_y = _pad(pixels)
    bar, leading = _bar(pixels), round(pixels * 1.32)
    widths = [width_of(line, pixels) for line in lines]
    width = round(max(widths)) + 2 * pad_x + bar
    height = leading * len(lines) + 2 * pad_y - round(pixels * 0.1)
    box = Image.new("RGBA", (width, height), (0, 0, 0, 0))
    box.paste(INK, (0, 0), rounded((width, height), max(3, round(pixels * 0.16))))
    box.paste(accent, (width - bar, 0, width, height) if rtl else (0, 0, bar, height))
    for row, line in enumerate(lines):
        baseline = pad_y + row * leading + round(pixels * 1.0)
        left = width - bar - pad_x - widths[row] if rtl else bar + pad_x
        draw_line(box, (left, baseline), line, Style(pixels))
    return box


def rounded(size: tuple[int, int], radius: int) -> Image.Image:
    """A rectangle of `width, height` pixels with round corners as coverage 0..255.

    By each pixel's distance from the edge: Pillow's own drawing module brings in its text, and that FriBidi.
    """
    half = np.array(size) / 2
    columns, rows = (np.abs(np.arange(side) + 0.5 - side / 2) for side in size)
    beyond_x, beyond_y = np.meshgrid(columns - half[0] + radius, rows - half[1] + radius)
    inside = np.minimum(np.maximum(beyond_x, beyond_y), 0)
    distance = np.hypot(np.maximum(beyond_x, 0), np.maximum(beyond_y, 0)) + inside - radius
    return Image.fromarray((np.clip(0.5 - distance, 0, 1) * 255 + 0.5).astype(np.uint8))


def _row(height: int, size: Size, subject: Box | None) -> int:
    """Top of the box: low in the picture, or high when the subject stands low and the top is freer."""
    shape = "wide" if size.width >= size.height else "tall"
    low = round(size.height * (1 - BOTTOM[shape])) - height
    high = round(size.height * TOP[shape])
    if subject is None:
        return low
    covered_low, covered_high = _covered(low, height, size, subject), _covered(high, height, size, subject)
    return high if covered_low > 0.35 and covered_high < covered_low - 0.2 else low


def _covered(top: int, height: int, size: Size, subject: Box) -> float:
    """Share of the box's height that the subject stands behind."""
    overlap = min(top + height, subject.y1 * size.height) - max(top, subject.y0 * size.height)
    return max(0.0, overlap) / height
