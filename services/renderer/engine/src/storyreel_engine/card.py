"""The model card: what a pipeline folder can render, and the version that names its weights (`storyreel.json`)."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from storyreel_engine.failures import InvalidInputError
from storyreel_engine.wire import RenderRequest

CARD_FILE = "storyreel.json"
_CHUNK = 1 << 20


@dataclass(frozen=True)
class ModelCard:
    """What a model can do, as `describe` answers it: the platform's model card, and the rules that the engine checks.

    `sizes[stage][aspect]` is `[width, height]` in pixels; `steps[stage]` the denoise steps that stage was made for;
    `device_seconds[stage]` what a render of `max_frames` is expected to take; `fps` are frames a second.
    The engine's own: `pipeline` is the diffusers class, `frame_rule` the frame counts that exist ("4k+1": 1, 5, 9 ...).
    """

    name: str
    version: str
    pipeline: str
    stages: list[str]
    sizes: dict[str, dict[str, list[int]]]
    steps: dict[str, int]
    device_seconds: dict[str, float]
    fps: int
    max_frames: int
    size_multiple: int
    max_pixels: int
    guidance: float = 5.0
    frame_rule: str = "4k+1"

    def to_json(self) -> dict[str, Any]:
        """The card as plain JSON values."""
        return asdict(self)

    def check(self, request: RenderRequest) -> None:
        """Refuse a request that this model cannot render.

        Raises:
            InvalidInputError: size, frame count or model version outside the card; the message names the field.
        """
        if request.model_version not in ("", self.version):
            raise InvalidInputError(f"model_version: {request.model_version!r} is wanted, {self.version!r} is served")
        for name, value in (("width", request.width), ("height", request.height)):
            if value % self.size_multiple:
                raise InvalidInputError(f"{name}: {value} is not a multiple of {self.size_multiple}")
        if request.width * request.height > self.max_pixels:
            raise InvalidInputError(f"width: {request.width}x{request.height} is more than {self.max_pixels} pixels")
        if request.frames > self.max_frames:
            raise InvalidInputError(f"frames: {request.frames} is more than {self.max_frames}")
        factor = int(self.frame_rule.split("k", maxsplit=1)[0])
        if request.frames % factor != 1 % factor:
            raise InvalidInputError(f"frames: {request.frames} is not {self.frame_rule}")


def load_card(folder: Path) -> ModelCard:
    """Read the card of a pipeline folder.

    Raises:
        FileNotFoundError: the folder has no card (the message says how to make a pipeline folder).
    """
    path = folder / CARD_FILE
    if not path.is_file():
        raise FileNotFoundError(f"no {CARD_FILE} in {folder}; `python -m storyreel_engine.tiny --out {folder}` makes one")
    return ModelCard(**json.loads(path.read_text()))


def write_card(folder: Path, card: ModelCard) -> None:
    """Write the card beside the weights, stable byte for byte."""
    (folder / CARD_FILE).write_text(json.dumps(card.to_json(), indent=2, sort_keys=True) + "\n")


def weights_version(folder: Path) -> str:
    """Sha256 (first 16 hex digits) over every file that decides the pixels: weights, configurations, tokenizer."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name != CARD_FILE:
            digest.update(path.relative_to(folder).as_posix().encode() + b"\0")
            with path.open("rb") as file:
                while chunk := file.read(_CHUNK):
                    digest.update(chunk)
    return digest.hexdigest()[:16]
