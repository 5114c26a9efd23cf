"""The studio model's autoencoder: pictures as blocks along fixed axes, and a small network that mends the blocks' edges.

Linear on purpose: its axes are found by one decomposition instead of by hours of training, and its latents are
independent. The first frame is coded alone, every four frames after it together, as in the Wan family, whose pipelines
use this class unchanged.
"""

from typing import Any

import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from diffusers.models.autoencoders.vae import DecoderOutput, DiagonalGaussianDistribution
from diffusers.models.modeling_outputs import AutoencoderKLOutput
from torch import nn


class StudioVAE(ModelMixin, ConfigMixin):  # type: ignore[misc] # diffusers is untyped
    """Pictures of shape (batch, 3, 1 + 4k, 8h, 8w) in -1 to 1; latents of shape (batch, z_dim, 1 + k, h, w).

    `latents_mean` and `latents_std` are what pipelines shift and scale latents by before they denoise them.
    """

    _supports_gradient_checkpointing = False

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(
        self,
        z_dim: int = 48,
        scale_factor_spatial: int = 8,
        scale_factor_temporal: int = 4,
        refiner_width: int = 96,
        latents_mean: tuple[float, ...] = (),  # noqa: ARG002 - kept in the configuration, for pipelines
        latents_std: tuple[float, ...] = (),  # noqa: ARG002
    ) -> None:
        super().__init__()
        block = 3 * scale_factor_spatial**2
        self.still_axes = nn.Parameter(torch.zeros(z_dim, block))
        self.still_mean = nn.Parameter(torch.zeros(block))
        self.motion_axes = nn.Parameter(torch.zeros(z_dim, block * scale_factor_temporal))
        self.motion_mean = nn.Parameter(torch.zeros(block * scale_factor_temporal))
        self.motion_scale = nn.Parameter(torch.ones(z_dim))  # brings motion latents to the size of stills' ones
        self.refiner = Refiner(block, refiner_width)

    def encode(self, x: torch.Tensor, return_dict: bool = True) -> Any:
        """Latents of a video, as a distribution without spread."""
        first = self._fold(x[:, :, :1]).squeeze(2)
        parts = [torch.einsum("bchw,zc->bzhw", first - self.still_mean[:, None, None], self.still_axes).unsqueeze(2)]
        if x.shape[2] > 1:
            later = self._grouped(self._fold(x[:, :, 1:])) - self.motion_mean[:, None, None, None]
            parts.append(torch.einsum("bcthw,zc->bzthw", later, self.motion_axes * self.motion_scale[:, None]))
        mean = torch.cat(parts, 2)
        spread = DiagonalGaussianDistribution(torch.cat((mean, torch.full_like(mean, -30.0)), 1), deterministic=True)
        return AutoencoderKLOutput(latent_dist=spread) if return_dict else (spread,)

    def decode(self, z: torch.Tensor, return_dict: bool = True) -> Any:
        """The video of latents, values outside -1 to 1 cut off."""
        folded = self.unfold_axes(z)
        video = self._unfold(folded + self.refiner(folded)).clamp(-1, 1)
        return DecoderOutput(sample=video) if return_dict else (video,)

    def unfold_axes(self, z: torch.Tensor) -> torch.Tensor:
        """The linear half of decoding: blocks of shape (batch, block, frames, h, w), before the refiner."""
        first = torch.einsum("bzhw,zc->bchw", z[:, :, 0], self.still_axes) + self.still_mean[:, None, None]
        if z.shape[2] == 1:
            return first.unsqueeze(2)
        axes = self.motion_axes / self.motion_scale[:, None]
        later = torch.einsum("bzthw,zc->bcthw", z[:, :, 1:], axes) + self.motion_mean[:, None, None, None]
        steps = self.config.scale_factor_temporal
        later = later.unflatten(1, (steps, -1)).permute(0, 2, 3, 1, 4, 5).flatten(2, 3)
        return torch.cat((first.unsqueeze(2), later), 2)

    def blocks(self, x: torch.Tensor) -> torch.Tensor:
        """A video as blocks of shape (batch, 3 * 64, frames, h, w): what the axes are found on."""
        return self._fold(x)

    def _fold(self, x: torch.Tensor) -> torch.Tensor:
        n = self.config.scale_factor_spatial
        b, c, t, h, w = x.shape
        return x.reshape(b, c, t, h // n, n, w // n, n).permute(0, 1, 4, 6, 2, 3, 5).reshape(b, c * n * n, t, h // n, w // n)

    def _unfold(self, blocks: torch.Tensor) -> torch.Tensor:
        n = self.config.scale_factor_spatial
        b, _, t, h, w = blocks.shape
        return blocks.reshape(b, 3, n, n, t, h, w).permute(0, 1, 4, 5, 2, 6, 3).reshape(b, 3, t, h * n, w * n)

    def _grouped(self, blocks: torch.Tensor) -> torch.Tensor:
        """Every four frames as one, in the order (frame, block)."""
        steps = self.config.scale_factor_temporal
        b, c, t, h, w = blocks.shape
        return blocks.reshape(b, c, t // steps, steps, h, w).permute(0, 3, 1, 2, 4, 5).reshape(b, steps * c, t // steps, h, w)


class Refiner(nn.Module):  # type: ignore[misc] # torch is not in the linter's environment
    """What the blocks of a frame lack, from themselves, their neighbours and the first frame; begins at nothing."""

    def __init__(self, block: int, width: int) -> None:
        super().__init__()
        self.enter = nn.Conv2d(2 * block, width, 3, padding=1)
        self.middle = nn.ModuleList([nn.Conv2d(width, width, 3, padding=1) for _ in range(4)])
        self.leave = nn.Conv2d(width, block, 1)
        for parameter in self.leave.parameters():
            nn.init.zeros_(parameter)

    def forward(self, blocks: torch.Tensor) -> torch.Tensor:
        """Corrections of the same shape as `blocks` (batch, block, frames, h, w)."""
        b, _, t, _, _ = blocks.shape
        both = torch.cat((blocks, blocks[:, :, :1].expand_as(blocks)), 1)
        x = self.enter(both.transpose(1, 2).flatten(0, 1))
        for first, second in zip(self.middle[::2], self.middle[1::2], strict=True):
            x = x + second(nn.functional.silu(first(nn.functional.silu(x))))
        change: torch.Tensor = self.leave(nn.functional.silu(x))
        return change.unflatten(0, (b, t)).transpose(1, 2)
