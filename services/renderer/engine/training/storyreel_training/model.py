"""The networks of one training in one place: text side and transformer, their latents, noise and loss."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import torch
from storyreel_engine.studio_transformer import StudioTransformer3DModel
from storyreel_engine.studio_vae import StudioVAE
from torch import nn

from storyreel_training import recipe as r
from storyreel_training.text import TextSide, load_text


class Studio(nn.Module):  # type: ignore[misc] # torch is not in the linter's environment
    """What is trained together: captions in, clean latents out."""

    def __init__(self, text: TextSide, transformer: StudioTransformer3DModel) -> None:
        super().__init__()
        self.text = text
        self.transformer = transformer

    def forward(self, noisy: torch.Tensor, level: torch.Tensor, captions: list[str]) -> torch.Tensor:
        """The clean latents guessed for `noisy`; `level` (0 clean to 1 noise) is (batch,) or (batch, tokens)."""
        guess = self.transformer(noisy, level * 1000, self.text(captions), return_dict=False)[0]
        return torch.as_tensor(guess)


def new_studio(folder: Path, seed: int, layers: int = 6) -> Studio:
    """Untrained transformer, taught words (`--stage text` first)."""
    torch.manual_seed(seed)
    transformer = StudioTransformer3DModel(
        num_attention_heads=4,
        attention_head_dim=64,
        in_channels=r.LATENT_CHANNELS,
        out_channels=r.LATENT_CHANNELS,
        text_dim=r.TEXT_WIDTH,
        freq_dim=256,
        ffn_dim=1024,
        num_layers=layers,
        rope_max_seq_len=64,
    )
    return Studio(load_text(folder / "text"), transformer)


@dataclass(frozen=True)
class Latents:
    """The space that is denoised in: a VAE's latents, shifted and scaled as pipelines do."""

    vae: StudioVAE

    @property
    def _scale(self) -> torch.Tensor:
        return torch.tensor(self.vae.config.latents_std)[None, :, None, None, None]

    def encode(self, video: torch.Tensor) -> torch.Tensor:
        """A video of -1..1 to latents; without gradient."""
        with torch.no_grad():
            return torch.as_tensor(self.vae.encode(video).latent_dist.mode() / self._scale)

    def decode(self, latents: torch.Tensor) -> torch.Tensor:
        """Latents to a video of -1..1; without gradient."""
        with torch.no_grad():
            return torch.as_tensor(self.vae.decode(latents * self._scale).sample)


def fit_hold(latents: Latents, videos: Iterable[torch.Tensor]) -> torch.Tensor:
    """The matrix (z, z) that guesses every later latent from the first one at the same place, best on average over clips.

    Sharp detail moves away and is left out of the guess, broad colour stays: least squares finds how much of each.
    """
    channels = latents.vae.config.z_dim
    both, own = torch.zeros(channels, channels), torch.eye(channels) * 1e-3
    for video in videos:
        clean = latents.encode(video)
        first = clean[:, :, 0].transpose(0, 1).flatten(1)
        for later in clean[:, :, 1:].unbind(2):
            both += later.transpose(0, 1).flatten(1) @ first.T
            own += first @ first.T
    return torch.linalg.solve(own, both.T).T


def noise_levels(count: int, generator: torch.Generator) -> torch.Tensor:
    """Noise levels to learn at: more of the high ones, and one in twenty pure noise."""
    level = torch.sigmoid(torch.randn(count, generator=generator) + 0.5)
    return torch.where(torch.rand(count, generator=generator) < 0.05, torch.ones(()), level)


def loss_of(guess: torch.Tensor, clean: torch.Tensor, level: torch.Tensor, cover: torch.Tensor) -> torch.Tensor:
    """Squared error; the subject (`cover` 0..1, (batch, h, w)) weighs four times the background, low noise more.

    Without the weight the background's error rules: it is most of the picture. With 12 times, places were still at chance after
    17,000 stills while colours were not.
    """
    place = 0.7 + 2.1 * cover
    place = place / place.mean((1, 2), keepdim=True)
    by_level = level.clamp(min=0.3) ** -1.5
    error = (guess - clean).square().mean((1, 2))
    return (error * place * by_level[:, None, None]).mean()
