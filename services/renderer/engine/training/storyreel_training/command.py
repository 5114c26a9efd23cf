"""The command line: one stage at a time, each taking up what the stage before left in the folder."""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from storyreel_engine.studio_vae import StudioVAE

from storyreel_training import codec, judge, keyframe, motion, text, upsampler
from storyreel_training.clip_reader import teach_clips
from storyreel_training.export import export
from storyreel_training.model import Latents
from storyreel_training.modelcard import model_card
from storyreel_training.processes import run_together
from storyreel_training.reader import STEPS, teach_stills
from storyreel_training.recipe import SCRATCH, Recipe
from storyreel_training.stills import paint_stills, shard_path
from storyreel_training.world.facts import ASPECTS


def world(recipe: Recipe, _: argparse.Namespace) -> None:
    """Paint the stills."""
    paint_stills(recipe.folder / "stills", recipe.shards, recipe.processes)


def vae(recipe: Recipe, options: argparse.Namespace) -> None:
    """Find the axes, then teach the refiner for `--minutes`."""
    torch.set_num_threads(recipe.processes)
    folder = recipe.folder / "vae"
    if options.resume and folder.is_dir():
        found = StudioVAE.from_pretrained(folder)
    else:
        found = codec.find_axes([shard_path(recipe.folder / "stills", a, 0) for a in ASPECTS], recipe.seed)
        found.save_pretrained(folder)
    before = codec.measure(found, recipe.seed)
    codec.teach_refiner(found, recipe.seed, options.minutes * 60)
    after = codec.measure(found, recipe.seed)
    if after["motion_psnr"] > before["motion_psnr"]:  # a lesson cut short may leave it worse than it was
        found.save_pretrained(folder)
    sys.stdout.write(f"before {before}, after {after}\n")


def words(recipe: Recipe, _: argparse.Namespace) -> None:
    """Teach the words."""
    torch.set_num_threads(recipe.processes)
    right = text.learn_words(recipe.folder / "text", recipe.seed, 400)
    sys.stdout.write(f"facts read right: {right:.4f}\n")


def stills(recipe: Recipe, options: argparse.Namespace) -> None:
    """Train the keyframe stage."""
    _keep_or_clear(recipe.folder / "keyframe.pt", resume=options.resume)
    run_together(keyframe.work, recipe)


def clips(recipe: Recipe, options: argparse.Namespace) -> None:
    """Train the motion stage."""
    _keep_or_clear(recipe.folder / "motion.pt", resume=options.resume)
    run_together(motion.work, recipe)


def reader(recipe: Recipe, options: argparse.Namespace) -> None:
    """Train the judge's readers on painted stills and clips; says how well they read held-out ones."""
    torch.set_num_threads(recipe.processes)
    latents = Latents(StudioVAE.from_pretrained(recipe.folder / "vae"))
    right = teach_stills(recipe, latents, options.steps or STEPS) | teach_clips(recipe)
    (recipe.folder / "reader.json").write_text(json.dumps(right, indent=2, sort_keys=True) + "\n")
    sys.stdout.write(f"{right}\n")


def larger(recipe: Recipe, options: argparse.Namespace) -> None:
    """Paint pairs and train the upsampler; to `--out`, the version folder of its model in Triton, if it is named."""
    _keep_or_clear(recipe.folder / "upsampler.pt", resume=options.resume)
    found = upsampler.work(recipe, options.steps or upsampler.STEPS, options.out)
    sys.stdout.write(json.dumps(found, indent=2) + "\n")


def verdict(recipe: Recipe, options: argparse.Namespace) -> None:
    """Judge the model folder `--model`; the JSON and the sheets go to `--out`, a line to the folder's `curve.jsonl`."""
    torch.set_num_threads(recipe.processes)
    found = judge.verdict(recipe, options.model, options.out)
    sys.stdout.write(json.dumps(found, indent=2) + "\n")


def fewer(recipe: Recipe, options: argparse.Namespace) -> None:
    """Judge the model folder `--model` at several numbers of denoise steps, to `--out`."""
    torch.set_num_threads(recipe.processes)
    found = judge.by_steps(recipe, options.model, (4, 6, 8, 12, 20))
    options.out.write_text(json.dumps(found, indent=2) + "\n")
    sys.stdout.write(json.dumps(found) + "\n")


def card(recipe: Recipe, options: argparse.Namespace) -> None:
    """Write the README of the model folder `--model` to `--out`."""
    text = model_card(options.model, verdict=options.verdict, upsampler=options.upsampler, curve=recipe.folder / "curve.jsonl")
    options.out.write_text(text)


def ship(recipe: Recipe, options: argparse.Namespace) -> None:
    """Export a checkpoint to `--out`."""
    made = export(recipe.folder, options.checkpoint, options.out)
    sys.stdout.write(f"{made.name} {made.version} in {options.out}\n")


STAGES: dict[str, Callable[[Recipe, argparse.Namespace], None]] = {
    "world": world, "vae": vae, "text": words, "keyframe": stills, "motion": clips,
    "upsampler": larger, "reader": reader, "export": ship, "verdict": verdict, "steps": fewer, "card": card,
}  # fmt: skip


_NEEDED = {"export": ("out",), "verdict": ("model", "out"), "steps": ("model", "out"), "card": ("model", "out")}


def _keep_or_clear(checkpoint: Path, *, resume: bool) -> None:
    if checkpoint.exists() and not resume:
        raise SystemExit(f"{checkpoint} exists: go on with --resume, or move it away")


def main(arguments: list[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="run.py", description="Trains the studio model; stages in this order.")
    parser.add_argument("--stage", choices=STAGES, required=True)
    parser.add_argument("--folder", type=Path, default=SCRATCH, help="where everything lies (default: the user's cache)")
    parser.add_argument("--resume", action="store_true", help="go on from the stage's checkpoint")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    for name in ("seed", "shards", "processes", "batch", "steps"):
        parser.add_argument(f"--{name}", type=int, default=getattr(Recipe(), name))
    parser.add_argument("--rate", type=float, default=Recipe().rate)
    parser.add_argument("--minutes", type=float, default=0.0, help="of the refiner's lessons (stage vae)")
    parser.add_argument("--checkpoint", choices=("keyframe", "motion"), default="keyframe", help="what to export")
    parser.add_argument("--model", type=Path, help="the model folder to judge")
    parser.add_argument("--out", type=Path, help="the folder to export to, or the file that the stage writes")
    parser.add_argument("--verdict", type=Path, help="the verdict's JSON file, for the card")
    parser.add_argument("--upsampler", type=Path, help="the upsampler's folder, for the card")
    options = parser.parse_args(arguments)
    for name in _NEEDED.get(options.stage, ()):
        if getattr(options, name) is None:
            parser.error(f"--stage {options.stage} needs --{name}")
    names = ("folder", "seed", "shards", "processes", "device", "batch", "steps", "rate")
    STAGES[options.stage](Recipe(**{n: getattr(options, n) for n in names}), options)
    return 0
