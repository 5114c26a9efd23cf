"""The upsampler in a real Triton, with the weights of the repository: its card, its frames, its refusals."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tritonclient.grpc as triton
from storyreel_local import places
from storyreel_local.errors import TroubleError
from storyreel_local.parts.base import Options
from storyreel_local.stack import Stack
from storyreel_local.testing import unavailable

pytestmark = [pytest.mark.connected, pytest.mark.timeout(180)]

MODEL = "storyreel_upsampler"
FOLDER = places.REPOSITORY / "deploy" / "triton" / "model_repository" / MODEL
Frames = npt.NDArray[np.uint8]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[triton.InferenceServerClient]:
    """A server with this model alone."""
    repository = tmp_path_factory.mktemp("repository")
    (repository / MODEL).symlink_to(FOLDER)
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("STORYREEL_MODEL_REPOSITORY", str(repository))
        stack = Stack(tmp_path_factory.mktemp("triton"), options=Options(parts=("triton",), topics=False, tied=True))
        try:
            stack.up()
        except TroubleError as error:
            unavailable("triton", str(error))
        with triton.InferenceServerClient(str(stack.endpoints["triton"]["grpc"])) as connected:
            yield connected
        stack.down()


def ask(client: triton.InferenceServerClient, frames: Frames | None = None) -> tuple[dict[str, Any], Frames | None]:
    """What it says, and the frames that came with it."""
    inputs = []
    if frames is not None:
        inputs.append(triton.InferInput("FRAMES", frames.shape, "UINT8"))
        inputs[0].set_data_from_numpy(frames)
    answer = client.infer(MODEL, inputs)
    return json.loads(answer.as_numpy("EVENT")[0]), answer.as_numpy("FRAMES")


def picture(count: int) -> Frames:
    """Frames in which something moves over a ramp."""
    frames = np.tile(np.linspace(0, 255, 192).astype(np.uint8)[None, None, :, None], (count, 112, 1, 3))
    for i in range(count):
        frames[i, 40:70, 20 + 9 * i : 50 + 9 * i] = (200, 60, 30)
    return np.ascontiguousarray(frames)


def test_frames_come_back_in_a_films_size_and_look_like_what_went_in(client: triton.InferenceServerClient) -> None:
    small = picture(3)
    said, large = ask(client, small)
    assert said["kind"] == "frames"
    assert large is not None
    assert large.shape == (3, 720, 1280, 3)
    plain = small[:, 2:110].repeat(20, 1)[:, ::3].repeat(20, 2)[:, :, ::3]
    assert np.abs(large.astype(int) - plain).mean() < 8
    assert np.abs(large[::-1].astype(int) - plain).mean() > np.abs(large.astype(int) - plain).mean()


def test_a_piece_of_a_take_gives_the_bytes_of_the_whole_take(client: triton.InferenceServerClient) -> None:
    small = picture(3)
    (_, whole), (_, piece) = ask(client, small), ask(client, small[1:2])
    assert whole is not None
    assert piece is not None
    assert np.array_equal(whole[1], piece[0])


def test_without_frames_it_says_its_version_which_every_answer_repeats(client: triton.InferenceServerClient) -> None:
    (card, nothing), (said, _) = ask(client), ask(client, picture(1))
    assert (card["kind"], nothing) == ("card", None)
    assert card["version"] == said["version"]


def test_a_refused_request_says_why_and_harms_nobody(client: triton.InferenceServerClient) -> None:
    said, nothing = ask(client, np.zeros((1, 100, 100, 3), np.uint8))
    assert (said["kind"], said["failure"], nothing) == ("failed", "invalid_input", None)
    assert said["reason"].startswith("frames:")
    assert ask(client, picture(1))[0]["kind"] == "frames"


def test_the_weights_are_small_enough_for_the_repository() -> None:
    assert sum(p.stat().st_size for p in Path(FOLDER).rglob("*.safetensors")) <= 2 << 20
