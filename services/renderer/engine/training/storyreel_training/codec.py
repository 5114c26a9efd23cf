"""Finding the autoencoder's axes, and teaching its refiner what blocks lose."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from storyreel_engine.studio_vae import StudioVAE

from storyreel_training import recipe as r
from storyreel_training.stills import open_shard
from storyreel_training.world.facts import ASPECTS, draw_facts
from storyreel_training.world.scene import Scene

_STILLS, _GROUPS = 600, 60


def to_video(frames: npt.NDArray[np.uint8]) -> torch.Tensor:
    """Frames (batch, time, height, width, 3) of 0..255 as a video tensor (batch, 3, time, height, width) of -1..1."""
    return torch.from_numpy(np.array(frames)).permute(0, 4, 1, 2, 3).float() / 127.5 - 1


def to_frames(video: torch.Tensor) -> npt.NDArray[np.uint8]:
    """The inverse of `to_video`."""
    pixels = (video.detach().cpu().float() * 127.5 + 127.5).round().clamp(0, 255).to(torch.uint8)
    frames: npt.NDArray[np.uint8] = pixels.permute(0, 2, 3, 4, 1).numpy()
    return frames


def find_axes(stills: list[Path], seed: int, channels: int = r.LATENT_CHANNELS) -> Any:
    """The principal axes of still blocks (8 x 8) and of motion blocks (4 frames of 8 x 8)."""
    vae = StudioVAE(z_dim=channels)
    folded = [vae.blocks(to_video(np.asarray(open_shard(p).frames[:_STILLS])[:, None])) for p in stills]
    still = torch.cat([b.permute(0, 2, 3, 4, 1).flatten(0, 3) for b in folded])
    mean, axes, spread = _principal(still, channels)
    moving = torch.cat([_motion_blocks(vae, video) for video in clips(seed, _GROUPS)])
    motion_mean, motion_axes, motion_spread = _principal(moving, channels)
    std = spread.sqrt() * spread.mean().sqrt()  # divided by the root of the deviation: what is small stays smaller
    found = StudioVAE(z_dim=channels, latents_mean=(0.0,) * channels, latents_std=tuple(std.tolist()))
    with torch.no_grad():
        found.still_axes.copy_(axes)
        found.still_mean.copy_(mean)
        found.motion_axes.copy_(motion_axes)
        found.motion_mean.copy_(motion_mean)
        found.motion_scale.copy_(std / (motion_spread.sqrt() * motion_spread.mean().sqrt()))
    return found


def _principal(rows: torch.Tensor, channels: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    mean = rows.mean(0)
    values, vectors = torch.linalg.eigh(torch.cov((rows - mean).T))
    return mean, vectors[:, -channels:].flip(1).T, values[-channels:].flip(0).sqrt()


def _motion_blocks(vae: StudioVAE, video: torch.Tensor) -> torch.Tensor:
    later = vae.blocks(video[:, :, 1:])
    b, c, t, h, w = later.shape
    groups = later.reshape(b, c, t // 4, 4, h, w).permute(0, 2, 4, 5, 3, 1)
    return groups.reshape(-1, 4 * c)


def clips(seed: int, count: int, *, held_out: bool = False) -> Iterator[torch.Tensor]:
    """Videos of shape (1, 3, 25, height, width), alternating aspects."""
    for i in range(count):
        rng = np.random.default_rng((seed, 77, int(held_out), i))
        facts = draw_facts(rng, aspect=ASPECTS[i % 2], held_out=held_out)
        yield to_video(Scene(facts, int(rng.integers(1 << 40))).clip()[None])


def psnr(a: torch.Tensor, b: torch.Tensor) -> float:
    """Peak signal to noise of two videos of -1..1, in dB."""
    return float(10 * torch.log10(4 / (a - b).square().mean()))


def measure(vae: StudioVAE, seed: int, count: int = 12) -> dict[str, float]:
    """PSNR after the round trip on held-out clips: of first frames and of the others."""
    first, later = [], []
    with torch.no_grad():
        for video in clips(seed, count, held_out=True):
            back = vae.decode(vae.encode(video).latent_dist.mode()).sample
            first.append(psnr(back[:, :, :1], video[:, :, :1]))
            later.append(psnr(back[:, :, 1:], video[:, :, 1:]))
    return {"still_psnr": float(np.mean(first)), "motion_psnr": float(np.mean(later))}


def teach_refiner(vae: StudioVAE, seed: int, seconds: float) -> None:
    """Train the refiner for so long on frames picked from clips; the axes stay."""
    optimizer = torch.optim.AdamW(vae.refiner.parameters(), lr=1e-3, betas=(0.9, 0.98))
    end = time.monotonic() + seconds
    for step, video in enumerate(clips(seed + 1, 1 << 30)):
        left = end - time.monotonic()
        if left <= 0:
            return
        for group in optimizer.param_groups:
            group["lr"] = 1e-3 * min(1.0, (step + 1) / 50, left / (0.3 * seconds))
        with torch.no_grad():
            linear = vae.unfold_axes(vae.encode(video).latent_dist.mode())
            want = vae.blocks(video) - linear
        picked = np.random.default_rng((seed, step)).permutation(np.arange(1, linear.shape[2]))[:7]
        some = [0, *picked.tolist()]
        loss = (vae.refiner(linear[:, :, some]) - want[:, :, some]).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
