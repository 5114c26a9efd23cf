"""What the engine asks of the world: a pipeline to work with, a sender to speak through, a meter to count with."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from storyreel_engine.card import ModelCard
from storyreel_engine.costs import SAME_COST
from storyreel_engine.wire import Event, RenderRequest

Frames = npt.NDArray[np.uint8]


class Unit(StrEnum):
    """What the next unit of a prepared job is."""

    PASS = "pass"  # noqa: S105 - a pass of the network
    DECODE = "decode"
    NONE = "none"


@dataclass(frozen=True)
class Footprint:
    """Bytes of device memory: `resident` as long as the job is open, `working` on top of it during its share of a unit."""

    resident: int
    working: int


@dataclass(frozen=True, eq=False)
class Inputs:
    """What comes along with a request: the first frame, RGB of shape (height, width, 3), and a checkpoint to go on from."""

    first_frame: Frames | None = None
    checkpoint: bytes | None = None


def look(request: RenderRequest) -> str:
    """The LoRA's part of a key, "" without one: jobs of unlike scales share no pass, but theirs cost the same."""
    return f"~{request.lora}{SAME_COST}{request.lora_scale!r}" if request.lora else ""


class State(Protocol):
    """A job between two units, resident on the device; only its pipeline knows what is inside."""

    @property
    def step(self) -> int:
        """Denoise steps already done."""

    @property
    def steps(self) -> int:
        """Denoise steps in all (a draft stops before)."""

    @property
    def unit(self) -> Unit:
        """What comes next. A shot in chained windows goes from passes to decoding and back."""

    @property
    def passes_left(self) -> int:
        """Forward passes until its pictures; a step of a shot in windows takes several."""

    @property
    def window_count(self) -> int:
        """Windows that the shot is made in, overlapping or chained; 1 when it is made in one piece."""

    @property
    def seams(self) -> Sequence[int]:
        """The pictures (by index) at which another window takes over; none when it is made in one piece."""


S = TypeVar("S", bound=State)


class Pipeline(Protocol[S]):
    """One video model, cut at its forward passes. Every method but `card`, `check`, `key` and `footprint` runs on the
    engine's thread only. All may raise `EngineError` (what to tell the client); anything else is reported as `internal`.
    """

    @property
    def card(self) -> ModelCard:
        """What the model can render."""

    def check(self, request: RenderRequest) -> None:
        """Raise `InvalidInputError` for a request that cannot be rendered; cheap, called on Triton's thread."""

    def key(self, request: RenderRequest, state: S | None = None) -> str:
        """Jobs with equal keys may share their next forward pass: same shape, guidance passes, dtype, expert, LoRA and scale.

        Asked before every unit: with Wan 2.2's experts and with chained windows of unlike length it depends on how far a job
        has come. Without a state it is the key of the job's first pass. It ends with `look(request)`.
        """

    def footprint(self, request: RenderRequest) -> Footprint:
        """Memory that the job needs, as far as it is known."""

    def prepare(self, request: RenderRequest, inputs: Inputs) -> S:
        """Encode text and first frame, draw the noise, set up this job's own scheduler; or go on from the checkpoint.

        Raises `InvalidInputError` for a checkpoint that is damaged or of another model or request.
        """

    def advance(self, states: Sequence[S]) -> None:
        """ONE forward pass for each state, all in one batch. On `OutOfMemoryError` no state has changed.

        After any other error each state has made its pass whole or not at all: those that have not are tried one by one.
        """

    def decode(self, state: S) -> Frames:
        """The next chunk of frames, uint8 of shape (frames, height, width, 3), RGB; a draft's come from a copy of its state."""

    def save(self, state: S) -> Callable[[], bytes]:
        """Copy now what a resumed job needs beyond its request; packed later, on another thread, free of code (no pickle)."""


class Sender(Protocol):
    """The way back to one client. `last` closes the stream; nothing may follow it."""

    def send(self, event: Event, *, frames: Frames | None = None, checkpoint: bytes | None = None, last: bool = False) -> None:
        """Hand one event over; raises `ClientGoneError` when the client can no longer be reached."""

    def is_cancelled(self) -> bool:
        """True once the client gave up or went away; asked before every unit of work."""


class Meter(Protocol):
    """Where the engine counts: Triton's own request metrics say nothing about a decoupled model's work."""

    def worked(self, tier: str, phase: str, seconds: float, batch: int = 1) -> None:
        """One unit (prepare, pass, checkpoint or decode) was done for a job, as one of `batch` jobs; `seconds` is its part."""

    def waited(self, tier: str, seconds: float) -> None:
        """A job's first unit began so long after it was submitted."""

    def finished(self, tier: str, outcome: str, wasted: float) -> None:
        """One job ended: result, cancelled, or its failure kind; `wasted` are its device seconds that led to no result."""


class NoMeter:
    """Counts nothing; for tests and tools."""

    def worked(self, tier: str, phase: str, seconds: float, batch: int = 1) -> None:
        """Ignored."""

    def waited(self, tier: str, seconds: float) -> None:
        """Ignored."""

    def finished(self, tier: str, outcome: str, wasted: float) -> None:
        """Ignored."""
