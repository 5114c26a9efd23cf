"""The studio model's denoiser: the Wan transformer that knows where a token is, and goes on from a first frame."""

from functools import wraps
from typing import Any

import torch
from diffusers import ModelMixin, WanTransformer3DModel

__all__ = ["ModelMixin", "StudioTransformer3DModel", "positions"]
# diffusers loads a pipeline's part by a base class that it looks for in the module named in model_index.json: hence ModelMixin.

POSITION_CHANNELS = 16
TEXT_LENGTH = 80


class StudioTransformer3DModel(WanTransformer3DModel):  # type: ignore[misc] # diffusers is untyped
    """`WanTransformer3DModel` with three things that a small network needs; its inputs, outputs and pipelines stay the same.

    - Absolute position: `POSITION_CHANNELS` sines and cosines of a token's place in the frame go in beside the latents.
      With relative positions alone, suns and palms repeat in every column.
    - The text is cut to its first `TEXT_LENGTH` tokens: pipelines pad to 512, and empty tokens thin the attention out.
    - It predicts the clean latents. For frames after the first it predicts what changes against the first frame held
      still (`hold` maps a still's latent to the motion latent of the same picture), so a clip needs its first frame given.
    """

    @wraps(WanTransformer3DModel.__init__)  # type: ignore[misc] # so that the configuration has the parent's names
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        plain = self._modules["patch_embedding"]
        self.patch_embedding = torch.nn.Conv3d(
            self.config.in_channels + POSITION_CHANNELS, plain.out_channels, plain.kernel_size, plain.stride
        )
        shape = (self.config.out_channels, self.config.in_channels)
        self.hold = torch.nn.Parameter(torch.zeros(shape), requires_grad=False)

    def forward(
        self, hidden_states: torch.Tensor, timestep: torch.Tensor, encoder_hidden_states: torch.Tensor, **kwargs: Any
    ) -> Any:
        """Clean latents, of the shape of `hidden_states` (batch, channels, frames, height, width); else as the parent."""
        output = super().forward(
            torch.cat((hidden_states, positions(hidden_states, POSITION_CHANNELS)), 1),
            timestep,
            encoder_hidden_states[:, :TEXT_LENGTH],
            **kwargs,
        )
        if hidden_states.shape[2] > 1:
            held = torch.einsum("bchw,oc->bohw", hidden_states[:, :, 0], self.hold.to(hidden_states.dtype))
            (output[0] if isinstance(output, tuple) else output.sample)[:, :, 1:] += held.unsqueeze(2)
        return output


def positions(like: torch.Tensor, channels: int) -> torch.Tensor:
    """Sines and cosines of the row's and the column's place from 0 to 1, shape (batch, channels, frames, height, width).

    Half of the channels are for rows, half for columns, with 1, 2, 4 ... half turns over the frame, wide or tall.
    """
    b, _, t, h, w = like.shape
    turns = torch.pi * 2.0 ** torch.arange(channels // 4, device=like.device)
    rows = turns[:, None, None] * ((torch.arange(h, device=like.device) + 0.5) / h)[None, :, None]
    columns = turns[:, None, None] * ((torch.arange(w, device=like.device) + 0.5) / w)[None, None, :]
    planes = [wave(place).expand(-1, h, w) for place in (rows, columns) for wave in (torch.sin, torch.cos)]
    return torch.cat(planes)[None, :, None].expand(b, -1, t, -1, -1).to(like.dtype)
