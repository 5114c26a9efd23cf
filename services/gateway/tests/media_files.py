"""Files that people upload: good ones, and hostile ones, made here so that no bomb lies in the repository."""

import io
import struct
import wave
import zlib

import av
import numpy as np


def a_png(width: int = 64, height: int = 48) -> bytes:
    """A black 1-bit PNG of any size, made row by row: the hostile ones are small on disk and huge in memory."""
    packer, row = zlib.compressobj(1), b"\0" + bytes((width + 7) // 8)
    rows = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    size = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", size) + _chunk(b"IDAT", rows) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def a_wide_png() -> bytes:
    """20,000 × 20,000 pixels in a few kilobytes."""
    return a_png(20_000, 20_000)


def a_text() -> bytes:
    """A text file that calls itself a photo."""
    return b"Dear studio,\nplease find our shoe attached.\n" * 20


def a_wav(seconds: float = 0.2) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(bytes(2 * int(8000 * seconds)))
    return out.getvalue()


def an_mp4(frames: int = 5) -> bytes:
    out = io.BytesIO()
    with av.open(out, "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=24)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for i in range(frames):
            frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), i * 20, np.uint8), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return out.getvalue()
