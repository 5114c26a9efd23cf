"""The stills to learn from, painted once: 20 ms each on one core is as much as half a training step."""

import json
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np

from storyreel_training.world.facts import ASPECTS, FRAME, Facts, draw_facts
from storyreel_training.world.paint import Pixels
from storyreel_training.world.scene import Scene

SHARD = 1000
_HELD_OUT_SEED = 1 << 20


@dataclass(frozen=True)
class Shard:
    """So many first frames of one aspect: `frames` uint8 (n, height, width, 3) mapped from disk, where in them the subject is
    (`cover`, uint8 (n, height / 8, width / 8)), and their facts."""

    frames: Pixels
    cover: Pixels
    facts: list[Facts]


@dataclass(frozen=True)
class ShardJob:
    """One shard to paint."""

    folder: Path
    aspect: str
    number: int
    held_out: bool = False
    count: int = SHARD

    @property
    def path(self) -> Path:
        """Where its frames go."""
        return shard_path(self.folder, self.aspect, self.number, held_out=self.held_out)

    def chosen(self) -> list[tuple[Facts, int]]:
        """Facts and painting seeds; the same numbers give the same shard for ever."""
        rng = np.random.default_rng((self.number + _HELD_OUT_SEED * self.held_out, ASPECTS.index(self.aspect)))
        return [
            (draw_facts(rng, aspect=self.aspect, held_out=self.held_out), int(rng.integers(1 << 40))) for _ in range(self.count)
        ]


def paint_shard(job: ShardJob) -> Path:
    """Paint one shard to disk, whole or not at all; one that exists is kept."""
    if job.path.exists():
        return job.path
    cv2.setNumThreads(1)
    path, chosen = job.path, job.chosen()
    width, height = FRAME[job.aspect]
    frames = np.empty((job.count, height, width, 3), np.uint8)
    cover = np.empty((job.count, height // 8, width // 8), np.uint8)
    for i, (facts, seed) in enumerate(chosen):
        frames[i], cover[i] = Scene(facts, seed).still_and_cover()
    job.folder.mkdir(parents=True, exist_ok=True)
    path.with_suffix(".json").write_text(json.dumps([facts.as_dict() for facts, _ in chosen]))
    np.save(path.with_suffix(".cover.npy"), cover)
    part = path.with_suffix(".part.npy")
    np.save(part, frames)
    part.rename(path)
    return path


def shard_path(folder: Path, aspect: str, number: int, *, held_out: bool = False) -> Path:
    """Where a shard lies."""
    return folder / f"{'held-out' if held_out else 'train'}-{aspect.replace(':', 'x')}-{number:04d}.npy"


def paint_stills(folder: Path, shards: int, processes: int) -> list[Path]:
    """Paint `shards` training shards per aspect and one held-out one."""
    jobs = [ShardJob(folder, aspect, 0, held_out=True) for aspect in ASPECTS]
    jobs += [ShardJob(folder, aspect, n) for n in range(shards) for aspect in ASPECTS]
    with get_context("spawn").Pool(processes) as pool:
        return pool.map(paint_shard, jobs, chunksize=1)


def open_shard(path: Path) -> Shard:
    """Map a shard; its pages are read when they are used.

    Raises:
        FileNotFoundError: it was not painted (`--stage world`).
    """
    facts = [Facts(**values) for values in json.loads(path.with_suffix(".json").read_text())]
    return Shard(np.load(path, mmap_mode="r"), np.load(path.with_suffix(".cover.npy")), facts)
