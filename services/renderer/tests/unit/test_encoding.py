"""The shot file gives back the very bytes that the model made."""

import asyncio
import io
from concurrent.futures import ThreadPoolExecutor

import av
import numpy as np
import pytest
from renderer_fakes import a_request
from storyreel_renderer.adapters.encoding import PyAvEncoder, encode
from storyreel_renderer.adapters.null_engine import gradient

NOISE = np.random.default_rng(1).integers(0, 256, (5, 48, 64, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    "frames", [NOISE, gradient(a_request().spec), NOISE[:1], NOISE[:, :, ::-1]], ids=["noise", "gradient", "still", "strided"]
)
def test_a_shot_file_is_lossless(frames: np.ndarray) -> None:
    with av.open(io.BytesIO(encode(frames, 16)), "r") as file:
        stream = file.streams.video[0]
        assert stream.codec_context.name == "h264"
        assert stream.average_rate == 16
        decoded = np.stack([f.to_ndarray(format="rgb24") for f in file.decode(video=0)])
    assert np.array_equal(decoded, frames)


def test_equal_frames_give_equal_bytes() -> None:
    assert encode(NOISE, 16) == encode(NOISE.copy(), 16)
    assert encode(NOISE, 16) != encode(NOISE, 24)


async def test_the_loop_goes_on_while_a_take_is_encoded() -> None:
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    with ThreadPoolExecutor(1) as threads:
        going_on = asyncio.ensure_future(others())
        big = np.random.default_rng(1).integers(0, 256, (25, 288, 512, 3), dtype=np.uint8)
        assert len(await PyAvEncoder(threads).encode(big, 16)) > 1_000_000
        going_on.cancel()
    assert turns > 10
