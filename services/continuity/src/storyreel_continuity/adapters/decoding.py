"""Decoding a clip, in a child process only; and the evidence picture of what was measured."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import av
import cv2
import numpy as np
from av.error import FFmpegError
from numpy.typing import NDArray

from storyreel_continuity.domain.colour import lab_of, swatches_of
from storyreel_continuity.domain.measuring import reading_of
from storyreel_continuity.domain.ports import Footage, Other, Seen
from storyreel_continuity.domain.readings import Gap, Reading
from storyreel_continuity.domain.tier_gap import gap_of

Frame = NDArray[np.uint8]
_FORMATS = {"video/mp4": "mp4", "video/webm": "matroska", "image/png": "png_pipe", "image/jpeg": "jpeg_pipe"}
_MOST_FRAMES, _MOST_PIXELS = 600, 480  # of a take; the widest side that is kept of each
_PANEL_HEIGHT, _LABEL_HEIGHT, _SWATCH_HEIGHT, _GAP = 216, 24, 14, 6


class Clip(NamedTuple):
    """Decoded frames (h, w, 3) sRGB."""

    frames: list[Frame]
    fps: float


def look(take: Footage, beside: Other | None, preview: Footage | None) -> Seen | str:
    """Reading, picture and gap, or, as a plain string, why the take cannot be measured."""
    cv2.setNumThreads(1)  # children share the machine; more threads each only wait for each other
    try:
        clip = _decode(take.path, take.media_type)
        reading = reading_of(clip.frames, clip.fps)
        panels = [_panel(take.label, clip, reading)]
        if beside:
            other = beside.footage
            panels.insert(0, _panel(other.label, _decode(other.path, other.media_type), beside.reading))
    except (FFmpegError, ValueError) as error:
        return str(error)
    return Seen(reading, _jpeg(panels), _gap(clip, preview)) if preview else Seen(reading, _jpeg(panels))


def _gap(clip: Clip, preview: Footage) -> Gap | str:
    try:
        before = _decode(preview.path, preview.media_type)
        return gap_of(clip.frames, clip.fps, before.frames, before.fps)
    except (FFmpegError, ValueError) as error:
        return str(error)


def _decode(path: Path, media_type: str) -> Clip:
    form = _FORMATS.get(media_type)
    if form is None:
        raise ValueError(f"{media_type} is no format that is measured")
    with av.open(str(path), format=form, options={"protocol_whitelist": "file"}) as container:
        if not container.streams.video:
            raise ValueError("there is no picture in it")
        stream = container.streams.video[0]
        fps = stream.average_rate or stream.guessed_rate or Fraction(24)
        scale = min(1.0, _MOST_PIXELS / max(stream.width, stream.height))
        size = max(2, round(stream.width * scale)), max(2, round(stream.height * scale))
        frames: list[Frame] = []
        for frame in container.decode(stream):
            frames.append(frame.reformat(*size, "rgb24", interpolation="AREA").to_ndarray().astype(np.uint8, copy=False))
            if len(frames) == _MOST_FRAMES:
                break
    return Clip(frames, float(fps))


def _panel(label: str, clip: Clip, reading: Reading) -> Frame:
    """First, middle and last frame in a row, the colours as a bar below, numbers above."""
    thirds = [clip.frames[i] for i in sorted({0, len(clip.frames) // 2, len(clip.frames) - 1})]
    row = np.hstack([_fitted(frame) for frame in thirds])
    return np.vstack([_heading(label, reading, row.shape[1]), row, _bar(row)])


def _fitted(frame: Frame) -> Frame:
    width = max(2, round(frame.shape[1] * _PANEL_HEIGHT / frame.shape[0]))
    return cv2.resize(frame, (width, _PANEL_HEIGHT), interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)


def _heading(label: str, reading: Reading, width: int) -> Frame:
    strip = np.full((_LABEL_HEIGHT, width, 3), 24, np.uint8)
    move = reading.motion
    camera = f"camera {move.right:+.1f} {move.down:+.1f} %/s zoom {move.zoom:+.1f} %/s" if move else "camera not measurable"
    text = f"{label}   {reading.exposure:+.2f} stops   a* {reading.a:+.1f} b* {reading.b:+.1f}   {camera}"
    cv2.putText(strip, text, (6, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (235, 235, 235), 1, cv2.LINE_AA)
    return strip


def _bar(row: Frame) -> Frame:
    """The dominant colours of the frames, each as wide as its share; the rest stays dark."""
    width = row.shape[1]
    bar = np.full((_SWATCH_HEIGHT, width, 3), 24, np.uint8)
    at = 0
    for swatch in swatches_of(lab_of(row)):
        lab = np.array([[[swatch.lightness, swatch.a, swatch.b]]], np.float32)
        rgb = np.clip(cv2.cvtColor(lab, cv2.COLOR_Lab2RGB)[0, 0] * 255, 0, 255).astype(np.uint8)
        end = min(width, at + round(swatch.share * width))
        bar[:, at:end] = rgb
        at = end
    return bar


def _jpeg(panels: Sequence[Frame]) -> bytes:
    width = max(p.shape[1] for p in panels)
    padded = [np.pad(p, ((0, _GAP), (0, width - p.shape[1]), (0, 0))) for p in panels]
    _, jpeg = cv2.imencode(".jpg", np.vstack(padded)[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])
    return np.asarray(jpeg).tobytes()
