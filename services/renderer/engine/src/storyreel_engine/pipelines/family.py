"""The hooks that a family of video models fills, and what a hook is given.

A family is one module with one subclass of `base.VideoAdapter`. It must fill `encode`, `start`, `inputs` and `chunks`; the
others have defaults that fit most. Each hook follows the pipeline's own `__call__` line by line, so that a job rendered alone
gives the same bits. Hooks run on the engine's thread, without gradients; tensors lie on `self.device`, their first axis is
one row for each job.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar

import torch

from storyreel_engine.pipelines.loras import Loras
from storyreel_engine.pipelines.state import Clip, Conditions, JobState, Solver
from storyreel_engine.ports import look
from storyreel_engine.wire import RenderRequest


class LongShots(StrEnum):
    """How a family makes shots longer than one window: not at all, in windows that overlap, or each from the last picture of
    the one before."""

    REFUSED = "refused"
    BLENDED = "blended"
    CHAINED = "chained"


@dataclass(frozen=True, eq=False)
class Share:
    """One job's part of a forward pass: the latents of its window (one row) and the timestep (no axis) that it is at."""

    state: JobState
    latents: torch.Tensor
    timestep: torch.Tensor


class Family(ABC):
    """What differs from one family to another. `pipe` is the loaded diffusers pipeline, `loras` those loaded into it, `device`
    where it lies."""

    JOINT: ClassVar[bool] = False
    """True if the pipeline's own call makes both passes of the guidance in one forward (unconditional rows first)."""
    LONG_SHOTS: ClassVar[LongShots] = LongShots.REFUSED
    DRAFTS: ClassVar[bool] = True
    """False if the solver gives no estimate of the clean video (see `estimates`)."""
    FRAME_FACTOR: ClassVar[int | None] = None
    """The factor of the card's frame rule, where it is not how many pictures the VAE makes of one latent frame."""
    FRAME_AXIS: ClassVar[int] = 2
    """Where latents have their frames, for windows: (1, channels, frames, height, width)."""

    pipe: Any
    device: torch.device
    loras: Loras

    @classmethod
    def long_shots(cls, network: Mapping[str, Any]) -> LongShots:  # noqa: ARG003 - for families whose models are unlike
        """How a model of the family makes long shots; `network` is its transformer's configuration."""
        return cls.LONG_SHOTS

    @abstractmethod
    def encode(self, clip: Clip) -> Conditions:
        """Text (and picture, if the network reads it) as the network's named inputs, in its dtype. Draws nothing."""

    @abstractmethod
    def start(self, clip: Clip, generator: torch.Generator) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """The clip's noise, and tensors that its passes need beside it (`JobState.extras`): the latents of its first picture.

        Called again when a job is resumed, with the random stream as it was: it must give the same tensors then.
        """

    @abstractmethod
    def inputs(self, shares: Sequence[Share]) -> dict[str, Any]:
        """The network's inputs for a batch, but for the conditions: `hidden_states`, `timestep` and what else it takes.

        With guidance in one forward every job has two shares, so all that has rows must come from `shares`.
        """

    @abstractmethod
    def chunks(self, latents: torch.Tensor, state: JobState) -> Iterator[torch.Tensor]:
        """Decode what `finish` returned: videos of shape (1, 3, pictures, height, width) from -1 to 1, in order.

        Every `next` is one unit of work, so a family whose VAE works along time yields after each of its own pieces.
        """

    def network(self, state: JobState) -> str:  # noqa: ARG002 - for families that have several
        """Name of the pipeline's component that the job's next pass runs on; `state` is at that pass."""
        return "transformer"

    def first_network(self, request: RenderRequest) -> str:  # noqa: ARG002 - for families that have several
        """What `network` will say at the first pass; asked on Triton's thread, before the job is prepared."""
        return "transformer"

    def alike(self, request: RenderRequest) -> str:  # noqa: ARG002 - for families that read more of it
        """What jobs must have in common to share a pass, beside shape, guidance, network and LoRA; a part of their key."""
        return ""

    def lora(self, request: RenderRequest) -> str:
        """Which LoRA the job's passes run with, and how strongly; the end of its key."""
        return look(request)

    def scheduler(self, clip: Clip) -> Any:
        """A scheduler of this job's own, its timesteps set."""
        scheduler = type(self.pipe.scheduler).from_config(self.pipe.scheduler.config)
        scheduler.set_timesteps(clip.request.steps, device=self.device)
        if hasattr(scheduler, "set_begin_index"):
            scheduler.set_begin_index(0)
        return scheduler

    def is_guided(self, request: RenderRequest) -> bool:
        """Whether a step needs an unconditional pass too (then `encode` gives `negative`)."""
        return request.guidance > 1.0

    def trajectory(self, request: RenderRequest) -> dict[str, str]:  # noqa: ARG002 - for families that read more of it
        """What decides the latents beside the request's fingerprint; a checkpoint goes on only where it is the same."""
        return {}

    def forward(self, network: Any, inputs: Mapping[str, Any]) -> torch.Tensor:
        """One forward of the network: the prediction, a row for each row of the inputs."""
        prediction: torch.Tensor = network(**inputs, return_dict=False)[0]
        return prediction

    def guide(self, share: Share, conditional: torch.Tensor, plain: torch.Tensor) -> torch.Tensor:
        """Classifier-free guidance of one row."""
        return plain + share.state.request.guidance * (conditional - plain)

    def solve(self, state: JobState, solver: Solver, prediction: torch.Tensor) -> torch.Tensor:
        """The step of `solver` (a fork, because the state's own must not move yet): the next latents."""
        t = state.timesteps[state.cursor]
        latents: torch.Tensor = solver.scheduler.step(prediction, t, state.latents, return_dict=False)[0]
        return latents

    def finish(self, latents: torch.Tensor, state: JobState) -> torch.Tensor:  # noqa: ARG002 - for families with pictures
        """The last touch on clean latents, or on a draft's estimate of them, before they are decoded."""
        return latents

    def latent_frames(self, pictures: int) -> int:
        """How many latent frames hold so many pictures."""
        return (pictures - 1) // int(self.pipe.vae_scale_factor_temporal) + 1
