"""The second stage: a clean first frame and its caption to a clip, by the same transformer; every fourth step is of stills."""

from pathlib import Path

import numpy as np
import torch
from storyreel_engine.studio_vae import StudioVAE

from storyreel_training import recipe as r
from storyreel_training.batches import Batch, Clips, Stills
from storyreel_training.codec import clips, to_frames
from storyreel_training.keyframe import Keyframe, make_scheduler, new_training, sample_latents
from storyreel_training.model import Latents, Studio, fit_hold, loss_of, noise_levels
from storyreel_training.processes import Crew
from storyreel_training.sheet import write_sheet
from storyreel_training.train import Stop, train
from storyreel_training.world.captions import Writer
from storyreel_training.world.facts import draw_facts
from storyreel_training.world.paint import Pixels

REPEAT = 4


class Motion:
    """Learns clips, and goes over stills so that they are not forgotten."""

    name = "motion"

    def __init__(self, recipe: r.Recipe, latents: Latents, keyframe: Keyframe) -> None:
        self._recipe, self._latents, self._keyframe = recipe, latents, keyframe
        self._clips = Clips(recipe, latents)

    def loss(self, studio: Studio, step: int, rank: int) -> torch.Tensor:
        """As `train.Lesson`."""
        if step % REPEAT == REPEAT - 1:
            return self._keyframe.loss(studio, step, rank)
        batch = self._clips.batch(step, rank)
        generator = torch.Generator().manual_seed(self._recipe.seed * 1000003 + step * 64 + rank)
        level = noise_levels(len(batch.captions), generator)
        noise = torch.randn(batch.clean.shape, generator=generator)
        mixed = batch.clean + (noise - batch.clean) * level[:, None, None, None, None]
        mixed[:, :, 0] = batch.clean[:, :, 0]
        device = self._recipe.device
        guess = studio(mixed.to(device), token_levels(level, batch).to(device), batch.captions).float()
        clean, cover = batch.clean.to(device), batch.cover.to(device)
        # Frames go into the batch: the loss weighs each by what moves in it.
        frames = clean.shape[2] - 1
        flat = [v[:, :, 1:].transpose(1, 2).flatten(0, 1).unsqueeze(2) for v in (guess, clean)]
        return loss_of(flat[0], flat[1], level.to(device).repeat_interleave(frames), cover.flatten(0, 1))

    def show(self, studio: Studio, path: Path) -> None:
        """Six held-out prompts, five moments each."""
        rng = np.random.default_rng(11)
        captions = [Writer(draw_facts(rng, held_out=True, aspect="16:9"), rng).plain() for _ in range(6)]
        clips = sample_clips(studio, self._latents, captions, "16:9", self._recipe)
        write_sheet(path, [[clip[i] for i in (0, 6, 12, 18, 24)] for clip in clips])


def token_levels(level: torch.Tensor, batch: Batch) -> torch.Tensor:
    """Noise level of every token (batch, tokens): 0 for those of the clean first frame."""
    count, _, frames, height, width = batch.clean.shape
    levels = level[:, None, None].repeat(1, frames, height * width // 4)
    levels[:, 0] = 0
    return levels.reshape(count, -1)


def sample_clips(studio: Studio, latents: Latents, captions: list[str], aspect: str, recipe: r.Recipe) -> list[Pixels]:
    """Clips of captions: a still first, then what follows from it."""
    with torch.no_grad():
        first = sample_latents(studio, captions, aspect, recipe)
        scheduler = make_scheduler()
        scheduler.set_timesteps(recipe.sample_steps)
        generator = torch.Generator().manual_seed(recipe.seed + 1)
        count, channels, _, height, width = first.shape
        x = torch.randn((count, channels, r.LATENT_FRAMES, height, width), generator=generator).to(recipe.device)
        wanted, plain = studio.text(captions), studio.text([""] * count)
        for t in scheduler.timesteps:
            x[:, :, :1] = first
            at = t.to(recipe.device) * torch.ones((count, r.LATENT_FRAMES, height * width // 4), device=recipe.device)
            at[:, 0] = 0
            told = studio.transformer(x, at.flatten(1), wanted, return_dict=False)[0]
            untold = studio.transformer(x, at.flatten(1), plain, return_dict=False)[0]
            x = scheduler.step(untold + recipe.guidance * (told - untold), t, x, return_dict=False)[0]
        x[:, :, :1] = first
        return list(to_frames(latents.decode(x.cpu().float())))


def work(recipe: r.Recipe, crew: Crew) -> None:
    """One process of the stage; begins from the running mean of the keyframe stage.

    Raises:
        FileNotFoundError: there is no keyframe checkpoint.
    """
    stop = Stop()
    latents = Latents(StudioVAE.from_pretrained(recipe.folder / "vae"))
    training = new_training(recipe)
    checkpoint = recipe.folder / "motion.pt"
    if checkpoint.exists():
        training.load(checkpoint)
    else:
        stills: dict[str, dict[str, torch.Tensor]] = torch.load(recipe.folder / "keyframe.pt", weights_only=True)
        training.begin_from({**stills["mean"], "transformer.hold": fit_hold(latents, clips(recipe.seed, 48))})
    lesson = Motion(recipe, latents, Keyframe(recipe, latents, Stills(recipe, latents)))
    train(training, lesson, crew, lambda: stop.asked)
