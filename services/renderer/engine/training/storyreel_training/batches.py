"""What is learnt at a step: a function of seed, step and process only, so that a resumed training goes on unchanged."""

from dataclasses import dataclass

import numpy as np
import torch

from storyreel_training import recipe as r
from storyreel_training.codec import to_video
from storyreel_training.model import Latents
from storyreel_training.stills import Shard, open_shard, shard_path
from storyreel_training.world.captions import Writer
from storyreel_training.world.facts import ASPECTS, Facts, draw_facts
from storyreel_training.world.scene import Scene


@dataclass(frozen=True)
class Batch:
    """Clean latents (batch, channels, frames, h, w), where the subject is (batch, h, w), 0..1, and captions.

    Of clips: what moves, (batch, frames - 1, h, w), instead of where the subject is.
    """

    clean: torch.Tensor
    cover: torch.Tensor
    captions: list[str]


class Stills:
    """Batches of painted stills, wide and tall in turn."""

    def __init__(self, recipe: r.Recipe, latents: Latents) -> None:
        self._recipe, self._latents = recipe, latents
        folder = recipe.folder / "stills"
        self._shards: dict[str, list[Shard]] = {
            aspect: [open_shard(p) for n in range(recipe.shards) if (p := shard_path(folder, aspect, n)).exists()]
            for aspect in ASPECTS
        }
        if not all(self._shards.values()):
            raise FileNotFoundError(f"no painted stills in {folder}: run --stage world first")

    @property
    def count(self) -> int:
        """How many stills there are to learn from."""
        return sum(len(s.facts) for shards in self._shards.values() for s in shards)

    def batch(self, step: int, rank: int) -> Batch:
        """The batch of one process at one step."""
        rng = np.random.default_rng((self._recipe.seed, step, rank))
        shards = self._shards[ASPECTS[step % 2]]
        size = self._recipe.batch // self._recipe.processes
        drawn = [shards[int(rng.integers(len(shards)))] for _ in range(size)]
        picked = [(shard, int(rng.integers(len(shard.facts)))) for shard in drawn]
        frames = np.stack([shard.frames[i] for shard, i in picked])
        cover = torch.from_numpy(np.stack([shard.cover[i] for shard, i in picked])).float() / 255
        captions = [caption(shard.facts[i], rng, self._recipe) for shard, i in picked]
        return Batch(self._latents.encode(to_video(frames[:, None])), cover, captions)


class Clips:
    """Batches of clips, painted when they are asked for: a fifth of what a step with them costs."""

    def __init__(self, recipe: r.Recipe, latents: Latents) -> None:
        self._recipe, self._latents = recipe, latents

    def batch(self, step: int, rank: int) -> Batch:
        """The batch of one process at one step; half as many as stills would be, they are seven times as long."""
        rng = np.random.default_rng((self._recipe.seed, 1, step, rank))
        size = max(1, self._recipe.batch // self._recipe.processes // 2)
        chosen = [draw_facts(rng, aspect=ASPECTS[step % 2]) for _ in range(size)]
        frames = np.stack([Scene(f, int(rng.integers(1 << 40))).clip() for f in chosen])
        clean = self._latents.encode(to_video(frames))
        change = clean[:, :, 1:].diff(dim=2).abs().mean(1)
        change = torch.cat((change[:, :1], change), 1)  # the first group begins to move as it goes on
        moves = change / change.amax((1, 2, 3), keepdim=True).clamp(min=1e-3)
        return Batch(clean, moves, [caption(f, rng, self._recipe) for f in chosen])


def caption(facts: Facts, rng: np.random.Generator, recipe: r.Recipe) -> str:
    """A caption, or with the recipe's chance none."""
    if rng.random() < recipe.caption_dropout:
        return str(rng.choice(("", r.NEGATIVE)))
    return Writer(facts, rng).caption()
