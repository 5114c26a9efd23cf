"""The first stage: text to a single latent frame."""

from pathlib import Path

import numpy as np
import torch
from diffusers import UniPCMultistepScheduler
from storyreel_engine.studio_vae import StudioVAE

from storyreel_training import recipe as r
from storyreel_training.batches import Stills
from storyreel_training.codec import to_frames
from storyreel_training.model import Latents, Studio, loss_of, new_studio, noise_levels
from storyreel_training.processes import Crew
from storyreel_training.sheet import write_sheet
from storyreel_training.train import Stop, Training, train
from storyreel_training.world.captions import Writer
from storyreel_training.world.facts import FRAME, draw_facts
from storyreel_training.world.paint import Pixels


class Keyframe:
    """Learns stills."""

    name = "keyframe"

    def __init__(self, recipe: r.Recipe, latents: Latents, stills: Stills) -> None:
        self._recipe, self._latents, self._stills = recipe, latents, stills

    def loss(self, studio: Studio, step: int, rank: int) -> torch.Tensor:
        """As `train.Lesson`."""
        batch = self._stills.batch(step, rank)
        generator = torch.Generator().manual_seed(self._recipe.seed * 1000003 + step * 64 + rank)
        level = noise_levels(len(batch.captions), generator)
        noise = torch.randn(batch.clean.shape, generator=generator)
        mixed = batch.clean + (noise - batch.clean) * level[:, None, None, None, None]
        device = self._recipe.device
        guess = studio(mixed.to(device), level.to(device), batch.captions)
        return loss_of(guess.float(), batch.clean.to(device), level.to(device), batch.cover.to(device))

    def show(self, studio: Studio, path: Path) -> None:
        """Twelve wide and six tall stills of prompts held out."""
        rows = []
        for aspect, count, lines in (("16:9", 6, 2), ("9:16", 10, 1)):
            rng = np.random.default_rng(7)
            for _ in range(lines):
                captions = [Writer(draw_facts(rng, held_out=True, aspect=aspect), rng).plain() for _ in range(count)]
                rows.append(sample_stills(studio, self._latents, captions, aspect, self._recipe))
        write_sheet(path, rows)


def sample_stills(studio: Studio, latents: Latents, captions: list[str], aspect: str, recipe: r.Recipe) -> list[Pixels]:
    """Stills of captions, uint8 (height, width, 3)."""
    found = sample_latents(studio, captions, aspect, recipe)
    return list(to_frames(latents.decode(found.cpu().float()))[:, 0])


def sample_latents(studio: Studio, captions: list[str], aspect: str, recipe: r.Recipe) -> torch.Tensor:
    """Latents (captions, channels, 1, h, w) with guidance, by the scheduler that the exported pipeline uses."""
    with torch.no_grad():
        scheduler = make_scheduler()
        scheduler.set_timesteps(recipe.sample_steps)
        width, height = FRAME[aspect]
        generator = torch.Generator().manual_seed(recipe.seed)
        x = torch.randn((len(captions), r.LATENT_CHANNELS, 1, height // 8, width // 8), generator=generator).to(recipe.device)
        wanted, plain = studio.text(captions), studio.text([""] * len(captions))
        for t in scheduler.timesteps:
            at = t.expand(len(captions)).to(recipe.device)
            told = studio.transformer(x, at, wanted, return_dict=False)[0]
            untold = studio.transformer(x, at, plain, return_dict=False)[0]
            x = scheduler.step(untold + recipe.guidance * (told - untold), t, x, return_dict=False)[0]
        return x


def make_scheduler() -> UniPCMultistepScheduler:
    """The scheduler of the exported pipeline: flow noise levels, and a network that says the clean latents."""
    return UniPCMultistepScheduler(
        prediction_type="sample", use_flow_sigmas=True, num_train_timesteps=1000, flow_shift=2.0, solver_order=2
    )


def new_training(recipe: r.Recipe) -> Training:
    """A training of the recipe at its beginning."""
    studio = new_studio(recipe.folder, recipe.seed, recipe.layers)
    if recipe.compiled:  # 29 instead of 53 ms of a core for a still (2026-11-21, Xeon with AMX)
        studio.transformer.compile_repeated_blocks(fullgraph=True)
    return Training(studio.to(recipe.device), recipe)


def work(recipe: r.Recipe, crew: Crew) -> None:
    """One process of the stage."""
    stop = Stop()
    latents = Latents(StudioVAE.from_pretrained(recipe.folder / "vae"))
    training = new_training(recipe)
    checkpoint = recipe.folder / "keyframe.pt"
    if checkpoint.exists():
        training.load(checkpoint)
    lesson = Keyframe(recipe, latents, Stills(recipe, latents))
    train(training, lesson, crew, lambda: stop.asked)
