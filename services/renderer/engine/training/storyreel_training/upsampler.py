"""The upsampler's lessons: small pieces in, large ones out; and how far it is from what is true, on frames never seen."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from storyreel_engine.studio_upsampler import BLOCK, LARGE, StudioUpsampler, enlarged
from storyreel_engine.studio_vae import StudioVAE

from storyreel_training.codec import to_video
from storyreel_training.model import Latents
from storyreel_training.pairs import MARGIN, Moment, held_out, paint_all, whole, within
from storyreel_training.recipe import Recipe
from storyreel_training.train import Stop
from storyreel_training.world.paint import Pixels

SHARDS, BATCH, STEPS, RATE, SAVE_SECONDS = 16, 8, 1600, 2e-3, 60.0
_NOISE = 0.04
"""Most noise on a small piece (of -1 to 1): what the denoiser makes is less clean than what the autoencoder gives back."""
PLAIN: dict[str, int] = {"bicubic": cv2.INTER_CUBIC, "lanczos": cv2.INTER_LANCZOS4}


@dataclass
class Lessons:
    """Network, optimizer and step: what a checkpoint holds. A step's batch depends on seed and step only."""

    recipe: Recipe
    steps: int
    net: StudioUpsampler
    step: int = 0
    seconds: float = 0.0

    def __post_init__(self) -> None:
        self.net = self.net.to(memory_format=torch.channels_last)
        self.optimizer = torch.optim.AdamW(self.net.parameters(), lr=RATE, betas=(0.9, 0.99), weight_decay=0.0, fused=True)

    def advance(self, small: torch.Tensor, large: torch.Tensor) -> float:
        """One step; returns its loss. `seconds` counts the processor's."""
        start = time.process_time()
        for group in self.optimizer.param_groups:
            group["lr"] = RATE * min((self.step + 1) / 100, max(0.01, 1 - self.step / self.steps))
        with torch.autocast("cpu", torch.bfloat16):
            guess = self.net(small)
        edge = MARGIN * LARGE // BLOCK
        loss = loss_of(guess[..., edge:-edge, edge:-edge].float(), large)
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), 0.5)
        self.optimizer.step()
        self.step += 1
        self.seconds += time.process_time() - start
        return float(loss.detach())

    def save(self, path: Path) -> None:
        """Write a checkpoint, whole or not at all."""
        part = path.with_suffix(".part")
        kept = {
            "step": self.step,
            "seconds": self.seconds,
            "net": self.net.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }
        torch.save(kept, part)
        part.rename(path)

    def load(self, path: Path) -> None:
        """Take up a checkpoint."""
        saved: dict[str, Any] = torch.load(path, weights_only=True)
        self.net.load_state_dict(saved["net"])
        self.optimizer.load_state_dict(saved["optimizer"])
        self.step, self.seconds = saved["step"], saved["seconds"]


def loss_of(guess: torch.Tensor, large: torch.Tensor) -> torch.Tensor:
    """How far two pictures are apart, edges apart from areas: a soft edge costs more than a shade that is a little off."""
    error = guess - large
    edges = [error.diff(dim=axis).abs().mean() for axis in (2, 3)]
    return error.abs().mean() + edges[0] + edges[1]


def batch_at(step: int, seed: int, pairs: list[tuple[Pixels, Pixels]]) -> tuple[torch.Tensor, torch.Tensor]:
    """The pieces of one step, turned over at random, the small ones with some noise."""
    rng = np.random.default_rng((seed, 33, step))
    small, large = pairs[int(rng.integers(len(pairs)))]
    picked = rng.integers(len(small), size=BATCH)
    both = [to_video(p[picked][:, None])[:, :, 0] for p in (small, large)]
    axes = [axis for axis in (2, 3) if rng.random() < 0.5]
    both = [b.flip(axes) if axes else b for b in both]
    both = [b.transpose(2, 3) for b in both] if rng.random() < 0.5 else both
    generator = torch.Generator().manual_seed(int(rng.integers(1 << 40)))
    noise = torch.randn(both[0].shape, generator=generator) * torch.rand((BATCH, 1, 1, 1), generator=generator)
    return (both[0] + _NOISE * noise).contiguous(memory_format=torch.channels_last), both[1]


def learn(lessons: Lessons, checkpoint: Path, stopped: Callable[[], bool]) -> None:
    """Go on until the last step or until told to stop; a checkpoint is left, and a line of log every hundred steps."""
    pairs = open_pairs(lessons.recipe.folder / "pairs")
    saved, losses = time.monotonic(), []
    while lessons.step < lessons.steps and not stopped():
        losses.append(lessons.advance(*batch_at(lessons.step, lessons.recipe.seed, pairs)))
        if lessons.step % 100 == 0:
            line = {"step": lessons.step, "loss": round(float(np.mean(losses)), 5), "cpu": round(lessons.seconds)}
            with checkpoint.with_suffix(".jsonl").open("a") as log:
                log.write(json.dumps(line) + "\n")
            losses = []
        if time.monotonic() - saved > SAVE_SECONDS:
            lessons.save(checkpoint)
            saved = time.monotonic()
    lessons.save(checkpoint)


