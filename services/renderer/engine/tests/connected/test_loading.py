"""From a folder, or from a hub's cache, to an adapter: through diffusers' real loading, and nothing is fetched unasked."""

# ruff: noqa: E402 - what follows can only be imported where torch is

import pytest

pytest.importorskip("torch", reason="torch is only in the engine's environment (.venv-engine)")
pytestmark = pytest.mark.connected

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import torch
from engine_videos import ask, render
from storyreel_engine.card import CARD_FILE, load_card
from storyreel_engine.carding import derive_card, main
from storyreel_engine.loader import ADAPTERS, find_card, load_pipeline, named
from storyreel_engine.pipelines.base import VideoAdapter
from storyreel_engine.pipelines.family import LongShots
from storyreel_engine.pipelines.hub import cached
from storyreel_engine.pipelines.loading import load_adapter
from storyreel_engine.pipelines.wan import WanAdapter, WanImageAdapter
from storyreel_engine.settings import EngineSettings
from storyreel_engine.tiny import make_tiny

REVISION = "0123456789abcdef0123456789abcdef01234567"
SECONDS = {"preview": 1.0, "final": 4.0}


@pytest.fixture
def cache(tiny_folder: Path, tmp_path: Path) -> Path:
    """A hub's cache as its client lays it out, with the tiny pipeline as org/tiny-wan, without its card."""
    model = tmp_path / "models--org--tiny-wan"
    snapshot = model / "snapshots" / REVISION
    shutil.copytree(tiny_folder, snapshot)
    (snapshot / CARD_FILE).unlink()
    (model / "refs").mkdir()
    (model / "refs" / "main").write_text(REVISION)
    return tmp_path


def test_a_folder_is_loaded_in_its_own_precision_and_renders_as_before_it_was_saved(tiny_folder: Path, wan: WanAdapter) -> None:
    loaded = load_pipeline(EngineSettings(tiny_folder, device="cpu", dtype="bfloat16", torch_threads=1))
    assert isinstance(loaded, WanAdapter)
    assert loaded.pipe.transformer.dtype is torch.bfloat16
    assert loaded.pipe.vae.dtype is torch.float32
    half, full = (render(each, ask(width=64, height=48)).astype(float) for each in (loaded, wan))
    assert 0 < abs(half - full).mean() < 2


def test_a_model_of_the_hub_comes_from_the_local_cache_at_its_revision(cache: Path) -> None:
    assert cached("org/tiny-wan", cache=cache).name == REVISION
    assert cached("org/tiny-wan", REVISION, cache).name == REVISION


def test_what_is_not_in_the_cache_is_asked_for_in_words(cache: Path) -> None:
    with pytest.raises(FileNotFoundError, match="org/other is not in the local cache; set STORYREEL_DOWNLOAD=on"):
        cached("org/other", cache=cache)
    with pytest.raises(FileNotFoundError, match="org/tiny-wan is not in the local cache"):
        cached("org/tiny-wan", "f" * 40, cache)


WATCHED = """
import socket, sys
from storyreel_engine.loader import find_folder
from storyreel_engine.pipelines.hub import cached
from storyreel_engine.settings import EngineSettings
def refuse(*address, **_):
    print("tried", address[0], flush=True)
    raise OSError("no network here")
socket.getaddrinfo = refuse
guarded = sys.argv[1] == "guarded"
folder = find_folder(EngineSettings(None, model_id="org/tiny-wan")) if guarded else cached("org/tiny-wan")
from huggingface_hub.utils import build_hf_headers  # what loading a pipeline does too
build_hf_headers()
print(folder)
"""


@pytest.mark.parametrize("how", ["guarded", "without the guard"])
def test_a_model_in_the_cache_is_found_without_a_word_to_the_network(how: str, cache: Path) -> None:
    """In a process of its own, because the hub's client decides once, when it is imported."""
    environment = {**os.environ, "HF_HUB_CACHE": str(cache), "HF_HOME": str(cache / "home")}
    environment.pop("HF_HUB_OFFLINE", None)
    command = [sys.executable, "-c", WATCHED, how]
    said = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=200).stdout
    assert said.splitlines()[-1].endswith(REVISION)
    assert ("tried" in said) is (how != "guarded")


