"""The brand in the picture: the logo in its clear space, the end card in the brand's own colour."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageColor, ImageFilter

from storyreel_assembler.adapters.captions import Sticker, rounded
from storyreel_assembler.adapters.typeface import Style, draw_line, width_of
from storyreel_assembler.domain.captions import break_lines
from storyreel_assembler.domain.film import Size, Unbuildable
from storyreel_assembler.domain.recipe import Card

Floats = NDArray[np.float64]
MARK_HEIGHT, MARK_WIDTH = 0.075, 0.20
MARGIN = 0.05
LARGEST_LOGO = 40_000_000  # pixels; more is refused before it is decoded


def open_logo(path: Path) -> Image.Image:
    """The logo as RGBA, cut to what is visible. Raises `Unbuildable` when it is no picture or far too large."""
    try:
        with Image.open(path) as raw:
            if raw.width * raw.height > LARGEST_LOGO:
                raise Unbuildable(f"brand.logo: {raw.width}x{raw.height} pixels are too many")
            picture = raw.convert("RGBA")
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise Unbuildable(f"brand.logo: {error}") from error
    box = picture.getbbox(alpha_only=True)
    return picture.crop(box) if box else picture


def mark(size: Size, logo: Path) -> Sticker:
    """The logo at the top right, a twentieth from both edges."""
    short = min(size.width, size.height)
    picture = _fit(open_logo(logo), short * MARK_WIDTH * 1.6, short * MARK_HEIGHT)
    shadowed = _on_shadow(picture, max(1, round(short * 0.006)))
    grown = (shadowed.width - picture.width) // 2
    x = size.width - round(size.width * MARGIN) - picture.width - grown
    return Sticker.of(shadowed, x, round(size.height * MARGIN) - grown)


def card(brand: Card, size: Size, logo: Path | None) -> NDArray[np.uint8]:
    """The end card, `height x width x 3`: the brand's colour exactly, logo or name, and the call to action."""
    picture = Image.new("RGBA", (size.width, size.height), brand.primary_color)
    short = min(size.width, size.height)
    middle = round(size.height * (0.34 if brand.raised else 0.44))
    if logo is not None:
        drawn = _fit(open_logo(logo), size.width * 0.44, short * 0.30)
        tile = _plate(drawn, brand.primary_color)
        picture.alpha_composite(tile, ((size.width - tile.width) // 2, middle - tile.height // 2))
        below = middle + tile.height // 2 + round(short * 0.085)
    else:
        below = _centred(picture, brand.name, middle, Style(round(short * 0.12), brand.text_color)) + round(short * 0.05)
    if brand.call_to_action:
        _action(picture, brand, below, short)
    return np.asarray(picture.convert("RGB"))


def _action(picture: Image.Image, brand: Card, top: int, short: int) -> None:
    """The call to action under a thin rule, on one or two lines."""
    pixels = round(short * 0.058)
    lines = break_lines(brand.call_to_action, 34 if picture.width > picture.height else 24)
    rule = round(short * 0.10)
    left = (picture.width - rule) // 2
    picture.paste(brand.text_color, (left, top - 1, left + rule + 1, top + max(1, short // 240) + 1))
    at = top + round(pixels * 1.55)
    for line in lines:
        at = _centred(picture, line, at, Style(pixels, brand.text_color)) + round(pixels * 0.3)


def _centred(picture: Image.Image, text: str, baseline: int, style: Style) -> int:
    """Draw a line in the middle, smaller if it is too wide; gives the next free row."""
    widest = picture.width * (1 - 4 * MARGIN)
    width = width_of(text, style.pixels, style.latin)
    if width > widest:
        style = Style(int(style.pixels * widest / width), style.color, style.latin)
        width = width_of(text, style.pixels, style.latin)
    draw_line(picture, ((picture.width - width) / 2, baseline), text, style)
    return baseline + style.pixels


def _fit(picture: Image.Image, width: float, height: float) -> Image.Image:
    scale = min(width / picture.width, height / picture.height)
    size = (max(1, round(picture.width * scale)), max(1, round(picture.height * scale)))
    premultiplied = picture.convert("RGBa").resize(size, Image.Resampling.LANCZOS)
    return premultiplied.convert("RGBA")


def _on_shadow(picture: Image.Image, reach: int) -> Image.Image:
    """A faint dark glow behind the logo, so that it stands on any plate."""
    canvas = Image.new("RGBA", (picture.width + 8 * reach, picture.height + 8 * reach), (0, 0, 0, 0))
    glow = Image.new("L", canvas.size, 0)
    glow.paste(picture.getchannel("A").point(lambda a: a * 0.55), (4 * reach, 4 * reach))
    canvas.putalpha(glow.filter(ImageFilter.GaussianBlur(reach * 1.5)))
    canvas.alpha_composite(picture, (4 * reach, 4 * reach))
    return canvas


def _plate(logo: Image.Image, ground: str) -> Image.Image:
    """The logo, on a white plate where its own colours would be lost on the card's."""
    pixels = np.asarray(logo, dtype=np.float64)
    weight = pixels[..., 3:].sum()
    mean = (pixels[..., :3] * pixels[..., 3:]).sum((0, 1)) / max(weight, 1)
    if _contrast(mean / 255, np.array(ImageColor.getrgb(ground)[:3], dtype=np.float64) / 255) >= 2.0:
        return logo
    pad = round(max(logo.size) * 0.12)
    tile = Image.new("RGBA", (logo.width + 2 * pad, logo.height + 2 * pad), "#ffffff")
    tile.putalpha(rounded(tile.size, pad // 2))
    tile.alpha_composite(logo, (pad, pad))
    return tile


def _contrast(one: Floats, two: Floats) -> float:
    """WCAG contrast ratio of two sRGB colours (0..1)."""
    dark, bright = sorted((_luminance(one), _luminance(two)))
    return (bright + 0.05) / (dark + 0.05)


def _luminance(colour: Floats) -> float:
    linear = np.where(colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4)
    return float((linear * (0.2126, 0.7152, 0.0722)).sum())
