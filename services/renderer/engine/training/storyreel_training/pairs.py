"""What the upsampler learns from: pieces of frames as the autoencoder gives them, and the same pieces painted large.

The world can be painted at any size, so what is large is not guessed but true. What is small went through the autoencoder,
for that is what the upsampler will be given.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
import torch
from storyreel_engine.studio_upsampler import BLOCK, LARGE
from storyreel_engine.studio_vae import StudioVAE

from storyreel_training.codec import to_frames, to_video
from storyreel_training.model import Latents
from storyreel_training.world.facts import ASPECTS, FRAMES, Facts, draw_facts
from storyreel_training.world.paint import Pixels
from storyreel_training.world.scene import Scene

SHARD = 20
PIECE, MARGIN = 48, 6
"""Sides of a small piece, and how far from its edges the large one begins: what the network sees around what it says."""
_PIECES = 6
_SHIFT = 3
"""Large pixels by which the painter's corner lies before the frame's: it puts a pixel's middle at whole numbers, a grid of
large pixels its edges. Exactly 2.8; a third of a large pixel is not worth a resampling that would blur what is true."""


@dataclass(frozen=True)
class PairsJob:
    """One shard of pairs: `SHARD` clips, two moments of each, six pieces of each moment."""

    folder: Path
    vae: Path
    number: int

    @property
    def path(self) -> Path:
        """Where it goes."""
        return self.folder / f"{self.number:04d}.npz"


@dataclass(frozen=True)
class Moment:
    """One frame small as the autoencoder gives it, small as painted, and large as painted; uint8 (height, width, 3)."""

    decoded: Pixels
    painted: Pixels
    large: Pixels


def moments(facts: Facts, seed: int, latents: Latents, indices: list[int]) -> Iterator[Moment]:
    """The frames `indices` of one clip; the large ones aligned to the small ones' grid, with `_SHIFT` rows and columns less."""
    clip = Scene(facts, seed).clip()
    decoded = to_frames(latents.decode(latents.encode(to_video(clip[None]))))[0]
    painter = Scene(facts, seed, LARGE / BLOCK)
    for i in indices:
        yield Moment(decoded[i], clip[i], painter.frame(i))


def pieces(moment: Moment, rng: np.random.Generator) -> Iterator[tuple[Pixels, Pixels]]:
    """Pairs of a small piece (PIECE x PIECE) and what is within its margin, large."""
    height, width = moment.decoded.shape[:2]
    inner = (PIECE - 2 * MARGIN) * LARGE // BLOCK
    for _ in range(_PIECES):
        y, x = (BLOCK * int(rng.integers(1 + (side - PIECE) // BLOCK)) for side in (height, width))
        top, left = ((at + MARGIN) * LARGE // BLOCK - _SHIFT for at in (y, x))
        yield moment.decoded[y : y + PIECE, x : x + PIECE], moment.large[top : top + inner, left : left + inner]


def paint_pairs(job: PairsJob) -> Path:
    """Paint one shard to disk, whole or not at all; one that exists is kept."""
    if job.path.exists():
        return job.path
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    rng = np.random.default_rng((job.number, 31))
    latents = Latents(StudioVAE.from_pretrained(job.vae))
    found: list[tuple[Pixels, Pixels]] = []
    for n in range(SHARD):
        facts, seed = draw_facts(rng, aspect=ASPECTS[n % 2]), int(rng.integers(1 << 40))
        for moment in moments(facts, seed, latents, [0, int(rng.integers(1, FRAMES))]):
            found += pieces(moment, rng)
    job.folder.mkdir(parents=True, exist_ok=True)
    part = job.path.with_suffix(".part.npz")
    np.savez(part, small=np.stack([s for s, _ in found]), large=np.stack([g for _, g in found]))
    part.rename(job.path)
    return job.path


def paint_all(folder: Path, shards: int, processes: int) -> list[Path]:
    """Paint `shards` shards under `folder`/pairs with its autoencoder."""
    jobs = [PairsJob(folder / "pairs", folder / "vae", n) for n in range(shards)]
    with get_context("spawn").Pool(processes) as pool:
        return pool.map(paint_pairs, jobs, chunksize=1)


def held_out(latents: Latents, seed: int, clips: int, indices: list[int]) -> Iterator[list[Moment]]:
    """Moments of clips that no training ever sees, wide and tall in turn, at the same grid as `pieces`."""
    for n in range(clips):
        rng = np.random.default_rng((seed, 32, n))
        facts = draw_facts(rng, aspect=ASPECTS[n % 2], held_out=True)
        yield list(moments(facts, int(rng.integers(1 << 40)), latents, indices))


def whole(moment: Moment) -> tuple[Pixels, Pixels]:
    """A held-out frame at the grid of `pieces`: small, cut to whole blocks, and what `within` keeps of it, large."""
    height, width = (side // BLOCK * BLOCK for side in moment.decoded.shape[:2])
    rows, columns = height * LARGE // BLOCK, width * LARGE // BLOCK
    edge = LARGE - _SHIFT
    return moment.decoded[:height, :width], moment.large[edge : rows - LARGE - _SHIFT, edge : columns - LARGE - _SHIFT]


def within(large: Pixels) -> Pixels:
    """A large frame without its outermost blocks, which the painted one lacks in part."""
    return large[..., LARGE:-LARGE, LARGE:-LARGE, :]
