"""The judge: reads what a model's pictures show, with networks and measures that the model never saw.

`run.py --stage reader` trains a classifier on painted stills (never on the model's); `run.py --stage verdict --model DIR`
asks a model folder for 48 held-out prompts and writes what was obeyed, as JSON, and a contact sheet.
"""

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import WanPipeline
from torch import nn

from storyreel_training import recipe as r
from storyreel_training.codec import to_video
from storyreel_training.measures import told_colour
from storyreel_training.sheet import write_sheet
from storyreel_training.stills import Shard, open_shard, shard_path
from storyreel_training.text import ANSWERS
from storyreel_training.world.captions import Writer
from storyreel_training.world.facts import ASPECTS, FRAME, NONE, Facts, draw_facts
from storyreel_training.world.paint import Pixels

ASKED = ("character", "colour", "accessory", "product", "product_colour", "setting", "time", "weather", "size", "style")
"""What a still can show. Camera and action are measured on clips."""


class Reader(nn.Module):  # type: ignore[misc] # torch is not in the linter's environment
    """A small convolutional network with one answer per fact; frames of any size."""

    def __init__(self) -> None:
        super().__init__()
        widths = (3, 32, 64, 96, 128, 160)
        layers: list[nn.Module] = []
        for i, (a, b) in enumerate(pairwise(widths)):
            layers += [nn.Conv2d(a, b, 5 if i == 0 else 3, stride=2, padding=2 if i == 0 else 1), nn.GroupNorm(8, b), nn.SiLU()]
        self.body = nn.Sequential(*layers)
        self.heads = nn.ModuleDict({name: nn.Linear(2 * widths[-1], len(ANSWERS[name])) for name in ASKED})

    def forward(self, pictures: torch.Tensor) -> dict[str, torch.Tensor]:
        """Scores per fact for pictures (batch, 3, height, width) of -1..1."""
        seen = self.body(pictures)
        pooled = torch.cat((seen.mean((2, 3)), seen.amax((2, 3))), 1)
        return {name: head(pooled) for name, head in self.heads.items()}


def teach_reader(recipe: r.Recipe, steps: int) -> dict[str, float]:
    """Train the reader on training stills, save it, and return how well it reads held-out real stills."""
    torch.manual_seed(recipe.seed + 5)
    reader = Reader()
    shards = {
        a: [open_shard(p) for n in range(recipe.shards) if (p := shard_path(recipe.folder / "stills", a, n)).exists()]
        for a in ASPECTS
    }
    optimizer = torch.optim.AdamW(reader.parameters(), lr=2e-3, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=steps)
    for step in range(steps):
        rng = np.random.default_rng((recipe.seed, 9, step))
        pool = shards[ASPECTS[step % 2]]
        shard = pool[int(rng.integers(len(pool)))]
        picked = rng.permutation(len(shard.facts))[:24]
        with torch.autocast("cpu", torch.bfloat16):
            scores = reader(_pictures(shard.frames[np.sort(picked)]))
        wanted = answers([shard.facts[i] for i in np.sort(picked)])
        loss = sum((nn.functional.cross_entropy(scores[n].float(), wanted[n], ignore_index=-1) for n in ASKED), torch.zeros(()))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    torch.save(reader.state_dict(), recipe.folder / "reader.pt")
    real = [open_shard(shard_path(recipe.folder / "stills", a, 0, held_out=True)) for a in ASPECTS]
    return _right(reader, real, 300)


def answers(facts: list[Facts]) -> dict[str, torch.Tensor]:
    """The right answers; -1 where a fact cannot be seen (colours in black and white)."""
    return {
        n: torch.tensor([-1 if "colour" in n and f.style == "noir" else ANSWERS[n].index(getattr(f, n)) for f in facts])
        for n in ASKED
    }