def test_a_card_may_lie_elsewhere_and_a_missing_one_is_asked_for(cache: Path, tiny_folder: Path) -> None:
    snapshot = cache / "models--org--tiny-wan" / "snapshots" / REVISION
    assert find_card(snapshot, tiny_folder / CARD_FILE) == load_card(tiny_folder)
    with pytest.raises(FileNotFoundError, match=f"no {CARD_FILE}"):
        find_card(snapshot, None)
    with pytest.raises(FileNotFoundError, match=r"storyreel_engine\.carding"):
        find_card(snapshot, cache / "nowhere.json")


@pytest.mark.parametrize(("setting", "joint"), [("auto", False), ("on", True), ("off", False)])
def test_guidance_in_one_forward_is_on_where_it_is_asked_for_and_by_itself_only_on_a_gpu(
    tiny_folder: Path, setting: str, joint: bool
) -> None:
    loaded = load_pipeline(EngineSettings(tiny_folder, device="cpu", torch_threads=1, joint_guidance=setting))
    assert isinstance(loaded, VideoAdapter)
    assert loaded.joint is joint


def test_a_pipeline_class_without_an_adapter_is_refused_by_name(tiny_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "model_index.json").write_text(json.dumps({"_class_name": "SomethingElse"}))
    with pytest.raises(ValueError, match="no adapter for 'SomethingElse'"):
        load_pipeline(EngineSettings(tmp_path))
    with pytest.raises(ValueError, match="no adapter for 'SomethingElse'"):
        derive_card(tmp_path, "x", SECONDS)


@pytest.mark.parametrize("name", ADAPTERS)
def test_every_adapter_in_the_list_is_there(name: str) -> None:
    assert issubclass(named(ADAPTERS[name]), VideoAdapter)  # type: ignore[arg-type]


def test_a_derived_card_allows_what_the_pipeline_can_and_loads_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "tiny"
    version = make_tiny(folder).version
    (folder / CARD_FILE).unlink()
    options = ["--folder", str(folder), "--name", "mine", "--size", "128x64", "--frames", "34", "--steps", "20"]
    assert main([*options, "--seconds", "preview=1.5", "--seconds", "final=6"]) == 0
    assert f"mine {version}" in capsys.readouterr().out
    card = load_card(folder)
    assert (card.version, card.pipeline, card.frame_rule, card.size_multiple) == (version, "WanPipeline", "4k+1", 16)
    assert card.max_frames == 33
    assert (card.steps, card.draft_steps, card.window_overlap) == ({"preview": 10, "final": 20}, 5, 9)
    assert card.device_seconds == {"preview": 1.5, "final": 6.0}
    wan = load_pipeline(EngineSettings(folder, device="cpu", torch_threads=1))
    for sizes in card.sizes.values():
        for width, height in sizes.values():
            wan.check(ask(width=width, height=height, frames=81))


def test_a_card_that_promises_other_windows_than_the_family_makes_is_refused(tiny_folder: Path) -> None:
    wrong = replace(load_card(tiny_folder), window_overlap=9)
    with pytest.raises(ValueError, match="window_overlap: 9 on the card, but long shots are chained here"):
        load_adapter(tiny_folder, wrong, WanImageAdapter, EngineSettings(tiny_folder, device="cpu"))


def test_a_card_is_not_derived_without_measured_seconds(tiny_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        main(["--folder", str(tiny_folder), "--name", "mine", "--out", str(tmp_path / "card.json")])
    assert not (tmp_path / "card.json").exists()


def test_what_the_pipelines_call_has_no_default_for_is_asked_for(tiny_folder: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_folder, tmp_path / "cog")
    index = json.loads((folder / "model_index.json").read_text())
    (folder / "model_index.json").write_text(json.dumps({**index, "_class_name": "CogVideoXPipeline"}))
    with pytest.raises(ValueError, match="width: the call of CogVideoXPipeline has no default, say --size"):
        derive_card(folder, "mine", SECONDS)


def test_a_card_from_pictures_chains_its_windows(tiny_folder: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(tiny_folder, tmp_path / "pictures")
    index = json.loads((folder / "model_index.json").read_text())
    (folder / "model_index.json").write_text(json.dumps({**index, "_class_name": "WanImageToVideoPipeline"}))
    card = derive_card(folder, "mine", SECONDS)
    assert (card.first_frame, card.window_overlap) == ("required", 1)
    assert named(ADAPTERS[card.pipeline]).LONG_SHOTS is LongShots.CHAINED  # type: ignore[attr-defined]
