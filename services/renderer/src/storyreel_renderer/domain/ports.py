"""What the renderer asks of the world: an engine to render with, an encoder for its frames, a ledger of what was paid.

`RenderEngine` is the seam of the house: Triton is its first adapter, the null engine its second, and the engine's
conformance suite runs on both.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from storyreel_contracts.artifacts import ArtifactRef
from storyreel_contracts.brief import Tier
from storyreel_contracts.failures import FailureKind
from storyreel_contracts.plan import ModelCard
from storyreel_contracts.planning import RenderSpec

if TYPE_CHECKING:  # the domain names arrays in signatures only; it never computes with them
    import numpy as np
    import numpy.typing as npt

    Frames = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class RenderJob:
    """One render as an engine gets it. `job_id` names this try; `deadline` is absolute, for the engine's own order.

    `checkpoint_every` is in denoise steps; 0 asks for none.
    """

    job_id: str
    tier: Tier
    deadline: datetime | None
    checkpoint_every: int
    spec: RenderSpec


@dataclass(frozen=True)
class Accepted:
    """The engine has the job and will say what becomes of it."""


@dataclass(frozen=True)
class Progress:
    """`step` of `steps` denoise steps are done; `device_seconds` is what the job used so far, this try only."""

    step: int
    steps: int
    device_seconds: float


@dataclass(frozen=True)
class CheckpointTaken:
    """What `render` takes back as `checkpoint` to go on after `step` steps, on any server with the same model."""

    data: bytes
    step: int


@dataclass(frozen=True, eq=False)
class Finished:
    """The take: uint8 RGB of shape (frames, height, width, 3), and all device seconds of this try."""

    frames: Frames
    device_seconds: float


@dataclass(frozen=True)
class Failed:
    """The try ended without a take; `device_seconds` were used all the same."""

    kind: FailureKind
    reason: str
    device_seconds: float = 0.0


EngineEvent = Accepted | Progress | CheckpointTaken | Finished | Failed


class RenderEngine(Protocol):
    """One render server. It alone knows how long its silence may last; the caller waits as long as the stream does.

    What goes wrong is told, not raised: a refused request, a lost connection or server (`device_lost`), a timeout and
    a cancel (`cancelled`) all end the stream with one `Failed`. A stream ends with exactly one `Finished` or `Failed`.
    """

    async def describe(self) -> ModelCard:
        """What the server's model can render. Raises ConnectionError while the server cannot be reached."""

    def render(self, job: RenderJob, checkpoint: bytes | None = None) -> AsyncIterator[EngineEvent]:
        """Render `job`, from `checkpoint` on if given. Closing the iterator early cancels the job on the server."""

    async def cancel(self, job_id: str) -> None:
        """Stop the job at its next step; its stream ends with `Failed(cancelled)`. Unknown jobs are no error.

        Raises ConnectionError when the server cannot be told.
        """


class Encoder(Protocol):
    """Turns frames into the shot file."""

    async def encode(self, frames: Frames, fps: int) -> bytes:
        """A lossless H.264 MP4 of uint8 RGB frames (frames, height, width, 3); equal frames give equal bytes."""


class Store(Protocol):
    """What the renderer needs of the artifact store; both keyed calls are first writer wins."""

    async def put(self, data: bytes, media_type: str) -> ArtifactRef:
        """Store bytes under their own hash."""

    async def remember(self, key: str, value: bytes) -> bytes:
        """Store `value` under `key` unless something is there; what is there afterwards comes back."""

    async def recall(self, key: str) -> bytes | None:
        """What is stored under `key`."""


class Lease(Protocol):
    """The right to pay for one build key, for a while."""

    @property
    def token(self) -> int:
        """Fencing token: larger than that of every earlier lease of the same name."""

    async def renew(self) -> bool:
        """Hold on for another term; False when it is someone else's by now."""

    async def release(self) -> None:
        """Give it back at once; harmless when it was lost."""


class Leases(Protocol):
    """Who may pay for what."""

    async def acquire(self, name: str, ttl_s: float) -> Lease | None:
        """The lease for `ttl_s` seconds, or None while another holds it."""
