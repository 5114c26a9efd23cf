"""The judge: says what a model's pictures really show, by readers and measures that the model never saw.

`run.py --stage reader` teaches the readers on painted pictures (never on a model's); `run.py --stage verdict` asks a model for
48 held-out prompts and writes what was obeyed, as JSON, a contact sheet of all of them, and one line of the curve over samples.
"""

import json
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

from storyreel_training.clip_reader import clip_reader, glance, tensor
from storyreel_training.likeness import compare, impression, psnr
from storyreel_training.measures import camera_move, told_colour
from storyreel_training.reader import Reader, answers, load_reader, pictures
from storyreel_training.recipe import Recipe
from storyreel_training.sampling import Asked, Sampler, ask, next_shot
from storyreel_training.sheet import write_sheet
from storyreel_training.text import ANSWERS
from storyreel_training.world.facts import NONE, Facts
from storyreel_training.world.paint import Pixels

PROMPTS, CLIPS, PREVIEW, FINAL = 48, 16, 6, 20
"""Prompts of stills and of clips, and denoise steps of previews and finals."""


class Maker(Protocol):
    """What is judged; `sampling.Sampler` for a model folder."""

    def still(self, asked: Asked, steps: int) -> Pixels:
        """The still of a prompt."""

    def clip(self, asked: Asked, first: Pixels, steps: int) -> Pixels:
        """The clip of a prompt that goes on from `first`."""


class Judge:
    """Readers and a model's sampler. `prompts` and `clips` are how many it is asked for."""

    def __init__(self, recipe: Recipe, sampler: Maker, prompts: int = PROMPTS, clips: int = CLIPS) -> None:
        self._stills = load_reader(recipe.folder / "reader.pt", Reader())
        self._clips = load_reader(recipe.folder / "clip-reader.pt", clip_reader())
        self._sampler = sampler
        self.asked = ask(recipe.seed + 6, prompts)
        self._moving = self.asked[:clips]

    def stills(self, steps: int) -> list[Pixels]:
        """A still of every prompt."""
        return [self._sampler.still(a, steps) for a in self.asked]

    def of_stills(self, frames: list[Pixels]) -> dict[str, Any]:
        """The share of prompts whose fact is read in the still, for each fact; and the colour measured without a network."""
        facts = [a.facts for a in self.asked]
        return {
            "read": read(self._stills, [pictures(f[None]) for f in frames], facts),
            "colour_measured": _colours(frames, facts),
        }

    def of_previews(self, previews: list[Pixels], finals: list[Pixels]) -> dict[str, float]:
        """How much previews are like the finals of the same prompt and seed."""
        pairs = list(zip(previews, finals, strict=True))
        seen = [(impression(self._stills, a), impression(self._stills, b)) for a, b in pairs]
        return {**compare(seen), "psnr": round(float(np.mean([psnr(a, b) for a, b in pairs])), 2)}

    def of_clips(self, finals: list[Pixels]) -> tuple[dict[str, Any], list[Pixels]]:
        """What is done and how the camera moves in clips that go on from the stills; and whether a subject stays itself.

        The second clip of a still is asked for another camera and seed, as a film's next shot would be.
        """
        clips = [self._sampler.clip(a, first, FINAL) for a, first in zip(self._moving, finals, strict=False)]
        facts = [a.facts for a in self._moving]
        nexts = [self._sampler.clip(next_shot(a), first, FINAL) for a, first in zip(self._moving, finals, strict=False)]
        pairs = [tuple(impression(self._stills, c[-1], middle=True) for c in two) for two in zip(clips, nexts, strict=True)]
        told = read(self._clips, [tensor(glance(c)[None]) for c in clips], facts)
        return {"read": told, "camera_measured": _cameras(clips, facts), "identity": compare([(a, b) for a, b in pairs])}, clips


