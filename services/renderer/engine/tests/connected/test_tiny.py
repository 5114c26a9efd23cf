"""The tiny pipeline: made without a download, the same from the same seed, readable by the loader."""

# ruff: noqa: E402 - what follows can only be imported where torch is

import pytest

pytest.importorskip("torch", reason="torch is only in the engine's environment (.venv-engine)")
pytestmark = pytest.mark.connected

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from engine_videos import ask, passes, pictures, prepare, render
from storyreel_engine.card import load_card, weights_version
from storyreel_engine.failures import OutOfMemoryError
from storyreel_engine.on_device import on_device
from storyreel_engine.pipelines.wan import WanAdapter
from storyreel_engine.tiny import byte_tokenizer, main, make_tiny
from storyreel_engine.wire import RenderRequest


def final(wan: WanAdapter, aspect: str) -> RenderRequest:
    """A second of film in the card's own final size."""
    width, height = wan.card.sizes["final"][aspect]
    return ask(width=width, height=height, frames=17, steps=wan.card.steps["final"])


def test_the_same_seed_gives_the_same_version_and_another_seed_another(tiny_folder: Path, tmp_path: Path) -> None:
    assert make_tiny(tmp_path / "again").version == load_card(tiny_folder).version
    assert make_tiny(tmp_path / "other", seed=1).version != load_card(tiny_folder).version


def test_the_card_names_the_hash_of_the_weights_that_lie_beside_it(tiny_folder: Path) -> None:
    assert load_card(tiny_folder).version == weights_version(tiny_folder)


def test_the_folder_is_a_few_megabytes_at_most(tiny_folder: Path) -> None:
    assert sum(path.stat().st_size for path in tiny_folder.rglob("*") if path.is_file()) < 4 << 20


def test_making_it_twice_keeps_the_first(tiny_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path: path.stat().st_mtime_ns for path in tiny_folder.rglob("*")}
    assert main(["--out", str(tiny_folder)]) == 0
    assert {path: path.stat().st_mtime_ns for path in tiny_folder.rglob("*")} == before
    assert load_card(tiny_folder).version in capsys.readouterr().out


def test_a_folder_with_something_else_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(FileExistsError, match="name another folder"):
        make_tiny(tmp_path)
    assert (tmp_path / "mine.txt").read_text() == "keep"


@pytest.mark.parametrize("aspect", ["16:9", "9:16", "1:1"])
def test_every_aspect_of_the_card_is_rendered_in_its_size(wan: WanAdapter, aspect: str) -> None:
    asked = final(wan, aspect)
    frames = render(wan, replace(asked, steps=1))
    assert frames.shape == (17, asked.height, asked.width, 3)


def test_the_pictures_are_neither_black_nor_frozen_nor_flashing(wan: WanAdapter) -> None:
    frames = render(wan, final(wan, "16:9")).astype(float)
    assert 40 < frames.mean() < 215
    assert 5 < frames.std() < 60
    steps = np.abs(np.diff(frames.mean(axis=(1, 2, 3))))
    assert np.abs(np.diff(frames, axis=0)).mean() > 1
    assert steps.max() < 10


def test_emoji_and_right_to_left_text_are_tokens_like_any_other() -> None:
    tokens = byte_tokenizer()("שלום 👟")
    assert len(tokens.input_ids) == len("שלום 👟".encode()) + 1
    assert 2 not in tokens.input_ids


def test_a_shot_longer_than_the_card_allows_at_once_is_made_in_windows(wan: WanAdapter) -> None:
    state = prepare(wan, ask(width=32, height=32, frames=113, steps=1))
    assert state.window_count == 2
    passes(wan, [state], 2)
    assert pictures(wan, state).shape[0] == 113


def test_running_out_of_memory_is_told_as_such() -> None:
    with pytest.raises(OutOfMemoryError), on_device(torch.device("cpu")):
        torch.empty(1 << 60)
