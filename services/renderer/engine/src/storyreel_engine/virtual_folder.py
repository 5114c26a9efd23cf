"""The folder of a virtual model: `model_index.json`, the card, and `virtual.json`, which says what everything costs."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from storyreel_engine.card import LORAS, ModelCard, lora_paths, weights_version, write_card
from storyreel_engine.virtual_device import CostTable

CLASS_NAME = "VirtualPipeline"
_SPEC_FILE = "virtual.json"


@dataclass(frozen=True)
class VirtualSpec:
    """What the model costs: seconds per unit, bytes per job. `costs[batch]` is a pass's factor, see `CostTable`.

    A render is decoded in `decode_chunks` units of `decode_seconds` each. A checkpoint has `latent_bytes` and a little;
    a pass needs `working_bytes` per job and `frame_bytes` for each frame of its window, and with `memory_bytes` above 0 a batch
    that needs more runs out of memory. A pass with another LoRA than the one before takes `lora_seconds` more. `ledger` is the
    file, in the folder unless its path is absolute, in which the device writes down its units ("" for none).
    """

    step_seconds: float = 0.02
    costs: Mapping[int, float] = field(default_factory=lambda: {1: 1.0})
    prepare_seconds: float = 0.0
    decode_seconds: float = 0.0
    decode_chunks: int = 1
    latent_bytes: int = 1 << 16
    working_bytes: int = 1 << 16
    frame_bytes: int = 0
    memory_bytes: int = 0
    lora_seconds: float = 0.0
    ledger: str = ""

    @property
    def table(self) -> CostTable:
        """Seconds by batch size."""
        return CostTable(self.step_seconds, self.costs)


def read_spec(folder: Path) -> VirtualSpec:
    """What `virtual.json` says."""
    values: dict[str, Any] = json.loads((folder / _SPEC_FILE).read_text())
    costs = {int(batch): float(factor) for batch, factor in values.pop("costs", {"1": 1.0}).items()}
    return VirtualSpec(costs=costs, **values)


def make_virtual(
    folder: Path,
    spec: VirtualSpec,
    *,
    max_batch: int = 8,
    draft_steps: int = 0,
    window_overlap: int = 0,
    loras: Sequence[str] = (),
) -> ModelCard:
    """Write a model folder: one size, 64 by 64 pixels, up to 81 frames in one window, 50 steps a final and 4 a preview.

    Folders of equal arguments have equal versions, wherever they lie. The `loras` are empty files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model_index.json").write_text(json.dumps({"_class_name": CLASS_NAME}) + "\n")
    (folder / _SPEC_FILE).write_text(json.dumps(asdict(spec), indent=2) + "\n")
    for name in loras:
        (folder / LORAS).mkdir(exist_ok=True)
        (folder / LORAS / f"{name}.safetensors").touch()
    decode = spec.prepare_seconds + spec.decode_seconds * spec.decode_chunks
    steps = {"preview": 4, "final": 50}
    card = ModelCard(
        name="virtual",
        version=weights_version(folder),
        pipeline=CLASS_NAME,
        stages=list(steps),
        sizes={stage: {"1:1": [64, 64]} for stage in steps},
        steps=steps,
        device_seconds={stage: count * spec.step_seconds + decode for stage, count in steps.items()},
        fps=16,
        max_frames=81,
        size_multiple=16,
        max_pixels=64 * 64,
        draft_steps=draft_steps,
        window_overlap=window_overlap,
        max_batch=max_batch,
        loras=list(lora_paths(folder)),
    )
    write_card(folder, card)
    return card
