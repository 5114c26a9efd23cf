"""`Encoder` by PyAV: frames to a lossless H.264 MP4, in threads, so that the loop never waits for a codec.

RGB is coded as it is (libx264rgb at quantiser 0): a decoder gives back the very bytes that the model made, which a
conversion to YUV could not. One thread per take and no timestamps in the file, so equal frames give equal bytes.
"""

import asyncio
import io
from concurrent.futures import Executor
from typing import TYPE_CHECKING, cast

import av

if TYPE_CHECKING:
    from storyreel_renderer.domain.ports import Frames

CODEC = "libx264rgb"
OPTIONS = {"qp": "0", "preset": "ultrafast", "threads": "1"}
CONTAINER = {"fflags": "+bitexact"}


class PyAvEncoder:
    """Encodes on `executor`, whose size bounds how many takes are encoded at once."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    async def encode(self, frames: "Frames", fps: int) -> bytes:
        """MP4 of uint8 RGB frames (frames, height, width, 3) at `fps`; equal frames give equal bytes."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, encode, frames, fps)


def encode(frames: "Frames", fps: int) -> bytes:
    """What `PyAvEncoder` does in its threads."""
    _, height, width, _ = frames.shape
    file = io.BytesIO()
    with av.open(file, "w", format="mp4", container_options=CONTAINER) as container:
        stream = cast("av.VideoStream", container.add_stream(CODEC, rate=fps, options=OPTIONS))
        stream.width, stream.height, stream.pix_fmt = width, height, "rgb24"
        stream.codec_context.flags |= av.codec.context.Flags.bitexact
        for picture in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return file.getvalue()
