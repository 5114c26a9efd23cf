"""The numbers of one training: sizes of the networks, and how each stage learns. A model card repeats them."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

SCRATCH = Path.home() / ".cache" / "storyreel" / "training"
"""Where painted stills, checkpoints and logs lie; outside the repository."""


@dataclass(frozen=True)
class Recipe:
    """One training. `batch` is of all processes together; `steps` (0: no end) decides when the rate begins to fall."""

    folder: Path = SCRATCH
    seed: int = 20261121
    shards: int = 20
    processes: int = 2
    device: str = "cpu"
    batch: int = 32
    layers: int = 6
    rate: float = 1e-3
    warmup: int = 200
    steps: int = 0
    decay: float = 0.2
    ema: float = 0.999
    caption_dropout: float = 0.12
    guidance: float = 3.0
    sample_steps: int = 12
    compiled: bool = True
    log_every: int = 50
    save_seconds: float = 240.0
    sample_every: int = 1000

    def as_dict(self) -> dict[str, Any]:
        """Names to plain values, without the private folder."""
        return {k: v for k, v in asdict(self).items() if k != "folder"}


LATENT_CHANNELS = 48
LATENT_FRAMES = 7
TEXT_WIDTH, TEXT_LAYERS, TEXT_HEADS = 128, 2, 4
NEGATIVE = "text, letters, watermark, subtitles, distorted anatomy, flicker, jitter, low quality"
"""What the planner sends as negative prompt; half of the dropped captions are replaced by it, so that it means "any"."""
