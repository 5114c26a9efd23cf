"""The wire contract's words: parsing REQUEST and writing EVENT (README.md of the engine holds the contract itself).

Called by the Triton door for every request and by the engine for every event. Pure: JSON in, JSON out.
"""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from storyreel_engine.failures import InvalidInputError

MAX_TEXT = 20_000
MAX_STEPS = 1_000
MAX_LORA_SCALE = 2.0


class Tier(StrEnum):
    """What a job is for; also its class when the engine picks (stills and previews before finals)."""

    KEYFRAME = "keyframe"
    PREVIEW = "preview"
    FINAL = "final"


@dataclass(frozen=True)
class RenderRequest:
    """One shot to render: sizes in pixels, `frames` at `fps` frames a second, `deadline_unix` in seconds since 1970.

    `checkpoint_every` is in steps, 0 for none; `model_version`, if given, must be the server's. `stop_after` makes it a draft:
    after so many of `steps` a copy is decoded, and its last checkpoint is where the final goes on; 0 renders all. `window` is
    the most frames of one forward pass; 0 lets the model choose. `share` names whom device time is shared between, fairly;
    `lora` names one on the model's card ("" for none), `lora_scale` how strongly it acts (0 to 2, without 0); `first_frame` is
    the sha256 of the picture that came along ("" for none).
    """

    job_id: str
    prompt: str
    width: int
    height: int
    frames: int
    steps: int
    seed: int
    fps: float = 16.0
    guidance: float = 5.0
    negative_prompt: str = ""
    tier: Tier = Tier.FINAL
    deadline_unix: float | None = None
    checkpoint_every: int = 0
    model_version: str = ""
    stop_after: int = 0
    window: int = 0
    share: str = ""
    lora: str = ""
    lora_scale: float = 1.0
    first_frame: str = ""

    @property
    def goal(self) -> int:
        """Steps until pictures are wanted."""
        return self.stop_after or self.steps

    def fingerprint(self) -> str:
        """Sha256 over what decides the trajectory: a checkpoint is accepted only for a request with the same one.

        A draft and its final have the same, because `stop_after` only says where to look.
        """
        # Without a LoRA neither of its fields counts: checkpoints from before there were any still fit.
        names = _TRAJECTORY + (("lora", "lora_scale") if self.lora else ())
        decided = {name: value for name, value in asdict(self).items() if name in names}
        return hashlib.sha256(json.dumps(decided, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class CancelRequest:
    """Stop the job with this id at its next step."""

    job_id: str


@dataclass(frozen=True)
class DescribeRequest:
    """Ask for the model card."""


_TRAJECTORY = ("prompt", "negative_prompt", "width", "height", "frames", "steps", "guidance", "seed", "window", "first_frame")

Request = RenderRequest | CancelRequest | DescribeRequest


@dataclass(frozen=True)
class Event:
    """One message to the client: what happened, as JSON. Frames and checkpoints travel in tensors beside it."""

    kind: str
    body: Mapping[str, Any] = field(default_factory=dict)

    def encode(self) -> bytes:
        """The EVENT tensor's bytes: a JSON object with `kind` first."""
        return json.dumps({"kind": self.kind, **self.body}).encode()


def parse_request(raw: bytes) -> Request:
    """Read the REQUEST tensor.

    Raises:
        InvalidInputError: not a JSON object, unknown `op`, or a field missing, of the wrong type or out of range.
    """
    try:
        body = json.loads(raw)
    except ValueError as error:
        raise InvalidInputError(f"REQUEST is not JSON: {error}") from error
    if not isinstance(body, dict):
        raise InvalidInputError("REQUEST must be a JSON object")
    match body.get("op"):
        case "render":
            return _render(body)
        case "cancel":
            return CancelRequest(_text(body, "job_id", required=True))
        case "describe":
            return DescribeRequest()
        case other:
            raise InvalidInputError(f"op: {other!r} is none of render, cancel, describe")


def _render(body: Mapping[str, Any]) -> RenderRequest:
    deadline = body.get("deadline_unix")
    steps = _whole(body, "steps", most=MAX_STEPS)
    return RenderRequest(
        job_id=_text(body, "job_id", required=True),
        prompt=_text(body, "prompt", required=True),
        negative_prompt=_text(body, "negative_prompt"),
        width=_whole(body, "width"),
        height=_whole(body, "height"),
        frames=_whole(body, "frames"),
        steps=steps,
        seed=_whole(body, "seed", least=0, most=2**63 - 1),
        fps=_number(body, "fps", 16.0),
        guidance=_number(body, "guidance", 5.0),
        tier=_tier(body),
        deadline_unix=None if deadline is None else _number(body, "deadline_unix", 0.0),
        checkpoint_every=_whole(body, "checkpoint_every", least=0, default=0),
        model_version=_text(body, "model_version"),
        stop_after=_whole(body, "stop_after", least=0, most=steps, default=0),
        window=_whole(body, "window", least=0, default=0),
        share=_text(body, "share"),
        lora=_text(body, "lora"),
        lora_scale=_lora_scale(body),
    )


def _tier(body: Mapping[str, Any]) -> Tier:
    value = body.get("tier", Tier.FINAL.value)
    try:
        return Tier(value)
    except ValueError as error:
        raise InvalidInputError(f"tier: {value!r} is none of {', '.join(Tier)}") from error


def _lora_scale(body: Mapping[str, Any]) -> float:
    value = _number(body, "lora_scale", 1.0)
    if not 0 < value <= MAX_LORA_SCALE:
        raise InvalidInputError(f"lora_scale: a number above 0 and at most {MAX_LORA_SCALE:g} is needed, not {value:g}")
    return value


def _text(body: Mapping[str, Any], name: str, *, required: bool = False) -> str:
    value = body.get(name, None if required else "")
    if not isinstance(value, str):
        raise InvalidInputError(f"{name}: a string is needed, not {value!r}")
    if len(value) > MAX_TEXT:
        raise InvalidInputError(f"{name}: {len(value)} characters, at most {MAX_TEXT} are taken")
    return value


def _whole(body: Mapping[str, Any], name: str, *, least: int = 1, most: int = 2**31, default: int | None = None) -> int:
    value = body.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise InvalidInputError(f"{name}: a whole number from {least} to {most} is needed, not {value!r}")
    return value


def _number(body: Mapping[str, Any], name: str, default: float) -> float:
    value = body.get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        raise InvalidInputError(f"{name}: a number of at least 0 is needed, not {value!r}")
    return float(value)
