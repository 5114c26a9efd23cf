"""The reader of clips: what is done in them and how the camera moves, from thirteen small grey frames at once."""

from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
import torch

from storyreel_training.reader import DONE, Reader, share_right, teach
from storyreel_training.recipe import Recipe
from storyreel_training.world.facts import ASPECTS, FRAMES, Facts, draw_facts
from storyreel_training.world.paint import Pixels
from storyreel_training.world.scene import Scene

SHARD, SHARDS, STEPS = 200, 5, 2000
"""Painted clips of a shard, shards of each aspect to learn from (one more is held out), lessons."""
_BATCH, _NOISE = 32, 0.08
_SHOWN = range(0, FRAMES, 2)
_TURNED = {"pan left": "pan right", "pan right": "pan left"}


@dataclass(frozen=True)
class ClipShard:
    """Clips as the reader sees them, uint8 (n, 13, height / 2, width / 2), and their facts."""

    seen: Pixels
    facts: list[Facts]


def clip_reader() -> Reader:
    """An untaught one."""
    return Reader(len(_SHOWN), DONE, (48, 72, 112, 160))


def glance(clip: Pixels) -> Pixels:
    """Thirteen frames of a clip (25, height, width, 3), grey and half as large."""
    grey = [cv2.cvtColor(clip[i], cv2.COLOR_RGB2GRAY) for i in _SHOWN]
    return np.stack([cv2.resize(g, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA) for g in grey]).astype(np.uint8)


def tensor(seen: Pixels) -> torch.Tensor:
    """Glances as the network's input."""
    return torch.from_numpy(np.array(seen)).float() / 127.5 - 1


def paint_glances(folder: Path, aspect: str, number: int) -> ClipShard:
    """A shard from disk, painted first if it is not there; the last number is of facts held out."""
    rng = np.random.default_rng((number, ASPECTS.index(aspect), 41))
    drawn = [(draw_facts(rng, aspect=aspect, held_out=number == SHARDS), int(rng.integers(1 << 40))) for _ in range(SHARD)]
    path = folder / f"{aspect.replace(':', 'x')}-{number}.npy"
    if not path.exists():
        cv2.setNumThreads(1)
        folder.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part.npy")
        np.save(part, np.stack([glance(Scene(facts, seed).clip()) for facts, seed in drawn]))
        part.rename(path)
    return ClipShard(np.load(path), [facts for facts, _ in drawn])


def teach_clips(recipe: Recipe, steps: int = STEPS) -> dict[str, float]:
    """Train the reader of clips, save it, and return how well it reads held-out painted ones."""
    folder = recipe.folder / "glances"
    jobs = [(folder, aspect, n) for n in range(SHARDS + 1) for aspect in ASPECTS]
    with get_context("spawn").Pool(recipe.processes) as pool:
        shards = pool.starmap(paint_glances, jobs, chunksize=1)
    lessons, held_out = shards[: -len(ASPECTS)], shards[-len(ASPECTS) :]

    def lesson(step: int) -> tuple[torch.Tensor, list[Facts]]:
        return _lesson(lessons[step % len(ASPECTS) :: len(ASPECTS)], np.random.default_rng((recipe.seed, 42, step)))

    reader = clip_reader()
    teach(reader, lesson, steps, recipe.seed + 6)
    torch.save(reader.state_dict(), recipe.folder / "clip-reader.pt")
    return share_right(
        reader, [(tensor(s.seen[at : at + 50]), s.facts[at : at + 50]) for s in held_out for at in range(0, SHARD, 50)]
    )


def _lesson(shards: list[ClipShard], rng: np.random.Generator) -> tuple[torch.Tensor, list[Facts]]:
    drawn = [shards[int(rng.integers(len(shards)))] for _ in range(_BATCH)]
    picked = [(shard, int(rng.integers(len(shard.facts)))) for shard in drawn]
    seen, facts = tensor(np.stack([s.seen[i] for s, i in picked])), [s.facts[i] for s, i in picked]
    generator = torch.Generator().manual_seed(int(rng.integers(1 << 40)))
    seen = seen * (0.7 + 0.5 * torch.rand((_BATCH, 1, 1, 1), generator=generator))
    seen = seen + _NOISE * torch.rand((_BATCH, 1, 1, 1), generator=generator) * torch.randn(seen.shape, generator=generator)
    if rng.random() < 0.5:
        return seen, facts
    return seen.flip(3), [replace(f, camera=_TURNED.get(f.camera, f.camera)) for f in facts]