def verdict(recipe: Recipe, model: Path, out: Path, prompts: int = PROMPTS, clips: int = CLIPS) -> dict[str, Any]:
    """Judge a model folder; write `out` (JSON), a sheet of every still beside it, and a line of the recipe's curve.

    Raises:
        FileNotFoundError: there are no readers yet (`--stage reader`).
    """
    sampler = Sampler(model, recipe.guidance)
    judge = Judge(recipe, sampler, prompts, clips)
    previews, finals = judge.stills(PREVIEW), judge.stills(FINAL)
    history = json.loads((model / "training.json").read_text())
    found: dict[str, Any] = {
        "model": sampler.version, "stage": history["stage"], "samples": history["samples"], "prompts": prompts,
        "steps": FINAL, "guidance": recipe.guidance, "chance": chance(), **judge.of_stills(finals),
        "previews": {"steps": PREVIEW, **judge.of_previews(previews, finals)},
    }  # fmt: skip
    if sampler.moves:
        found["clips"], made = judge.of_clips(finals)
        write_sheet(
            out.with_name(f"{out.stem}-clips.png"), [[c[i] for i in (0, 8, 16, 24)] for c in made if c.shape[2] > c.shape[1]]
        )
    out.write_text(json.dumps(found, indent=2, sort_keys=True) + "\n")
    write_sheet(out.with_suffix(".png"), rows(finals))
    with (recipe.folder / "curve.jsonl").open("a") as curve:
        curve.write(json.dumps(found, sort_keys=True) + "\n")
    return found


def by_steps(recipe: Recipe, model: Path, choices: tuple[int, ...], prompts: int = PROMPTS) -> dict[int, dict[str, Any]]:
    """What the judge reads in stills of so many steps, and how near they are to those of the most steps."""
    judge = Judge(recipe, Sampler(model, recipe.guidance), prompts)
    made = {steps: judge.stills(steps) for steps in choices}
    last = made[max(choices)]
    return {steps: {**judge.of_stills(frames), "to_most": judge.of_previews(frames, last)} for steps, frames in made.items()}


def rows(frames: list[Pixels]) -> list[list[Pixels]]:
    """Wide frames in lines of eight, tall ones in lines of thirteen."""
    wide, tall = ([f for f in frames if (f.shape[1] > f.shape[0]) == is_wide] for is_wide in (True, False))
    return [wide[i : i + 8] for i in range(0, len(wide), 8)] + [tall[i : i + 13] for i in range(0, len(tall), 13)]


def read(reader: Reader, shown: list[torch.Tensor], facts: list[Facts]) -> dict[str, float]:
    """The share of prompts whose fact the reader finds; a fact that is "none" or cannot be seen is not counted."""
    wanted = answers(facts, tuple(reader.heads))
    with torch.no_grad():
        scores = [reader(seen) for seen in shown]
    shares = {}
    for n in reader.heads:
        counted = [i for i, f in enumerate(facts) if getattr(f, n) != NONE and int(wanted[n][i]) >= 0]
        if counted:
            shares[n] = round(float(np.mean([int(scores[i][n].argmax()) == int(wanted[n][i]) for i in counted])), 3)
    return shares


def chance() -> dict[str, float]:
    """What guessing would reach."""
    return {n: round(1 / len([v for v in values if v != NONE]), 3) for n, values in ANSWERS.items()}


def _colours(frames: list[Pixels], facts: list[Facts]) -> dict[str, float]:
    """The colour question without a network, for prompts with one coloured subject."""
    single = [(p, f) for p, f in zip(frames, facts, strict=True) if NONE in {f.character, f.product} and f.style != "noir"]
    right = [told_colour(p, f) == (f.colour if f.colour != NONE else f.product_colour) for p, f in single]
    return {"right": round(float(np.mean(right)), 3) if right else 0.0, "prompts": len(right)}


def _cameras(clips: list[Pixels], facts: list[Facts]) -> dict[str, float]:
    """The camera question without a network; one that tracks must read "static", for its subject stays."""
    right = [camera_move(c).name == ("static" if f.camera == "track" else f.camera) for c, f in zip(clips, facts, strict=True)]
    return {"right": round(float(np.mean(right)), 3), "prompts": len(right)}
