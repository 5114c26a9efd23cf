"""What the engine asks of the world: a pipeline to step, a sender to speak through, a meter to count with."""

from typing import Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from storyreel_engine.card import ModelCard
from storyreel_engine.wire import Event, RenderRequest

Frames = npt.NDArray[np.uint8]


class State(Protocol):
    """A job in the middle of its denoising, resident on the device; only its pipeline knows what is inside."""

    @property
    def step(self) -> int:
        """Steps already done."""

    @property
    def steps(self) -> int:
        """Steps in all."""


S = TypeVar("S", bound=State)


class Pipeline(Protocol[S]):
    """One video model, cut at its denoise steps. Every method but `card` and `check` runs on the engine's thread only.

    All of them may raise `EngineError` (what to tell the client); anything else is reported as `internal`.
    """

    @property
    def card(self) -> ModelCard:
        """What the model can render."""

    def check(self, request: RenderRequest) -> None:
        """Raise `InvalidInputError` for a request that cannot be rendered; cheap, called on Triton's thread."""

    def prepare(self, request: RenderRequest) -> S:
        """Encode the text, draw the first noise, set up this job's own scheduler."""

    def step(self, state: S) -> None:
        """Advance by exactly one denoise step."""

    def decode(self, state: S) -> Frames:
        """Turn finished latents into frames, uint8 of shape (frames, height, width, 3), RGB."""

    def save(self, state: S) -> bytes:
        """Everything that a resumed job needs beyond its request, free of code (no pickle)."""

    def restore(self, request: RenderRequest, checkpoint: bytes) -> S:
        """The state that `save` wrote; raises `InvalidInputError` if it is damaged or of another model or request."""


class Sender(Protocol):
    """The way back to one client. `last` closes the stream; nothing may follow it."""

    def send(self, event: Event, *, frames: Frames | None = None, checkpoint: bytes | None = None, last: bool = False) -> None:
        """Hand one event over; raises `ClientGoneError` when the client can no longer be reached."""

    def is_cancelled(self) -> bool:
        """True once the client gave up or went away; asked before every unit of work."""


class Meter(Protocol):
    """Where the engine counts: Triton's own request metrics say nothing about a decoupled model's work."""

    def worked(self, tier: str, phase: str, seconds: float) -> None:
        """One unit (prepare, step, checkpoint or decode) took `seconds` of the device."""

    def finished(self, tier: str, outcome: str) -> None:
        """One job ended: result, cancelled, or its failure kind."""

    def live(self, jobs: int) -> None:
        """So many jobs are resident or waiting now."""


class NoMeter:
    """Counts nothing; for tests and tools."""

    def worked(self, tier: str, phase: str, seconds: float) -> None:
        """Ignored."""

    def finished(self, tier: str, outcome: str) -> None:
        """Ignored."""

    def live(self, jobs: int) -> None:
        """Ignored."""
