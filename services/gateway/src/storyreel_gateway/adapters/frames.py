"""Still pictures of our own takes, by PyAV in a thread. Takes come from the renderer, not from strangers."""

import asyncio
import io
from typing import Any

import av
from av.error import FFmpegError
from PIL import Image


class TakePictures:
    """Decodes one frame per call."""

    async def middle_frame(self, video: bytes, width: int) -> bytes:
        """JPEG of a video's middle frame, `width` pixels wide. Raises ValueError if it cannot be decoded."""
        try:
            return await asyncio.to_thread(_middle_frame, video, width)
        except FFmpegError as error:
            raise ValueError(f"the take cannot be decoded: {error}") from error


def _middle_frame(video: bytes, width: int) -> bytes:
    with av.open(io.BytesIO(video), mode="r") as container:
        stream = container.streams.video[0]
        middle = max(0, stream.frames // 2)
        frames = [frame for _, frame in zip(range(middle + 1), container.decode(stream), strict=False)]
        if not frames:
            raise ValueError("the take holds no frame")
        height = max(2, round(frames[-1].height * width / frames[-1].width))
        picture: Any = frames[-1].reformat(width=width, height=height, format="rgb24").to_ndarray()
    out = io.BytesIO()
    Image.fromarray(picture).save(out, "JPEG", quality=82)
    return out.getvalue()
