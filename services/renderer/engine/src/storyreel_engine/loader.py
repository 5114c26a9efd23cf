"""Loads a pipeline folder (diffusers layout plus `storyreel.json`) and wraps it in the adapter of its family."""

import json
import os
from typing import Any

import torch
from diffusers import DiffusionPipeline, WanPipeline

from storyreel_engine.card import load_card
from storyreel_engine.settings import EngineSettings
from storyreel_engine.wan import WanAdapter

ADAPTERS = {"WanPipeline": (WanPipeline, WanAdapter)}
"""Pipeline class named in `model_index.json` -> (its class, its adapter)."""


def load_pipeline(settings: EngineSettings) -> WanAdapter:
    """Load the folder's pipeline onto the device; nothing is fetched from anywhere.

    Raises:
        FileNotFoundError: the folder, its card or its `model_index.json` is missing.
        ValueError: a pipeline class without an adapter; the message lists those that have one.
    """
    card = load_card(settings.model_dir)
    index = json.loads((settings.model_dir / "model_index.json").read_text())
    name = index.get("_class_name")
    if name not in ADAPTERS:
        raise ValueError(f"{settings.model_dir}: no adapter for {name!r}, there are: {', '.join(ADAPTERS)}")
    torch.set_num_threads(settings.torch_threads)
    device = choose_device(settings.device)
    pipeline_class, adapter = ADAPTERS[name]
    pipeline: Any = _load(pipeline_class, settings, device)
    return adapter(pipeline, card, device)


def choose_device(name: str) -> torch.device:
    """`auto` is the first GPU if torch sees one, else the CPU."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


def _load(pipeline_class: type[DiffusionPipeline], settings: EngineSettings, device: torch.device) -> Any:
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    half = settings.dtype == "bfloat16" or (settings.dtype == "auto" and device.type == "cuda")
    # The VAE stays in full precision: half precision shows as banding and costs little time at its size.
    dtype: Any = {"default": torch.bfloat16, "vae": torch.float32} if half else torch.float32
    pipeline = pipeline_class.from_pretrained(settings.model_dir, dtype=dtype, local_files_only=True)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline.to(device)
