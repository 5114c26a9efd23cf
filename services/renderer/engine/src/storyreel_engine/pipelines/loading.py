"""Brings a diffusers pipeline onto the device. Called by `loader`, which itself must not import torch."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import DiffusionPipeline

from storyreel_engine import studio_transformer, studio_vae  # noqa: F401 - diffusers takes only what is imported already
from storyreel_engine.card import ModelCard, lora_paths
from storyreel_engine.pipelines.base import VideoAdapter
from storyreel_engine.pipelines.family import LongShots
from storyreel_engine.pipelines.loras import load_loras
from storyreel_engine.ports import Inputs, Unit
from storyreel_engine.settings import EngineSettings
from storyreel_engine.wire import RenderRequest

_MOST_SHARED = {LongShots.REFUSED: 0, LongShots.CHAINED: 1, LongShots.BLENDED: math.inf}
"""Pictures that neighbouring windows can share; links of a chain share the one that the next starts from."""


def load_adapter(folder: Path, card: ModelCard, adapter: type[VideoAdapter], settings: EngineSettings) -> VideoAdapter:
    """The folder's pipeline on the device, in its adapter.

    Raises:
        ValueError: the card promises windows that the family does not make, or a LoRA is not for this model.
    """
    if card.window_overlap > _MOST_SHARED[adapter.LONG_SHOTS]:
        raise ValueError(f"window_overlap: {card.window_overlap} on the card, but long shots are {adapter.LONG_SHOTS} here")
    torch.set_num_threads(settings.torch_threads)
    device = choose_device(settings.device)
    joint = settings.joint_guidance == "on" or (settings.joint_guidance == "auto" and device.type == "cuda")
    pipeline = _pipeline(folder, settings.dtype, device)
    loaded = adapter(pipeline, card, device, joint=joint, loras=load_loras(pipeline, lora_paths(folder)))
    if device.type == "cuda":
        for lora in ("", *card.loras):
            rehearse(loaded, lora)
    return loaded


def rehearse(adapter: VideoAdapter, lora: str = "") -> None:
    """Make the shortest clip of the smallest picture, so that what jobs need of the device is known before the first."""
    card = adapter.card
    width, height = min((tuple(size) for sizes in card.sizes.values() for size in sizes.values()), key=math.prod)
    request = RenderRequest(
        "rehearsal", "rehearsal", width, height, _shortest(card), steps=1, seed=0, guidance=card.guidance, lora=lora
    )
    picture = None if card.first_frame == "none" else np.zeros((height, width, 3), np.uint8)
    state = adapter.prepare(request, Inputs(picture))
    adapter.advance([state])
    while state.unit is Unit.DECODE:
        adapter.decode(state)


def _shortest(card: ModelCard) -> int:
    """The least pictures in which something moves."""
    return min(card.max_frames, int(card.frame_rule.split("k", maxsplit=1)[0]) + 1)


def choose_device(name: str) -> torch.device:
    """`auto` is the first GPU if torch sees one, else the CPU."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


def _pipeline(folder: Path, dtype: str, device: torch.device) -> Any:
    half = dtype == "bfloat16" or (dtype == "auto" and device.type == "cuda")
    # The VAE stays in full precision: half precision shows as banding and costs little time at its size.
    kept: Any = {"default": torch.bfloat16, "vae": torch.float32} if half else torch.float32
    pipeline = DiffusionPipeline.from_pretrained(folder, dtype=kept, local_files_only=True)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline.to(device)
