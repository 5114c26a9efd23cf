"""Fixtures of the engine's tests. The unit ones need neither torch nor Triton.

The connected ones run real networks: each of their modules begins with `importorskip("torch")`, because only the engine's
environment has it.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from storyreel_engine.pipelines.wan import WanAdapter

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny pipeline, made once."""
    from storyreel_engine.tiny import make_tiny

    folder = tmp_path_factory.mktemp("models") / "tiny-wan"
    make_tiny(folder)
    return folder


@pytest.fixture(scope="session")
def wan(tiny_folder: Path) -> WanAdapter:
    """The tiny pipeline, loaded through the loader as Triton does it."""
    from storyreel_engine.loader import load_pipeline
    from storyreel_engine.pipelines.wan import WanAdapter
    from storyreel_engine.settings import EngineSettings

    pipeline = load_pipeline(EngineSettings(tiny_folder, device="cpu", torch_threads=1))
    assert isinstance(pipeline, WanAdapter)
    return pipeline