def _right(reader: Reader, shards: list[Shard], count: int) -> dict[str, float]:
    hits: dict[str, list[torch.Tensor]] = {n: [] for n in ASKED}
    with torch.no_grad():
        for shard in shards:
            for at in range(0, count, 50):
                scores, wanted = reader(_pictures(shard.frames[at : at + 50])), answers(shard.facts[at : at + 50])
                for n in ASKED:
                    hits[n].append((scores[n].argmax(1) == wanted[n])[wanted[n] >= 0].float())
    return {n: round(torch.cat(h).mean().item(), 3) for n, h in hits.items()}


def _pictures(frames: Pixels) -> torch.Tensor:
    return to_video(np.asarray(frames)[:, None])[:, :, 0]


def judge(recipe: r.Recipe, model: Path, out: Path, prompts: int = 48) -> dict[str, Any]:
    """Ask the model folder for stills of held-out prompts; write `out` (JSON) and a sheet beside it.

    Raises:
        FileNotFoundError: there is no reader yet (`--stage reader`).
    """
    reader = Reader()
    reader.load_state_dict(torch.load(recipe.folder / "reader.pt", weights_only=True))
    reader.eval()
    pipeline = WanPipeline.from_pretrained(model, dtype=torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    rng = np.random.default_rng(recipe.seed + 6)
    asked = [draw_facts(rng, held_out=True, aspect=ASPECTS[i % 3 == 2]) for i in range(prompts)]
    captions = [Writer(f, rng).plain() for f in asked]
    frames = [_still(pipeline, c, f, recipe) for c, f in zip(captions, asked, strict=True)]
    version = json.loads((model / "storyreel.json").read_text())["version"]
    verdict = {"model": version, "prompts": prompts, "steps": recipe.sample_steps,
               "guidance": recipe.guidance, "read": _read(reader, frames, asked), "chance": _chance(),
               "colour_measured": _colours(frames, asked)}  # fmt: skip
    out.write_text(json.dumps(verdict, indent=2, sort_keys=True) + "\n")
    wide, tall = ([f for f in frames if (f.shape[1] > f.shape[0]) == is_wide] for is_wide in (True, False))
    write_sheet(
        out.with_suffix(".png"),
        [wide[i : i + 8] for i in range(0, len(wide), 8)] + [tall[i : i + 13] for i in range(0, len(tall), 13)],
    )
    return verdict


def _still(pipeline: Any, caption: str, facts: Facts, recipe: r.Recipe) -> Pixels:
    width, height = FRAME[facts.aspect]
    generator = torch.Generator().manual_seed(recipe.seed)
    made = pipeline(
        caption, negative_prompt=r.NEGATIVE, height=height, width=width, num_frames=1, num_inference_steps=recipe.sample_steps,
        guidance_scale=recipe.guidance, generator=generator,
    ).frames[0]  # fmt: skip
    still: Pixels = (np.asarray(made[0]) * 255).round().astype(np.uint8)
    return still


def _read(reader: Reader, frames: list[Pixels], asked: list[Facts]) -> dict[str, float]:
    """The share of prompts whose fact the reader finds; a fact that is "none" is not counted."""
    wanted = answers(asked)
    with torch.no_grad():
        scores = [reader(_pictures(f[None])) for f in frames]
    shares = {}
    for n in ASKED:
        counted = [i for i, f in enumerate(asked) if getattr(f, n) != NONE and int(wanted[n][i]) >= 0]
        shares[n] = round(float(np.mean([int(scores[i][n].argmax()) == int(wanted[n][i]) for i in counted])), 3)
    return shares


def _chance() -> dict[str, float]:
    return {n: round(1 / len([v for v in ANSWERS[n] if v != NONE]), 3) for n in ASKED}


def _colours(frames: list[Pixels], asked: list[Facts]) -> dict[str, float]:
    """The same question without a network, for prompts with one coloured subject."""
    single = [
        (told_colour(p, f), f)
        for p, f in zip(frames, asked, strict=True)
        if NONE in {f.character, f.product} and f.style != "noir"
    ]
    wanted = [f.colour if f.colour != NONE else f.product_colour for _, f in single]
    return {
        "right": round(float(np.mean([c == w for (c, _), w in zip(single, wanted, strict=True)])), 3),
        "prompts": len(single),
    }
