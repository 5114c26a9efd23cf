"""Takes, read frame by frame: never more than two of their frames are in memory."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np
from av.error import FFmpegError
from numpy.typing import NDArray

from storyreel_assembler.adapters.grading import Table, look_of
from storyreel_assembler.domain.film import Size, Take, Unbuildable
from storyreel_assembler.domain.grade import Look

SMALLEST_FOR_FLOW = 32  # pixels; below that optical flow has nothing to hold on to
Picture = NDArray[np.uint8]


def probe(path: Path, sha256: str) -> Take:
    """Size, rate and true frame count of a shot file, by counting its packets. Raises `Unbuildable` if it is not one."""
    try:
        with av.open(str(path), options={"protocol_whitelist": "file"}) as container:
            stream = container.streams.video[0]
            frames = sum(1 for packet in container.demux(stream) if packet.size)
            size = Size(stream.codec_context.width, stream.codec_context.height)
            rate = float(stream.average_rate or 0)
    except (FFmpegError, IndexError) as error:
        raise Unbuildable(f"take {sha256[:12]}: is not a readable video ({error})") from error
    if rate <= 0 or frames == 0:
        raise Unbuildable(f"take {sha256[:12]}: has {frames} frames at {rate:g} frames per second")
    return Take(sha256=sha256, size=size, frames=frames, fps=rate)


def pictures(path: Path) -> Iterator[Picture]:
    """All frames of a file in order, RGB, `height x width x 3`."""
    with av.open(str(path), options={"protocol_whitelist": "file"}) as container:
        container.streams.video[0].codec_context.thread_count = 1
        for frame in container.decode(video=0):
            yield np.asarray(frame.to_ndarray(format="rgb24"), dtype=np.uint8)


@dataclass(slots=True)
class _Pair:
    """Two neighbouring frames and how the picture moves between them, worked out once, when first asked for."""

    one: Picture
    two: Picture
    forward: NDArray[np.float32] | None = None
    backward: NDArray[np.float32] | None = None


class Footage:
    """A take read at rising fractional positions; between two frames the picture is moved, not held or doubled."""

    def __init__(self, path: Path, table: Table | None) -> None:
        self._frames = pictures(path)
        self._table = table
        self._flow = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        first = self._next()
        if first is None:
            raise Unbuildable("take: has no frames")
        self._pair, self._at = _Pair(first, first), -1

    def at(self, position: float) -> Picture:
        """The picture at a position (frames); positions must not fall. Past the last frame the last one is given."""
        whole = int(position + 1e-6)
        share = max(0.0, position - whole)
        while self._at < whole:
            following = self._next()
            if following is None:
                return self._pair.two
            self._pair, self._at = _Pair(self._pair.two, following), self._at + 1
        if share < 0.02:
            return self._pair.one
        return self._pair.two if share > 0.98 else self._between(share)

    def close(self) -> None:
        """Give the file back."""
        self._frames.close()  # type: ignore[attr-defined]

    def _next(self) -> Picture | None:
        frame = next(self._frames, None)
        return frame if frame is None or self._table is None else self._table.apply(frame)

    def _motion(self, one: Picture, two: Picture) -> NDArray[np.float32]:
        start = np.zeros((*one.shape[:2], 2), np.float32)
        return np.asarray(self._flow.calc(one, two, start), dtype=np.float32)

    def _between(self, share: float) -> Picture:
        pair = self._pair
        if min(pair.one.shape[:2]) < SMALLEST_FOR_FLOW:
            return _blended(pair.one, pair.two, share)
        if pair.forward is None or pair.backward is None:
            one, two = (np.asarray(cv2.cvtColor(p, cv2.COLOR_RGB2GRAY), np.uint8) for p in (pair.one, pair.two))
            pair.forward, pair.backward = self._motion(one, two), self._motion(two, one)
        early = _moved(pair.one, pair.forward, share)
        late = _moved(pair.two, pair.backward, 1 - share)
        return _blended(early, late, share)


def _moved(picture: Picture, flow: NDArray[np.float32], share: float) -> Picture:
    height, width = picture.shape[:2]
    x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    where = (x - flow[..., 0] * np.float32(share), y - flow[..., 1] * np.float32(share))
    moved = cv2.remap(picture, *where, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, dtype=np.uint8)


def _blended(one: Picture, two: Picture, share: float) -> Picture:
    return np.asarray(cv2.addWeighted(one, 1 - share, two, share, 0), dtype=np.uint8)


def examine(path: Path) -> tuple[Take, Look]:
    """A take's own facts and its look; the file is named by its SHA-256."""
    return probe(path, path.name), look_of(pictures(path))
