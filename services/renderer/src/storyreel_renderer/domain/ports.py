"""What the renderer asks of the world: an engine to render with, pictures to start from, an encoder, a ledger of what was paid.

`RenderEngine` is the seam of the house: Triton is its first adapter, the null engine its second, and the engine's
conformance suite runs on both.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from pydantic import Field
from storyreel_contracts.artifacts import ArtifactRef
from storyreel_contracts.base import Model
from storyreel_contracts.brief import Tier
from storyreel_contracts.failures import FailureKind
from storyreel_contracts.plan import ModelCard
from storyreel_contracts.planning import RenderSpec

if TYPE_CHECKING:  # arrays are only named here; what is computed with them is in `seams`
    import numpy as np
    import numpy.typing as npt

    Frames = npt.NDArray[np.uint8]


class Running(Model):
    """What a server says of its engine. `live_jobs` are those that it holds, whoever sent them; `units` counts what its device
    has done since it was started, if it says so; `max_batch` is its setting, if it allows less than its model; a `stopping`
    server takes nothing new.
    """

    live_jobs: int = 0
    units: int | None = None
    max_batch: int | None = None
    stopping: bool = False


class ServerCard(ModelCard):
    """A server's model, and how it works: `max_batch` jobs share a pass at most; shots of more frames than `max_frames` are
    made in windows that share `window_overlap` frames (0: this model makes none).
    """

    max_batch: int = Field(default=1, ge=1)
    window_overlap: int = Field(default=0, ge=0)
    engine: Running = Running()

    @property
    def batch(self) -> int:
        """Jobs of one pass, at most."""
        return max(1, min(self.max_batch, self.engine.max_batch or self.max_batch))


@dataclass(frozen=True)
class RenderJob:
    """One render as an engine gets it. `job_id` names this try; `deadline` is absolute, for the engine's own order.

    `checkpoint_every` is in denoise steps, 0 asks for none; a draft (`spec.stop_after`) hands its last state out all the same.
    `share` names whom device time is shared between, without saying who that is; `window` is the most frames of one pass, 0
    lets the model choose; `first_frame` is uint8 RGB of shape (height, width, 3).
    """

    job_id: str
    tier: Tier
    deadline: datetime | None
    checkpoint_every: int
    spec: RenderSpec
    share: str = ""
    window: int = 0
    first_frame: Frames | None = field(default=None, compare=False)


@dataclass(frozen=True)
class Accepted:
    """The engine has the job and will say what becomes of it."""


@dataclass(frozen=True)
class Progress:
    """`step` of `steps` denoise steps are done; `device_seconds` is what the job used so far, this try only.

    Repeated while the job waits its turn on the server: only another `step` is a sign that it moves.
    """

    step: int
    steps: int
    device_seconds: float


@dataclass(frozen=True)
class CheckpointTaken:
    """What `render` takes back as `checkpoint` to go on after `step` steps, on any server with the same model."""

    data: bytes
    step: int


@dataclass(frozen=True)
class Developed:
    """So many frames of the take have arrived; they come whole with `Finished`."""

    frames: int
    device_seconds: float


@dataclass(frozen=True, eq=False)
class Finished:
    """The take: uint8 RGB of shape (frames, height, width, 3), and all device seconds of this try.

    A long shot is made in `windows`; `seams` are the frames with which another window begins to speak.
    """

    frames: Frames
    device_seconds: float
    windows: int = 1
    seams: tuple[int, ...] = ()


@dataclass(frozen=True)
class Failed:
    """The try ended without a take; `device_seconds` were used all the same.

    `drained`: the server was asked to stop and said so, which says nothing against the job or the device.
    """

    kind: FailureKind
    reason: str
    device_seconds: float = 0.0
    drained: bool = False


EngineEvent = Accepted | Progress | CheckpointTaken | Developed | Finished | Failed


class RenderEngine(Protocol):
    """One render server. It alone knows how long its silence may last; the caller waits as long as the stream does.

    What goes wrong is told, not raised: a refused request, a lost connection or server (`device_lost`), a timeout and
    a cancel (`cancelled`) all end the stream with one `Failed`. A stream ends with exactly one `Finished` or `Failed`.
    """

    async def describe(self) -> ServerCard:
        """What the server's model can render, and what it does now. Raises ConnectionError while it cannot be reached."""

    def render(self, job: RenderJob, checkpoint: bytes | None = None) -> AsyncIterator[EngineEvent]:
        """Render `job`, from `checkpoint` on if given. Closing the iterator early cancels the job on the server."""

    async def cancel(self, job_id: str) -> None:
        """Stop the job at its next step; its stream ends with `Failed(cancelled)`. Unknown jobs are no error.

        Raises ConnectionError when the server cannot be told.
        """


class NoPictureError(Exception):
    """What a shot should start from cannot be had; `kind` says whether that may change."""

    def __init__(self, kind: FailureKind, reason: str) -> None:
        super().__init__(reason)
        self.kind, self.reason = kind, reason


class Pictures(Protocol):
    """Where a shot's first frame comes from."""

    async def first_frame(self, ref: ArtifactRef, width: int, height: int) -> Frames:
        """A picture, or the first frame of a take, as uint8 RGB of shape (height, width, 3): scaled to cover, cut around
        the middle; a take of just this size comes back bit for bit. Raises NoPictureError.
        """


class Encoder(Protocol):
    """Turns frames into the shot file."""

    async def encode(self, frames: Frames, fps: int) -> bytes:
        """A lossless H.264 MP4 of uint8 RGB frames (frames, height, width, 3); equal frames give equal bytes."""


class Store(Protocol):
    """What the renderer needs of the artifact store; both keyed calls are first writer wins."""

    async def put(self, data: bytes, media_type: str) -> ArtifactRef:
        """Store bytes under their own hash."""

    async def get(self, ref: ArtifactRef) -> bytes:
        """The bytes, checked against their hash."""

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
