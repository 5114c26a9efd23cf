"""One stream to the step engine, without a server: patience, and the cancel that must not get lost."""

import asyncio
from typing import Any

import numpy as np
import pytest
from storyreel_renderer.adapters.triton_stream import Question, TritonStream, WedgedError


class Result:
    """A response that says nothing."""

    def as_numpy(self, name: str) -> Any:
        assert name == "EVENT"
        return np.array([b"{}"], dtype=np.object_)


class Responses:
    """What comes down: one answer, as soon as it is there."""

    def __init__(self) -> None:
        self.answer: asyncio.Future[tuple[Result, None]] = asyncio.get_running_loop().create_future()

    def __aiter__(self) -> "Responses":
        return self

    async def __anext__(self) -> tuple[Result, None]:
        return await self.answer

    def cancel(self) -> None:
        self.answer.cancel()


class Client:
    """A connection with one stream."""

    def __init__(self) -> None:
        self.responses = Responses()

    def stream_infer(self, upward: object) -> Responses:
        return self.responses


def a_stream() -> tuple[TritonStream, Responses]:
    client = Client()
    return TritonStream(client, "storyreel_video", Question({"op": "describe"})), client.responses  # type: ignore[arg-type]


async def test_silence_beyond_its_patience_is_told() -> None:
    stream, _ = a_stream()
    with pytest.raises(WedgedError):
        await stream.next(0.01)


@pytest.mark.parametrize("turns", range(8))
async def test_a_cancel_that_comes_in_the_moment_of_an_answer_is_not_lost(turns: int) -> None:
    """Who closes the room waits for its tasks to end; one that swallowed its cancel would go on for ever."""
    stream, responses = a_stream()
    reading = asyncio.ensure_future(stream.next(60))
    await asyncio.sleep(0)
    responses.answer.set_result((Result(), None))
    for _ in range(turns):
        await asyncio.sleep(0)
    in_time = reading.cancel()
    await asyncio.wait({reading})
    assert reading.cancelled() is in_time