def open_pairs(folder: Path) -> list[tuple[Pixels, Pixels]]:
    """All painted pairs by shard, in memory.

    Raises:
        FileNotFoundError: none were painted.
    """
    found = [np.load(path) for path in sorted(folder.glob("[0-9]*[0-9].npz"))]
    if not found:
        raise FileNotFoundError(f"no painted pairs in {folder}")
    return [(shard["small"], shard["large"]) for shard in found]


def measure(net: StudioUpsampler, recipe: Recipe, clips: int = 6) -> dict[str, dict[str, float]]:
    """PSNR, SSIM and flicker of the network and of plain resizing against the painted truth, on clips held out.

    Flicker is the mean change from frame to frame where the true frames do not change, in levels of 255.
    """
    latents = Latents(StudioVAE.from_pretrained(recipe.folder / "vae"))
    ways: dict[str, Callable[[Pixels], Pixels]] = {"network": lambda small: enlarged(net, small[None])[0]}
    ways |= {name: _resize(flag) for name, flag in PLAIN.items()}
    found: dict[str, list[tuple[float, float, float]]] = {name: [] for name in ways}
    for shown in held_out(latents, recipe.seed, clips, [8, 9, 10]):
        for name, way in ways.items():
            found[name].append(_against(shown, way))
    names = ("psnr", "ssim", "flicker")
    return {n: dict(zip(names, np.mean(rows, 0).round(3).tolist(), strict=True)) for n, rows in found.items()}


def _resize(flag: int) -> Callable[[Pixels], Pixels]:
    def resize(small: Pixels) -> Pixels:
        height, width = (side * LARGE // BLOCK for side in small.shape[:2])
        return np.asarray(cv2.resize(small, (width, height), interpolation=flag))

    return resize


def _against(shown: list[Moment], way: Callable[[Pixels], Pixels]) -> tuple[float, float, float]:
    pairs = [whole(moment) for moment in shown]
    made = [within(way(small)).astype(np.float32) for small, _ in pairs]
    true = [large.astype(np.float32) for _, large in pairs]
    noise = [float(10 * np.log10(255**2 / np.square(m - t).mean())) for m, t in zip(made, true, strict=True)]
    like = [ssim(m, t) for m, t in zip(made, true, strict=True)]
    change = [np.abs(b - a)[np.abs(d - c) <= 1] for (a, b), (c, d) in zip(pairwise(made), pairwise(true), strict=True)]
    return float(np.mean(noise)), float(np.mean(like)), float(np.mean(np.concatenate(change)))


def ssim(a: Any, b: Any) -> float:
    """Structural similarity of two float RGB pictures of 0..255 (Gaussian window of 1.5 pixels, mean over the channels)."""
    blur: Callable[[Any], Any] = lambda x: cv2.GaussianBlur(x, (11, 11), 1.5)  # noqa: E731
    low, high = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    ma, mb = blur(a), blur(b)
    va, vb, both = blur(a * a) - ma * ma, blur(b * b) - mb * mb, blur(a * b) - ma * mb
    return float(((2 * ma * mb + low) * (2 * both + high) / ((ma**2 + mb**2 + low) * (va + vb + high))).mean())


def work(recipe: Recipe, steps: int, out: Path | None) -> dict[str, Any]:
    """The stage: paint, learn (or go on from the checkpoint), measure, and save the folder that Triton serves.

    Raises:
        FileExistsError: `out` is there already.
    """
    if out is not None and out.exists():
        raise FileExistsError(f"{out} exists: name another folder")
    stop = Stop()
    paint_all(recipe.folder, SHARDS, recipe.processes)
    torch.set_num_threads(recipe.processes)
    torch.manual_seed(0)
    lessons, checkpoint = Lessons(recipe, steps, StudioUpsampler()), recipe.folder / "upsampler.pt"
    if checkpoint.exists():
        lessons.load(checkpoint)
    learn(lessons, checkpoint, lambda: stop.asked)
    if stop.asked:
        return {"step": lessons.step}
    found = {
        "measured": measure(lessons.net.eval(), recipe), "steps": steps, "batch": BATCH, "pieces": steps * BATCH,
        "cpu_seconds": round(lessons.seconds), "seed": recipe.seed, "torch": torch.__version__,
    }  # fmt: skip
    if out is not None:
        lessons.net.half().save_pretrained(out, safe_serialization=True)
        (out / "training.json").write_text(json.dumps(found, indent=2, sort_keys=True) + "\n")
    return found
