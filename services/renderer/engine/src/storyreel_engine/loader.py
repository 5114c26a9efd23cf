"""Finds a model (a folder, or an id of the hub) and wraps it in the adapter of its family.

Called by the Triton door once. Imports neither torch nor diffusers by itself: the virtual model needs none.
"""

import json
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from storyreel_engine.card import CARD_FILE, ModelCard, load_card
from storyreel_engine.pipelines.hub import cached, fetched, stay_offline
from storyreel_engine.ports import Pipeline
from storyreel_engine.settings import EngineSettings

ADAPTERS = {
    "WanPipeline": "storyreel_engine.pipelines.wan:WanAdapter",
    "WanImageToVideoPipeline": "storyreel_engine.pipelines.wan:WanImageAdapter",
    "LTXPipeline": "storyreel_engine.pipelines.ltx:LtxAdapter",
    "LTXImageToVideoPipeline": "storyreel_engine.pipelines.ltx:LtxImageAdapter",
    "CogVideoXPipeline": "storyreel_engine.pipelines.cogvideox:CogVideoXAdapter",
    "CogVideoXImageToVideoPipeline": "storyreel_engine.pipelines.cogvideox:CogVideoXImageAdapter",
    "HunyuanVideoPipeline": "storyreel_engine.pipelines.hunyuan:HunyuanAdapter",
    "HunyuanVideoImageToVideoPipeline": "storyreel_engine.pipelines.hunyuan:HunyuanImageAdapter",
    "StudioImageToVideoPipeline": "storyreel_engine.studio_adapter:StudioAdapter",
}
"""Pipeline class of diffusers, as `model_index.json` names it -> its adapter. The studio model is a Wan pipeline from pictures
whose network also makes the picture: see `_family`."""

OTHERS = {"VirtualPipeline": "storyreel_engine.virtual:load_virtual"}
"""What is no pipeline of diffusers -> the function that loads its folder."""


def load_pipeline(settings: EngineSettings) -> Pipeline[Any]:
    """Load the model onto the device; nothing is fetched unless the settings say so.

    Raises:
        FileNotFoundError: the folder, its card or its `model_index.json` is missing.
        ValueError: a pipeline class without an adapter; the message lists those that have one.
    """
    folder = find_folder(settings)
    name = _family(json.loads((folder / "model_index.json").read_text()))
    if name in OTHERS:
        pipeline: Pipeline[Any] = named(OTHERS[name])(folder)
        return pipeline
    if name not in ADAPTERS:
        known = ", ".join([*ADAPTERS, *OTHERS])
        raise ValueError(f"{folder}: no adapter for {name!r}, there are: {known}")
    card = find_card(folder, settings.model_card)
    load = named("storyreel_engine.pipelines.loading:load_adapter")
    loaded: Pipeline[Any] = load(folder, card, named(ADAPTERS[name]), settings)
    return loaded


def _family(index: Mapping[str, Any]) -> str:
    name = str(index.get("_class_name"))
    is_ours = (index.get("transformer") or [""])[0] == "storyreel_engine.studio_transformer"
    return "StudioImageToVideoPipeline" if is_ours and name == "WanImageToVideoPipeline" else name


def find_card(folder: Path, file: Path | None) -> ModelCard:
    """The card named in the settings, or the folder's own.

    Raises:
        FileNotFoundError: neither is there.
        ValueError: it is of other LoRAs than the folder's.
    """
    if file is None:
        return load_card(folder)
    if not file.is_file():
        raise FileNotFoundError(f"no model card {file}; `python -m storyreel_engine.carding` writes one ({CARD_FILE})")
    return load_card(folder, file)


def find_folder(settings: EngineSettings) -> Path:
    """The folder named in the settings, or that of the hub's model.

    Raises:
        OSError: the hub's model is not in the local cache, and fetching it is not allowed or failed.
    """
    if not settings.download:
        stay_offline()
    if settings.model_dir is not None:
        return settings.model_dir
    return (fetched if settings.download else cached)(settings.model_id, settings.revision)


def named(path: str) -> Callable[..., Any]:
    """What `module:name` names; the module is imported now."""
    module, _, name = path.partition(":")
    value: Callable[..., Any] = getattr(import_module(module), name)
    return value
