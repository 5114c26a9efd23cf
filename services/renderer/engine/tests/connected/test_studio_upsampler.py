"""The upsampler: sizes, what it refuses, and its door in Triton's words."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

np = pytest.importorskip("numpy")
torch = pytest.importorskip("torch", reason="torch is only in the engine's environment (.venv-engine)")

from storyreel_engine.card import weights_version  # noqa: E402
from storyreel_engine.failures import InvalidInputError  # noqa: E402
from storyreel_engine.studio_upsampler import StudioUpsampler, enlarged, film_cut  # noqa: E402


def small_net(seed: int = 0) -> StudioUpsampler:
    torch.manual_seed(seed)
    net = StudioUpsampler(width=8, depth=1, lead=4)
    torch.nn.init.normal_(net.blocks.weight, std=0.05)
    return net.eval()


def noise(*shape: int) -> Any:
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def test_before_any_lesson_a_picture_is_plainly_enlarged() -> None:
    flat = np.full((1, 6, 9, 3), 77, np.uint8)
    assert (enlarged(StudioUpsampler(8, 1, 4), flat) == 77).all()


@pytest.mark.parametrize(("small", "large"), [((112, 192), (720, 1280)), ((192, 112), (1280, 720)), ((54, 96), (360, 640))])
def test_frames_become_a_films_size(small: tuple[int, int], large: tuple[int, int]) -> None:
    assert enlarged(small_net(), film_cut(noise(1, *small, 3))).shape == (1, *large, 3)


def test_the_cut_keeps_the_middle() -> None:
    frames = np.zeros((1, 112, 192, 3), np.uint8)
    frames[:, 2:110] = 9
    assert (film_cut(frames) == 9).all()


@pytest.mark.parametrize("shape", [(1, 112, 190, 3), (1, 100, 192, 3), (112, 192, 3), (1, 112, 192, 4)])
def test_what_cannot_be_cut_to_whole_blocks_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InvalidInputError, match="frames"):
        film_cut(np.zeros(shape, np.uint8))


def test_a_frame_is_the_same_in_any_company() -> None:
    net, frames = small_net(), noise(3, 27, 48, 3)
    assert np.array_equal(enlarged(net, frames)[1], enlarged(net, frames[1:2])[0])


def test_half_precision_moves_no_pixel_by_more_than_a_few_levels() -> None:
    net, frames = small_net(), noise(1, 27, 48, 3)
    full, half = (enlarged(net, frames, half=way).astype(int) for way in (False, True))
    assert 0 < np.abs(full - half).max() <= 4


def test_what_comes_is_what_the_network_says() -> None:
    net, frames = small_net(), noise(1, 27, 48, 3)
    with torch.inference_mode():
        said = net(torch.from_numpy(frames).permute(0, 3, 1, 2) / 127.5 - 1)
    wanted = (said * 127.5 + 127.5).clamp(0, 255).permute(0, 2, 3, 1).numpy()
    assert np.abs(enlarged(net, frames, half=False) - wanted).max() <= 1.6  # a level of the plain bytes, and the rounding
    assert np.abs(enlarged(net, frames[:, :, ::-1], half=False) - wanted).max() > 30


class Tensor:
    """A tensor of Triton's Python backend."""

    def __init__(self, name: str, values: Any) -> None:
        self.name, self.values = name, values

    def as_numpy(self) -> Any:
        return self.values


@pytest.fixture
def door(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The model as Triton loads it, on weights of its own."""
    backend: Any = ModuleType("triton_python_backend_utils")
    backend.Tensor = Tensor
    backend.InferenceResponse = lambda output_tensors: {t.name: t.values for t in output_tensors}
    backend.get_input_tensor_by_name = lambda request, name: request.get(name)
    monkeypatch.setitem(sys.modules, "triton_python_backend_utils", backend)
    monkeypatch.delitem(sys.modules, "storyreel_engine.upsampler_server", raising=False)
    from storyreel_engine.upsampler_server import TritonPythonModel

    small_net().save_pretrained(tmp_path / "1" / "studio")
    model = TritonPythonModel()
    configuration = {"parameters": {"device": {"string_value": "cpu"}, "torch_threads": {"string_value": "1"}}}
    model.initialize({"model_config": json.dumps(configuration), "model_repository": str(tmp_path), "model_version": "1"})
    return SimpleNamespace(model=model, folder=tmp_path / "1" / "studio")


def asked(door: Any, frames: Any = None) -> tuple[dict[str, Any], Any]:
    answer = door.model.execute([{} if frames is None else {"FRAMES": Tensor("FRAMES", frames)}])[0]
    return json.loads(answer["EVENT"][0]), answer.get("FRAMES")


def test_without_frames_it_says_what_it_is(door: Any) -> None:
    said, frames = asked(door)
    assert (said["kind"], said["version"], frames) == ("card", weights_version(door.folder), None)


def test_with_frames_it_enlarges_them_and_says_by_which_version_and_in_what_time(door: Any) -> None:
    small = noise(2, 56, 96, 3)
    said, frames = asked(door, small)
    assert said["kind"] == "frames"
    assert said["version"] == weights_version(door.folder)
    assert said["device_seconds"] > 0
    assert np.array_equal(frames, enlarged(small_net(), film_cut(small)))


@pytest.mark.parametrize(("shape", "why"), [((1, 50, 50, 3), "16:9"), ((65, 54, 96, 3), "more than 64")])
def test_what_it_cannot_do_is_told_and_the_next_request_is_answered(door: Any, shape: tuple[int, ...], why: str) -> None:
    said, frames = asked(door, np.zeros(shape, np.uint8))
    assert (said["kind"], said["failure"], frames) == ("failed", "invalid_input", None)
    assert why in said["reason"]
    assert asked(door)[0]["kind"] == "card"


def test_missing_weights_are_an_error_and_not_a_plain_enlargement(door: Any) -> None:
    for path in door.folder.iterdir():
        path.unlink()
    with pytest.raises(OSError, match="studio"):
        asked(door, noise(1, 54, 96, 3))
