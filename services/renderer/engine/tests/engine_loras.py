"""Random LoRAs for tiny pipelines, made with peft's own layers and diffusers' own writer; tiny Wan pipelines that have them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from diffusers import WanPipeline
from engine_videos import card
from peft import LoraConfig, get_peft_model_state_dict
from storyreel_engine.pipelines.loras import load_loras
from storyreel_engine.pipelines.wan import WanAdapter
from storyreel_engine.tiny import build_tiny

CPU = torch.device("cpu")
TOLERANCE = 1
"""Levels of 255 by which a job in a batch may differ from the same job alone: matrix products round otherwise there."""
TARGETS = ("to_q", "to_k", "to_v", "to_out.0")
"""Names that the attention of every family has."""


def random_lora(network: Any, seed: int, targets: Sequence[str] = TARGETS, **config: Any) -> dict[str, torch.Tensor]:
    """Tensors of a LoRA as strong as the weights that it changes, by the names of its layers; `network` keeps it."""
    torch.manual_seed(seed)
    strong = {"r": 2, "lora_alpha": 8, "init_lora_weights": False, "target_modules": list(targets)}
    network.add_adapter(LoraConfig(**{**strong, **config}), "made")
    tensors: dict[str, torch.Tensor] = get_peft_model_state_dict(network, adapter_name="made")
    return tensors


def save_lora(pipe: Any, path: Path, seed: int = 0, **config: Any) -> Path:
    """Write a random LoRA for the pipeline's network at `path` (a file of safetensors); the pipeline is spent."""
    with torch.random.fork_rng(devices=[]):
        tensors = random_lora(pipe.transformer, seed, **config)
    made = pipe.transformer.peft_config["made"].to_dict()
    path.parent.mkdir(parents=True, exist_ok=True)
    pipe.save_lora_weights(
        path.parent, transformer_lora_layers=tensors, weight_name=path.name, transformer_lora_adapter_metadata=made
    )
    return path


def with_lora(pipe: Any, path: Path, scale: float = 1.0, **where: Any) -> Any:
    """The pipeline with a LoRA in force as diffusers' own users put it there."""
    pipe.load_lora_weights(path.parent, weight_name=path.name, adapter_name="own", local_files_only=True, **where)
    pipe.set_adapters("own", scale)
    pipe.transformer.eval()
    return pipe


def pipeline(*, experts: bool = False) -> WanPipeline:
    """A tiny pipeline; with `experts` the two networks of Wan 2.2."""
    pipe = build_tiny()
    if experts:
        pipe.register_modules(transformer_2=build_tiny(seed=1).transformer)
        pipe.register_to_config(boundary_ratio=0.9)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def adapter(paths: dict[str, Path], kind: type[WanAdapter] = WanAdapter, *, experts: bool = False) -> WanAdapter:
    """An adapter with these LoRAs loaded."""
    pipe = pipeline(experts=experts)
    return kind(pipe, card(loras=list(paths)), CPU, loras=load_loras(pipe, paths))
