"""A run of text as glyphs, and glyphs as pixels, by HarfBuzz alone.

HarfBuzz shapes (Arabic joins, Devanagari forms its conjuncts), fills the outlines and hands out the colour pictures.
Its wheel carries all of it. Pillow's own text goes through raqm, which looks for FriBidi on the machine at run time.
"""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from io import BytesIO

import uharfbuzz as hb
from PIL import Image, ImageChops

SUBPIXELS = 64  # HarfBuzz counts in whole numbers; so many of them are one pixel
LANGUAGE = "und"  # named, because HarfBuzz would else take the machine's own and draw other letters there


@dataclass(frozen=True, slots=True)
class Glyph:
    """One shaped glyph: its id in the font, and where its origin stands from the run's left end (pixels, y upwards)."""

    id: int
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Shaped:
    """A run's glyphs from left to right and its advance in pixels."""

    glyphs: tuple[Glyph, ...]
    advance: float


@cache
def _font(name: str, pixels: int) -> hb.Font:
    """The font, from the package's own files, with an em of so many pixels. Outlines are not hinted."""
    raw = files("storyreel_assembler").joinpath(f"fonts/{name}").read_bytes()
    font = hb.Font(hb.Face(hb.Blob(raw)))
    font.scale = (pixels * SUBPIXELS, pixels * SUBPIXELS)
    return font


def shape(text: str, name: str, pixels: int, *, rtl: bool) -> Shaped:
    """Shape text of one font and one direction; the script is that of its first letter."""
    buffer = hb.Buffer()
    buffer.add_str(text)
    buffer.direction = "rtl" if rtl else "ltr"
    buffer.language = LANGUAGE
    buffer.guess_segment_properties()
    hb.shape(_font(name, pixels), buffer)
    glyphs, at = [], 0
    for info, place in zip(buffer.glyph_infos, buffer.glyph_positions, strict=True):
        glyphs.append(Glyph(info.codepoint, (at + place.x_offset) / SUBPIXELS, place.y_offset / SUBPIXELS))
        at += place.x_advance
    return Shaped(tuple(glyphs), at / SUBPIXELS)


def mask_of(shaped: Shaped, name: str, pixels: int, size: tuple[int, int], at: tuple[float, float]) -> Image.Image:
    """Coverage of the glyphs, 0..255, in a picture of `size`; `at` is the left end of the baseline, to the subpixel.

    Each glyph is filled for itself and added: joined letters leave no seam, and crossing outlines cut no hole.
    """
    mask = Image.new("L", size, 0)
    pen = hb.RasterDraw()
    pen.scale_factor = (SUBPIXELS, SUBPIXELS)
    for glyph in shaped.glyphs:
        pen.transform = (1, 0, 0, 1, (at[0] + glyph.x) * SUBPIXELS, (glyph.y - at[1]) * SUBPIXELS)
        pen.draw_glyph(_font(name, pixels), glyph.id)
        _add(mask, pen.render())
    return mask


def _add(mask: Image.Image, filled: hb.RasterImage) -> None:
    extents = filled.extents
    if not extents.width or not extents.height:
        return
    left, top = extents.x_origin, -(extents.y_origin + extents.height)
    # HarfBuzz keeps the lowest row first.
    tile = Image.frombytes("L", (extents.width, extents.height), filled.buffer, "raw", "L", extents.stride, -1)
    box = (left, top, left + extents.width, top + extents.height)
    mask.paste(ImageChops.add(mask.crop(box), tile), box)


@cache
def colour_picture(char: str, name: str) -> Image.Image | None:
    """The character's picture in a colour font, RGBA, cut to what is visible; None where it has none."""
    font = _font(name, 1)
    glyph = font.get_nominal_glyph(ord(char))
    blob = font.get_glyph_color_png(glyph) if glyph is not None else None
    if not blob:
        return None
    with Image.open(BytesIO(blob.data)) as stored:
        picture = stored.convert("RGBA")
    box = picture.getbbox(alpha_only=True)
    return picture.crop(box) if box else None
