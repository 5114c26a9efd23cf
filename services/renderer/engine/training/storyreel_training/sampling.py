"""Asking an exported model for pictures, through the pipelines of diffusers that its folder is made for."""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import WanImageToVideoPipeline, WanPipeline
from PIL import Image

from storyreel_training import recipe as r
from storyreel_training.world.captions import Writer
from storyreel_training.world.facts import ASPECTS, FRAME, FRAMES, Facts, draw_facts
from storyreel_training.world.paint import Pixels


@dataclass(frozen=True)
class Asked:
    """One prompt: what it asks for, how it says it, and the seed that it is asked with."""

    facts: Facts
    caption: str
    seed: int


def ask(seed: int, count: int) -> list[Asked]:
    """So many prompts of combinations held out, two wide to one tall. None is picked by hand: the same seed asks the same."""
    rng = np.random.default_rng(seed)
    drawn = [draw_facts(rng, held_out=True, aspect=ASPECTS[i % 3 == 2]) for i in range(count)]
    return [Asked(facts, Writer(facts, rng).plain(), seed + i) for i, facts in enumerate(drawn)]


def next_shot(asked: Asked) -> Asked:
    """The same subject and place as a film's next shot: another camera move, other words, another seed."""
    facts = replace(asked.facts, camera="static" if asked.facts.camera != "static" else "push in")
    return Asked(facts, Writer(facts, np.random.default_rng((asked.seed, 1))).plain(), asked.seed + 1000)


class Sampler:
    """A model folder, ready to be asked."""

    def __init__(self, folder: Path, guidance: float) -> None:
        self._guidance = guidance
        self._words = WanPipeline.from_pretrained(folder, dtype=torch.float32, local_files_only=True)
        parts = {n: self._words.components[n] for n in ("tokenizer", "text_encoder", "vae", "transformer", "scheduler")}
        self._picture = WanImageToVideoPipeline(**parts, expand_timesteps=True)
        for pipeline in (self._words, self._picture):
            pipeline.set_progress_bar_config(disable=True)
        card: dict[str, Any] = json.loads((folder / "storyreel.json").read_text())
        self.version, self.moves = str(card["version"]), int(card["max_frames"]) > 1

    def still(self, asked: Asked, steps: int) -> Pixels:
        """The still of a prompt, uint8 (height, width, 3)."""
        frames = self._made(self._words, asked, steps, num_frames=1)
        return np.asarray(frames[0])

    def clip(self, asked: Asked, first: Pixels, steps: int) -> Pixels:
        """The clip of a prompt that goes on from `first`, uint8 (frames, height, width, 3)."""
        return self._made(self._picture, asked, steps, num_frames=FRAMES, image=Image.fromarray(first))

    def _made(self, pipeline: Any, asked: Asked, steps: int, **more: Any) -> Pixels:
        width, height = FRAME[asked.facts.aspect]
        made = pipeline(
            prompt=asked.caption, negative_prompt=r.NEGATIVE, height=height, width=width, num_inference_steps=steps,
            guidance_scale=self._guidance, generator=torch.Generator().manual_seed(asked.seed), **more,
        ).frames[0]  # fmt: skip
        pixels: Pixels = (np.asarray(made) * 255).round().astype(np.uint8)
        return pixels
