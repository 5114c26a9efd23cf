"""The studio model's upsampler: small frames to the size in which a finished film is delivered, frame by frame.

The model makes 192 x 112; a film is 1280 x 720. A small network does the whole step at the small size, where it is cheap,
and then says every BLOCK x BLOCK small pixels as LARGE x LARGE large ones: 20/3 exactly, without a resize after it.
"""

import numpy as np
import numpy.typing as npt
import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import nn

from storyreel_engine.failures import InvalidInputError

BLOCK, LARGE = 3, 20
_ASPECT = (9, 16)
_UNIT = 48
"""A long side is a multiple of it: only then are both sides of the cut whole blocks."""

Frames = npt.NDArray[np.uint8]


class StudioUpsampler(ModelMixin, ConfigMixin):  # type: ignore[misc] # diffusers is untyped
    """Pictures of shape (batch, 3, 3h, 3w) in -1 to 1 to pictures of shape (batch, 3, 20h, 20w), values not cut off."""

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(self, width: int = 32, depth: int = 8, lead: int = 20) -> None:
        super().__init__()
        self.enter = nn.Conv2d(3, width, 3, padding=1, padding_mode="replicate")
        self.middle = nn.ModuleList([Residual(width) for _ in range(depth)])
        self.leave = nn.Conv2d(width, lead, 1)
        self.blocks = nn.Conv2d(lead, 3 * LARGE**2, BLOCK + 2, stride=BLOCK)
        nn.init.zeros_(self.blocks.weight)
        nn.init.zeros_(self.blocks.bias)

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """See the class."""
        plain = nn.functional.interpolate(pictures, scale_factor=LARGE / BLOCK, mode="bilinear", align_corners=False)
        return torch.as_tensor(plain + self.sharp(pictures))

    def sharp(self, pictures: torch.Tensor) -> torch.Tensor:
        """What a plain enlargement of `pictures` lacks; of the large shape."""
        x = self.enter(pictures)
        for residual in self.middle:
            x = residual(x)
        around = nn.functional.pad(self.leave(nn.functional.silu(x)), (1, 1, 1, 1), mode="replicate")
        return torch.as_tensor(nn.functional.pixel_shuffle(self.blocks(around), LARGE))


class Residual(nn.Module):  # type: ignore[misc] # torch is not in the linter's environment
    """Two convolutions beside a straight way."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.second = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """As large as `x`."""
        return torch.as_tensor(x + self.second(nn.functional.silu(self.first(x))))


def film_cut(frames: Frames) -> Frames:
    """Frames (n, height, width, 3) cut around their middle to 16:9 or 9:16: 192 x 112 to 192 x 108.

    Raises:
        InvalidInputError: no such frames, or they would have to be cut along their long side.
    """
    if frames.ndim != len("nhwc") or frames.shape[-1] != len("rgb"):
        raise InvalidInputError(f"frames: RGB of shape (n, height, width, 3) is needed, not {frames.shape}")
    height, width = frames.shape[1:3]
    long = max(height, width)
    short = long * _ASPECT[0] // _ASPECT[1]
    if long % _UNIT or min(height, width) < short:
        raise InvalidInputError(
            f"frames: {width}x{height} is not of 16:9 or 9:16 with a long side that is a multiple of {_UNIT}"
        )
    rows, columns = (short, long) if width > height else (long, short)
    top, left = (height - rows) // 2, (width - columns) // 2
    return frames[:, top : top + rows, left : left + columns]


def enlarged(net: StudioUpsampler, frames: Frames, *, half: bool | None = None) -> Frames:
    """Frames uint8 (n, 3h, 3w, 3) as frames uint8 (n, 20h, 20w, 3), one at a time: memory for one is enough.

    `half` computes in bfloat16; by default where the device multiplies that in hardware, in half the time. On a CPU the plain
    enlargement is one of bytes, seven times as fast: what comes is within a level of what `forward` says.
    """
    n, height, width, _ = frames.shape
    size = (height * LARGE // BLOCK, width * LARGE // BLOCK)
    large = np.empty((n, *size, 3), np.uint8)
    device = next(net.parameters()).device
    half = fast_bfloat16(device) if half is None else half
    with torch.inference_mode():
        for i in range(n):
            small = torch.from_numpy(np.ascontiguousarray(frames[i])).to(device).permute(2, 0, 1)[None]
            with torch.autocast(device.type, torch.bfloat16, enabled=half):
                lacking = net.sharp(small.float() / 127.5 - 1)
            plain = nn.functional.interpolate(small if device.type == "cpu" else small.float(), size=size, mode="bilinear")
            pixels = torch.add(plain, lacking.float(), alpha=127.5).add_(0.5).clamp_(0, 255).to(torch.uint8)  # + 0.5: rounded
            large[i] = pixels[0].permute(1, 2, 0).cpu().numpy()
    return large


def fast_bfloat16(device: torch.device) -> bool:
    """Whether this device multiplies bfloat16 faster than float32; of CPUs torch answers that only in a private function."""
    return device.type == "cuda" or bool(torch.cpu._is_amx_tile_supported())
