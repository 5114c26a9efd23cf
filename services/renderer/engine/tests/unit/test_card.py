"""The model card: its rules, its file, and the version that names the weights."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from engine_fakes import CARD, request
from storyreel_engine.card import load_card, weights_version, write_card
from storyreel_engine.failures import InvalidInputError


def test_a_card_comes_back_from_its_file_as_it_was_written(tmp_path: Path) -> None:
    write_card(tmp_path, CARD)
    assert load_card(tmp_path) == CARD


def test_a_folder_without_a_card_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"storyreel_engine\.tiny"):
        load_card(tmp_path)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"width": 40}, "width"),
        ({"height": 8}, "height"),
        ({"width": 4096, "height": 4096}, "width"),
        ({"frames": 12}, "frames"),
        ({"window": 13}, "window"),
        ({"window": 8}, "window"),
        ({"frames": 9, "window": 1}, "window"),
        ({"frames": 4}, "frames"),
        ({"model_version": "v2"}, "model_version"),
    ],
)
def test_what_the_model_cannot_render_is_refused_by_the_fields_name(fields: dict[str, Any], named: str) -> None:
    with pytest.raises(InvalidInputError, match=f"^{named}:"):
        CARD.check(request(**fields))


@pytest.mark.parametrize("frames", [1, 5, 9, 13, 101])
def test_what_the_model_can_render_passes(frames: int) -> None:
    CARD.check(request(frames=frames, model_version="v1"))


def test_a_model_without_windows_refuses_a_long_shot() -> None:
    with pytest.raises(InvalidInputError, match=r"^frames: 13 .* no windows"):
        replace(CARD, window_overlap=0).check(request(frames=13))


@pytest.mark.parametrize(("rule", "picture"), [("required", ""), ("none", "sha")])
def test_a_first_frame_comes_along_exactly_where_the_model_starts_from_one(rule: str, picture: str) -> None:
    with pytest.raises(InvalidInputError, match=r"^first_frame:"):
        replace(CARD, first_frame=rule).check(request(first_frame=picture))
    CARD.check(request(first_frame=picture))


def test_the_version_follows_every_file_but_the_card(tmp_path: Path) -> None:
    (tmp_path / "vae").mkdir()
    (tmp_path / "vae" / "weights").write_bytes(b"one")
    first = weights_version(tmp_path)
    write_card(tmp_path, CARD)
    assert weights_version(tmp_path) == first
    (tmp_path / "vae" / "weights").write_bytes(b"two")
    assert weights_version(tmp_path) != first
    (tmp_path / "vae" / "weights").write_bytes(b"one")
    (tmp_path / "vae" / "weights").rename(tmp_path / "vae" / "renamed")
    assert weights_version(tmp_path) != first
