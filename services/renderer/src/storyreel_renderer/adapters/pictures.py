"""`Pictures` by PyAV in child processes: bytes from our own store, but still decoded apart from the loop and the leases."""

import io
from typing import TYPE_CHECKING, Self

import av
import av.filter
import numpy as np
from storyreel_chassis.children import ChildLost, Children
from storyreel_chassis.errors import WorkError
from storyreel_contracts.artifacts import ArtifactRef
from storyreel_contracts.failures import FailureKind

from storyreel_renderer.domain.ports import NoPictureError, Store

if TYPE_CHECKING:
    from storyreel_renderer.domain.ports import Frames

# Bit-exact: a resumed render is only accepted with the very bytes that it was begun with, whatever the processor.
_FLAGS = "lanczos+accurate_rnd+full_chroma_int+bitexact"


class ChildPictures:
    """Context manager; every picture is decoded in a child of its own that may take `limit_s` seconds and `memory_mib`."""

    def __init__(self, store: Store, *, workers: int, limit_s: float, memory_mib: int) -> None:
        self._store, self._limit_s = store, limit_s
        self._children = Children(workers, memory_mib, preload=[__name__])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._children.close()

    async def first_frame(self, ref: ArtifactRef, width: int, height: int) -> "Frames":
        """See `domain.ports.Pictures`. What a child cannot decode is `invalid_input`; a child that was lost is `internal`."""
        try:
            data = await self._store.get(ref)
            answer = await self._children.run(self._limit_s, decode, data, width, height)
        except WorkError as error:
            raise NoPictureError(error.kind, error.reason) from error
        except ChildLost as error:
            raise NoPictureError(FailureKind.INTERNAL, f"{ref.uri} could not be decoded: {error}") from error
        if isinstance(answer, str):
            raise NoPictureError(FailureKind.INVALID_INPUT, f"continues: {ref.uri} is no picture: {answer}")
        return np.frombuffer(answer, np.uint8).reshape(height, width, 3)


def decode(data: bytes, width: int, height: int) -> bytes | str:
    """Bytes of the first picture, RGB, scaled to cover `width` x `height` and cut around the middle; or why not."""
    try:
        with av.open(io.BytesIO(data), "r") as file:
            frame = next(file.decode(video=0))
            return _fit(frame, width, height).to_ndarray().tobytes()
    except MemoryError:  # FFmpeg's own is one of its errors too, but says nothing against the picture
        raise
    except (av.error.FFmpegError, IndexError, StopIteration, ValueError) as error:
        return f"{type(error).__name__}: {error}"


def _fit(frame: av.VideoFrame, width: int, height: int) -> av.VideoFrame:
    cover = f"{width}:{height}:force_original_aspect_ratio=increase:flags={_FLAGS}"
    graph = av.filter.Graph()
    source = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base)
    steps = [graph.add("scale", cover), graph.add("crop", f"{width}:{height}"), graph.add("format", "rgb24")]
    nodes = [source, *steps, graph.add("buffersink")]
    graph.link_nodes(*nodes).configure()
    graph.vpush(frame)
    return graph.vpull()
