"""The reader: networks that say what a picture or a clip shows. Taught on painted ones only; the judge asks it of a model's.

One reader looks at stills (who, which colour, where, when), one at clips (what is done, how the camera moves).
"""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from torch import nn

from storyreel_training.codec import to_video
from storyreel_training.model import Latents
from storyreel_training.recipe import Recipe
from storyreel_training.stills import Shard, open_shard, shard_path
from storyreel_training.text import ANSWERS
from storyreel_training.world.facts import ASPECTS, Facts
from storyreel_training.world.paint import Pixels

SEEN = ("character", "colour", "accessory", "product", "product_colour", "setting", "time", "weather", "size", "style")
"""What a still can show."""
DONE = ("action", "camera")
"""What only a clip can show."""
STEPS, BATCH, _RATE = 2000, 32, 2e-3
_NOISE = 0.06
Lesson = Callable[[int], tuple[torch.Tensor, list[Facts]]]
"""The pictures and facts of a step."""


class Reader(nn.Module):  # type: ignore[misc] # torch is not in the linter's environment
    """A small residual network with one answer per fact; pictures of any size."""

    def __init__(self, channels: int = 3, asked: tuple[str, ...] = SEEN, widths: tuple[int, ...] = (32, 64, 112, 176)) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for i, (a, b) in enumerate(pairwise((channels, *widths))):
            layers += [nn.Conv2d(a, b, 5 if i == 0 else 3, 2, 2 if i == 0 else 1, bias=False), nn.BatchNorm2d(b), nn.SiLU()]
            layers += [Deeper(b)] if i else []
        self.body = nn.Sequential(*layers)
        self.heads = nn.ModuleDict({name: nn.Linear(2 * widths[-1], len(ANSWERS[name])) for name in asked})

    def forward(self, pictures: torch.Tensor) -> dict[str, torch.Tensor]:
        """Scores per fact for pictures (batch, channels, height, width) of -1..1."""
        found = self.impression(pictures)
        return {name: head(found) for name, head in self.heads.items()}

    def impression(self, pictures: torch.Tensor) -> torch.Tensor:
        """What it makes of pictures before it answers: (batch, features). Alike for what looks alike."""
        seen = self.body(pictures)
        return torch.cat((seen.mean((2, 3)), seen.amax((2, 3))), 1)


class Deeper(nn.Module):  # type: ignore[misc] # torch is not in the linter's environment
    """One more convolution beside a straight way."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.way = nn.Sequential(nn.Conv2d(width, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width), nn.SiLU())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """As large as `x`."""
        return torch.as_tensor(x + self.way(x))


def teach(reader: Reader, lesson: Lesson, steps: int, seed: int) -> None:
    """Train a reader for so many steps; what a picture cannot show is not asked of it."""
    torch.manual_seed(seed)
    reader.train().to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(reader.parameters(), lr=_RATE, weight_decay=0.02, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, _RATE, total_steps=steps)
    for step in range(steps):
        pictures, facts = lesson(step)
        with torch.autocast("cpu", torch.bfloat16):
            scores = reader(pictures.contiguous(memory_format=torch.channels_last))
        wanted = answers(facts, tuple(scores))
        each = [nn.functional.cross_entropy(scores[n].float(), wanted[n], ignore_index=-1) for n in scores]
        loss = torch.stack(
            [e for e in each if bool(torch.isfinite(e))]
        ).sum()  # where none of a batch shows a fact there is none
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    reader.eval()


def answers(facts: list[Facts], asked: tuple[str, ...]) -> dict[str, torch.Tensor]:
    """The right answers; -1 where a fact cannot be seen (colours in black and white)."""
    return {
        n: torch.tensor([-1 if "colour" in n and f.style == "noir" else ANSWERS[n].index(getattr(f, n)) for f in facts])
        for n in asked
    }


def teach_stills(recipe: Recipe, latents: Latents, steps: int) -> dict[str, float]:
    """Train the reader of stills, save it, and return how well it reads held-out painted ones."""
    shards = {a: train for a in ASPECTS if (train := painted(recipe.folder, a, recipe.shards))}

    def lesson(step: int) -> tuple[torch.Tensor, list[Facts]]:
        rng = np.random.default_rng((recipe.seed, 9, step))
        pool = shards[ASPECTS[step % 2]]
        drawn = [pool[int(rng.integers(len(pool)))] for _ in range(BATCH)]
        picked = [(shard, int(rng.integers(len(shard.facts)))) for shard in drawn]
        seen = pictures(np.stack([shard.frames[i] for shard, i in picked]))
        return worn(seen, latents, rng), [shard.facts[i] for shard, i in picked]

    reader = Reader()
    teach(reader, lesson, steps, recipe.seed + 5)
    torch.save(reader.state_dict(), recipe.folder / "reader.pt")
    real = [open_shard(shard_path(recipe.folder / "stills", a, 0, held_out=True)) for a in ASPECTS]
    return share_right(
        reader, [(pictures(s.frames[at : at + 50]), s.facts[at : at + 50]) for s in real for at in range(0, 500, 50)]
    )


def worn(seen: torch.Tensor, latents: Latents, rng: np.random.Generator) -> torch.Tensor:
    """Pictures as a model may give them: half of the batches through its autoencoder, some noise, turned left to right."""
    if rng.random() < 0.5:
        with torch.autocast("cpu", torch.bfloat16):
            seen = latents.decode(latents.encode(seen.unsqueeze(2))).squeeze(2).float()
    generator = torch.Generator().manual_seed(int(rng.integers(1 << 40)))
    level = _NOISE * torch.rand((len(seen), 1, 1, 1), generator=generator)
    seen = seen + level * torch.randn(seen.shape, generator=generator)
    return seen.flip(3) if rng.random() < 0.5 else seen


def painted(folder: Path, aspect: str, shards: int) -> list[Shard]:
    """The training shards that are there."""
    paths = [shard_path(folder / "stills", aspect, n) for n in range(shards)]
    return [open_shard(p) for p in paths if p.exists()]


def pictures(frames: Pixels) -> torch.Tensor:
    """Frames (batch, height, width, 3) as pictures (batch, 3, height, width) of -1..1."""
    return to_video(np.asarray(frames)[:, None])[:, :, 0]


def share_right(reader: Reader, shown: list[tuple[torch.Tensor, list[Facts]]]) -> dict[str, float]:
    """The share of shown facts that are read right."""
    hits: dict[str, list[torch.Tensor]] = {n: [] for n in reader.heads}
    with torch.no_grad():
        for seen, facts in shown:
            scores, wanted = reader(seen), answers(facts, tuple(hits))
            for n, found in hits.items():
                found.append((scores[n].argmax(1) == wanted[n])[wanted[n] >= 0].float())
    return {n: round(torch.cat(h).mean().item(), 3) for n, h in hits.items()}


def load_reader(path: Path, reader: Reader) -> Reader:
    """A taught reader.

    Raises:
        FileNotFoundError: it was not taught yet (`--stage reader`).
    """
    reader.load_state_dict(torch.load(path, weights_only=True))
    reader.eval()
    return reader
