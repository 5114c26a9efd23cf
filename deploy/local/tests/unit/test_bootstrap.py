"""The bootstrap's words and its stamp; that it really installs is shown by every run of the test suite."""

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="module")
def bootstrap() -> Any:
    path = Path(__file__).resolve().parents[2] / "bootstrap.py"
    spec = importlib.util.spec_from_file_location("storyreel_bootstrap", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["storyreel_bootstrap"] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device\n", "disk is full"),
        ("WARNING: NewConnectionError('Failed to establish a new connection')\n", "package index cannot be reached"),
        ("ERROR: No matching distribution found for torch==9.9\n", "lacks a pinned package"),
        ("ERROR: something new\n", "pip failed: ERROR: something new"),
    ],
)
def test_a_failure_of_pip_is_explained_with_its_log(bootstrap: Any, line: str, said: str) -> None:
    sentence = bootstrap.explain([line], Path("install.log"))
    assert said in sentence
    assert "install.log" in sentence


def test_the_stamp_follows_the_pins_and_the_rooms(bootstrap: Any, tmp_path: Path) -> None:
    bootstrap.ROOT = tmp_path
    (tmp_path / "pins.txt").write_text("numpy==1\n")
    (tmp_path / "room").mkdir()
    (tmp_path / "room" / "pyproject.toml").write_text("[project]\n")
    one = bootstrap.Environment(tmp_path / "env", tmp_path / "pins.txt", (tmp_path / "room",), "", (), 1.0, "")
    first = one.stamp()
    assert one.stamp() == first
    assert replace(one, extras="[server]").stamp() != first
    (tmp_path / "pins.txt").write_text("numpy==2\n")
    assert one.stamp() != first


def test_an_environment_is_ready_only_with_its_own_stamp_and_a_python(bootstrap: Any, tmp_path: Path) -> None:
    bootstrap.ROOT = tmp_path
    (tmp_path / "pins.txt").write_text("")
    one = bootstrap.Environment(tmp_path / "env", tmp_path / "pins.txt", (), "", (), 1.0, "")
    (tmp_path / "env" / "bin").mkdir(parents=True)
    (tmp_path / "env" / bootstrap.STAMP).write_text(one.stamp())
    assert not one.is_ready()  # interrupted before the interpreter was there
    (tmp_path / "env" / "bin" / "python").write_text("")
    assert one.is_ready()
    (tmp_path / "env" / bootstrap.STAMP).write_text("older")
    assert not one.is_ready()


def test_too_little_disk_is_said_before_anything_is_downloaded(bootstrap: Any, tmp_path: Path) -> None:
    one = bootstrap.Environment(tmp_path / "env", tmp_path / "pins.txt", (), "", (), 1e9, "")
    bootstrap.ROOT = tmp_path
    with pytest.raises(bootstrap.TroubleError, match=r"needs 1000000000 GB of free disk"):
        bootstrap._check_space(one)
    assert not (tmp_path / "env").exists()
