"""A segment, from its recipe: frames read, graded, framed, drawn on and encoded once.

Called in a worker process by `workshop.py`. Encoding is deterministic: one thread, fixed settings, bit-exact muxing.
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from fractions import Fraction
from importlib.metadata import version
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from storyreel_assembler.adapters import branding
from storyreel_assembler.adapters.captions import CaptionStyle, Sticker, caption
from storyreel_assembler.adapters.clips import Footage
from storyreel_assembler.adapters.grading import table_of
from storyreel_assembler.domain.film import Size
from storyreel_assembler.domain.framing import Window
from storyreel_assembler.domain.recipe import Encoder, Recipe, Source

BT709 = 1
FADE_FRAMES = 4
Picture = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Material:
    """Local files by the SHA-256 of their bytes: takes and the logo."""

    files: Mapping[str, Path]


def toolchain() -> str:
    """Versions of everything that decides bytes; part of every segment's key."""
    parts = [f"{name}={version(name)}" for name in ("av", "numpy", "opencv-python-headless", "pillow", "uharfbuzz")]
    return " ".join([*parts, f"libavcodec={'.'.join(map(str, av.library_versions['libavcodec']))}"])


def build_segment(recipe: Recipe, material: Material, target: Path) -> Path:
    """Encode the segment into `target` (MP4, one closed GOP after another) and give its path."""
    with av.open(str(target), "w", format="mp4", options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream("libx264", rate=recipe.fps)
        _configure(stream, recipe.size, recipe.encoder)
        for index, picture in enumerate(draw(recipe, material)):
            container.mux(stream.encode(_frame(picture, index, recipe.fps)))
        container.mux(stream.encode())
    return target


def _configure(stream: av.VideoStream, size: Size, encoder: Encoder) -> None:
    stream.width, stream.height, stream.pix_fmt = size.width, size.height, "yuv420p"
    context = stream.codec_context
    context.thread_count = 1
    context.colorspace = context.color_primaries = context.color_trc = BT709
    context.color_range = ColorRange.MPEG
    closed = f"keyint={encoder.keyint}:min-keyint=1:scenecut=0:open-gop=0"
    settings = f"{closed}:bframes={encoder.bframes}:b-pyramid=none:b-adapt=1:force-cfr=1"
    context.options = {"preset": encoder.preset, "crf": str(encoder.crf), "x264-params": settings}


def _frame(picture: Picture, index: int, fps: int) -> av.VideoFrame:
    """BT.709, limited range, 4:2:0."""
    frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(
        format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG
    )
    frame.pts, frame.time_base = index, Fraction(1, fps)
    return frame


def draw(recipe: Recipe, material: Material) -> Iterator[Picture]:
    """The segment's frames, RGB `height x width x 3`, as they will be encoded."""
    logo = material.files[recipe.logo_sha256] if recipe.logo_sha256 else None
    badge = branding.mark(recipe.size, logo) if logo else None
    words = _words(recipe)
    card = branding.card(recipe.card, recipe.size, logo) if recipe.card else None
    for index, raw in enumerate(_plates(recipe, material)):
        plate = raw
        if badge is not None:
            badge.lay(plate)
        if card is not None and recipe.card is not None:
            plate = _carded(plate, card, (index + 1) / (recipe.card.blend + 1))
        for first, end, sticker in words:
            if first <= index < end:
                sticker.lay(plate, min(1.0, (index - first + 1) / FADE_FRAMES, (end - index) / FADE_FRAMES))
        yield plate


def _words(recipe: Recipe) -> list[tuple[int, int, Sticker]]:
    style = CaptionStyle(recipe.size, recipe.accent, recipe.line_chars, recipe.rtl, recipe.subject)
    return [(cue.first, cue.end, caption(cue.text, style)) for cue in recipe.cues]


def _carded(plate: Picture, card: Picture, share: float) -> Picture:
    return card.copy() if share >= 1 else _mixed(plate, card, _eased(share))


def _eased(share: float) -> float:
    return share * share * (3 - 2 * share)


def _mixed(one: Picture, two: Picture, share: float) -> Picture:
    weight = np.float32(share)
    return (one * (1 - weight) + two * weight + np.float32(0.5)).astype(np.uint8)


def _plates(recipe: Recipe, material: Material) -> Iterator[Picture]:
    """The footage, framed; a dissolve mixes two. Under a card that stands whole nothing is read any more."""
    read = recipe.frames if recipe.card is None else recipe.card.blend
    with ExitStack() as stack:
        one = stack.enter_context(Reel(recipe.source, recipe.size, material))
        two = stack.enter_context(Reel(recipe.other, recipe.size, material)) if recipe.other else None
        for index in range(recipe.frames):
            if index >= read:
                yield np.zeros((recipe.size.height, recipe.size.width, 3), np.uint8)
                continue
            plate = one.frame(index)
            yield plate if two is None else _mixed(plate, two.frame(index), (index + 1) / (recipe.frames + 1))


class Reel:
    """One source, opened for the length of a segment."""

    def __init__(self, source: Source, size: Size, material: Material) -> None:
        self._source, self._size = source, size
        self._footage = Footage(material.files[source.take_sha256], table_of(source.grade))

    def __enter__(self) -> "Reel":
        return self

    def __exit__(self, *_: object) -> None:
        self._footage.close()

    def frame(self, index: int) -> Picture:
        """Output frame `index`, framed for the picture's size; a fresh array that may be drawn on."""
        picture = self._footage.at(self._source.start + index * self._source.step)
        return framed(picture, self._source.window, self._size)


def framed(picture: Picture, window: Window, size: Size) -> Picture:
    """The window of a take at the output's size; where it does not fill the picture its own blur stands around it."""
    image = Image.fromarray(picture)
    top, bottom = round(window.place.y0 * size.height), round(window.place.y1 * size.height)
    box = (window.x0, window.y0, window.x1, window.y1)
    front = image.resize((size.width, bottom - top), Image.Resampling.LANCZOS, box=box)
    if bottom - top == size.height:
        return np.array(front)
    field = image.resize((max(2, size.width // 16), max(2, size.height // 16)), Image.Resampling.BOX)
    field = field.filter(ImageFilter.GaussianBlur(5)).resize((size.width, size.height), Image.Resampling.BICUBIC)
    field.paste(front, (0, top))
    return np.array(field)
