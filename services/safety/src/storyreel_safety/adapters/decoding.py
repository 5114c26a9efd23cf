"""Decoding a clip frame by frame and checking each; runs in a child process only."""

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from av.container import InputContainer
from av.error import FFmpegError
from av.video.frame import VideoFrame

from storyreel_safety.domain.footage import GRID_PIXELS, Alarm, FootageCheck, Look
from storyreel_safety.domain.policy import Policy, Stage
from storyreel_safety.domain.ports import Sighted

_FORMATS = {"video/mp4": "mp4", "video/webm": "matroska", "image/png": "png_pipe", "image/jpeg": "jpeg_pipe"}
_EVIDENCE_PIXELS = 640


def look(policy: Policy, stage: Stage, path: Path, media_type: str) -> list[Sighted] | str:
    """What the frame checks saw, or, as a plain string, why the file cannot be decoded."""
    form = _FORMATS.get(media_type)
    if form is None:
        return f"{media_type} is no format that is looked at"
    try:
        with av.open(str(path), format=form, options={"protocol_whitelist": "file"}) as container:
            return list(_sightings(container, policy, stage)) or _no_complaint(container)
    except (FFmpegError, ValueError) as error:
        return str(error)


def _no_complaint(container: InputContainer) -> list[Sighted] | str:
    return [] if container.streams.video else "there is no picture in it"


def _sightings(container: InputContainer, policy: Policy, stage: Stage) -> Iterator[Sighted]:
    if not container.streams.video:
        return
    stream = container.streams.video[0]
    fps = stream.average_rate or stream.guessed_rate or Fraction(24)
    check = FootageCheck(policy, stage, float(fps))
    frames = 0
    for frames, frame in enumerate(container.decode(stream), start=1):
        for alarm in check.feed(_look_at(frame, frames - 1)):
            yield _sighted(alarm, frame, float(fps))
    if frames == 0 or frames < stream.frames:
        raise ValueError(f"only {frames} of {stream.frames} frames can be decoded")


def _look_at(frame: VideoFrame, index: int) -> Look:
    scale = min(1.0, GRID_PIXELS / max(frame.width, frame.height))
    width, height = max(1, round(frame.width * scale)), max(1, round(frame.height * scale))
    small = frame.reformat(width, height, "rgb24", interpolation="AREA").to_ndarray().astype(np.uint8, copy=False)
    return Look(index, small, frame.reformat(format="gray").to_ndarray().astype(np.uint8, copy=False))


def _sighted(alarm: Alarm, frame: VideoFrame, fps: float) -> Sighted:
    picture = frame.to_ndarray(format="bgr24")
    scale = min(1.0, _EVIDENCE_PIXELS / max(picture.shape[:2]))
    small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    _, jpeg = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 85])
    return Sighted(
        rule=alarm.rule,
        seconds=alarm.frame / fps,
        score=alarm.score,
        threshold=alarm.threshold,
        detail=alarm.detail,
        picture=np.asarray(jpeg).tobytes(),
    )
