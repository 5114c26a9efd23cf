"""The model card: what a pipeline folder can render, and the version that names its weights (`storyreel.json`)."""

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from storyreel_engine.failures import InvalidInputError
from storyreel_engine.wire import RenderRequest, Tier

CARD_FILE = "storyreel.json"
LORAS = "loras"
"""Where a pipeline folder has its LoRAs: one file `NAME.safetensors`, or one folder `NAME`, for each."""
_LORA_NAME = re.compile(r"[\w.-]{1,64}")
_APART = "-lora-"
_CHUNK = 1 << 20


@dataclass(frozen=True)
class ModelCard:
    """What a model can do, as `describe` answers it: the platform's model card, and the rules that the engine checks.

    `sizes[stage][aspect]` is `[width, height]` in pixels; `steps[stage]` the denoise steps that stage was made for;
    `device_seconds[stage]` what a render of `max_frames` is expected to take; `fps` are frames a second.
    `draft_steps` is where a final's schedule may be looked at as its preview (0: not); `first_frame` whether a render starts
    from a picture ("none", "optional", "required"). `max_frames` bounds one window; with `window_overlap` above 0 (frames
    that neighbouring windows share) longer shots are made in windows. The engine's own: `pipeline` is the diffusers class,
    `frame_rule` the frame counts that exist ("4k+1": 1, 5, 9 ...), `max_batch` the most jobs of one forward pass,
    `dynamic_guidance` whether guidance grows from step to step (CogVideoX with DPM). `loras` are the names that a request may
    ask for: those in the folder, whatever the file says.
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
    draft_steps: int = 0
    first_frame: str = "none"
    window_overlap: int = 0
    max_batch: int = 8
    dynamic_guidance: bool = False
    loras: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """The card as plain JSON values."""
        return asdict(self)

    def check(self, request: RenderRequest) -> None:
        """Refuse a request that this model cannot render.

        Raises:
            InvalidInputError: outside the card; the message begins with the field's name.
        """
        if request.model_version not in ("", self.version):
            raise InvalidInputError(f"model_version: {request.model_version!r} is wanted, {self.version!r} is served")
        if request.lora and request.lora not in self.loras:
            there = f"there are: {', '.join(self.loras)}" if self.loras else "this model has none"
            raise InvalidInputError(f"lora: {request.lora!r} is wanted, {there}")
        self._check_size(request)
        self._check_frames(request)
        if self.first_frame == "required" and not request.first_frame and request.tier is not Tier.KEYFRAME:
            raise InvalidInputError("first_frame: this model starts from a picture, and none came along")
        if self.first_frame == "none" and request.first_frame:
            raise InvalidInputError("first_frame: this model cannot start from a picture")

    def window(self, request: RenderRequest) -> int:
        """Frames of one window of this request; all of them where one window holds the shot."""
        return min(request.frames, request.window or self.max_frames)

    def _check_size(self, request: RenderRequest) -> None:
        for name, value in (("width", request.width), ("height", request.height)):
            if value % self.size_multiple:
                raise InvalidInputError(f"{name}: {value} is not a multiple of {self.size_multiple}")
        if request.width * request.height > self.max_pixels:
            raise InvalidInputError(f"width: {request.width}x{request.height} is more than {self.max_pixels} pixels")

    def _check_frames(self, request: RenderRequest) -> None:
        factor = int(self.frame_rule.split("k", maxsplit=1)[0])
        for name, value in (("frames", request.frames), ("window", request.window or 1)):
            if value % factor != 1 % factor:
                raise InvalidInputError(f"{name}: {value} is not {self.frame_rule}")
        if request.window > self.max_frames:
            raise InvalidInputError(f"window: {request.window} is more than {self.max_frames}")
        if self.window(request) == request.frames:
            return
        if self.window_overlap == 0:
            raise InvalidInputError(f"frames: {request.frames} is more than {self.max_frames}, and this model makes no windows")
        if self.window(request) <= self.window_overlap:
            raise InvalidInputError(f"window: {self.window(request)} is not above the overlap of {self.window_overlap}")


def load_card(folder: Path, file: Path | None = None) -> ModelCard:
    """Read the card of a pipeline folder, or the one in `file`, with the LoRAs that are in the folder.

    Raises:
        FileNotFoundError: the folder has no card (the message says how to make a pipeline folder).
        ValueError: the card's version is of other LoRAs than the folder's (the message says what to do).
    """
    path = file or folder / CARD_FILE
    if not path.is_file():
        raise FileNotFoundError(f"no {CARD_FILE} in {folder}; `python -m storyreel_engine.tiny --out {folder}` makes one")
    known = {field.name for field in fields(ModelCard)}
    # The platform's card says more than the engine needs, a prompt writer for one; its own readers take that from the file.
    card = ModelCard(**{name: value for name, value in json.loads(path.read_text()).items() if name in known})
    if card.version != with_loras(card.version, folder):
        command = f"python -m storyreel_engine.stamp --folder {folder}" + (f" --card {file}" if file else "")
        raise ValueError(f"{path}: version {card.version} is of other LoRAs than those in {folder / LORAS}; run `{command}`")
    return replace(card, loras=list(lora_paths(folder)))


def write_card(folder: Path, card: ModelCard) -> None:
    """Write the card beside the weights, stable byte for byte."""
    (folder / CARD_FILE).write_text(json.dumps(card.to_json(), indent=2, sort_keys=True) + "\n")


def weights_version(folder: Path) -> str:
    """Sha256 (first 16 hex digits) over every file that decides the pixels: weights, configurations, tokenizer; LoRAs have one
    of their own behind it, so that it can be known anew without reading all weights."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file() and path.name != CARD_FILE)
    return with_loras(_digest(folder, (path for path in files if path.relative_to(folder).parts[0] != LORAS)), folder)


def with_loras(version: str, folder: Path) -> str:
    """The version of the same weights with the LoRAs that are in the folder now."""
    bare = version.partition(_APART)[0]
    found = [path for kept in lora_paths(folder).values() for path in [kept, *sorted(kept.rglob("*"))] if path.is_file()]
    return bare + _APART + _digest(folder, found) if found else bare


def lora_paths(folder: Path) -> dict[str, Path]:
    """The folder's LoRAs by name, in order; what is neither a folder nor safetensors is left alone.

    Raises:
        ValueError: a name that no request can ask for, or that two have.
    """
    found: dict[str, Path] = {}
    for path in sorted(folder.glob(f"{LORAS}/[!.]*")):
        if not path.is_dir() and path.suffix != ".safetensors":
            continue
        name = path.name if path.is_dir() else path.stem
        if not _LORA_NAME.fullmatch(name):
            raise ValueError(f"{path}: a LoRA's name has 1 to 64 letters, digits, '_', '.' and '-': rename it")
        if name in found:
            raise ValueError(f"{path}: there are two LoRAs of this name")
        found[name] = path
    return found


def _digest(folder: Path, paths: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.relative_to(folder).as_posix().encode() + b"\0")
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
    return digest.hexdigest()[:16]
