"""From the decoder's numbers to pictures: 8 bits are made on the device, so a quarter of the bytes leave it."""

import numpy as np
import torch
from PIL import Image, ImageOps

from storyreel_engine.failures import ModelFaultError
from storyreel_engine.ports import Frames


def to_frames(video: torch.Tensor) -> Frames:
    """Video of shape (1, 3, pictures, height, width) from -1 to 1 as uint8 of shape (pictures, height, width, 3).

    Raises:
        ModelFaultError: values that are not finite.
    """
    if not bool(torch.isfinite(video).all()):
        raise ModelFaultError("the decoded video holds values that are not finite")
    pixels = (video.float() * 0.5 + 0.5).clamp(0, 1).mul(255).round().to(torch.uint8)
    frames: Frames = pixels[0].permute(1, 2, 3, 0).contiguous().cpu().numpy()
    return frames


def fitted(picture: Frames, width: int, height: int) -> Image.Image:
    """A picture in the shot's size: scaled, and cut at its longer sides where the shape differs; never stretched."""
    image = Image.fromarray(np.ascontiguousarray(picture))
    return image if image.size == (width, height) else ImageOps.fit(image, (width, height))
