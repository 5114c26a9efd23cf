"""A job between two units: what it has to make, what it is made from, and how far it has come."""

import copy
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch

from storyreel_engine.ports import Frames, Unit
from storyreel_engine.wire import RenderRequest


@dataclass(frozen=True, eq=False)
class Clip:
    """What is denoised in one piece: the whole shot, or one link of a chain.

    `frames` counts pictures; `picture` is the first of them, uint8 RGB of shape (height, width, 3), where the model starts
    from one.
    """

    request: RenderRequest
    frames: int
    picture: Frames | None = None


@dataclass(frozen=True)
class Window:
    """Latent frames `start` to `stop` (excluded) of a clip."""

    start: int
    stop: int


@dataclass(frozen=True, eq=False)
class Conditions:
    """Named inputs of the network that come from text and picture, each with one row; `negative` only with guidance.

    In a batch, tensors of the same name are joined along their first axis.
    """

    positive: Mapping[str, torch.Tensor]
    negative: Mapping[str, torch.Tensor] | None = None


@dataclass
class Solver:
    """One job's scheduler, its random stream, and tensors that a family keeps from step to step (`memory`)."""

    scheduler: Any
    generator: torch.Generator
    memory: dict[str, torch.Tensor] = field(default_factory=dict)

    def fork(self) -> "Solver":
        """A copy to take a step with: if that fails, this one has not moved.

        Tensors are shared, because schedulers replace them and never write into them; their lists are written into.
        """
        scheduler = copy.copy(self.scheduler)
        for name, value in vars(scheduler).items():
            if isinstance(value, list):
                setattr(scheduler, name, list(value))
        return Solver(scheduler, self.generator.clone_state(), dict(self.memory))


@dataclass(eq=False)
class JobState:
    """Implements `ports.State`.

    A shot is made in `links` (numbers of pictures; more than one only when windows are chained), each denoised by itself in
    `windows` (more than one only when windows overlap). `latents` are the current link's, float32 with a first axis of one;
    `extras` the family's own tensors beside them; `begin` is the random stream before the link's noise was drawn. `finished`
    are clean latents by link (a draft's: the estimate of them), of which `shown` links and `shown_frames` pictures of the
    next are already decoded; `decoder_bytes` is what the decoder remembers of them.
    """

    links: tuple[int, ...]
    windows: tuple[Window, ...]
    clip: Clip
    conditions: Conditions
    solver: Solver
    latents: torch.Tensor
    extras: Mapping[str, torch.Tensor]
    begin: torch.Tensor
    link: int = 0
    cursor: int = 0
    turn: int = 0
    blend: torch.Tensor | None = None
    finished: list[torch.Tensor] = field(default_factory=list)
    shown: int = 0
    shown_frames: int = 0
    chunks: Iterator[Frames] | None = None
    decoder_bytes: int = 0

    @property
    def request(self) -> RenderRequest:
        """What was asked for."""
        return self.clip.request

    @property
    def timesteps(self) -> torch.Tensor:
        """The schedule of one link: (steps,), noisiest first."""
        timesteps: torch.Tensor = self.solver.scheduler.timesteps
        return timesteps

    @property
    def is_draft(self) -> bool:
        """True if it stops before its schedule ends."""
        return 0 < self.request.stop_after < len(self.timesteps)

    @property
    def goal(self) -> int:
        """Steps of one link until its pictures are wanted."""
        return self.request.stop_after if self.is_draft else len(self.timesteps)

    @property
    def step(self) -> int:
        """Denoise steps already done, over all links."""
        return self.link * len(self.timesteps) + self.cursor

    @property
    def steps(self) -> int:
        """Denoise steps in all: what the scheduler made of the request (solvers of second order take more), for every link."""
        return len(self.links) * len(self.timesteps)

    @property
    def unit(self) -> Unit:
        """Pictures that can be decoded come first; then what is left of the schedule."""
        if self.shown < len(self.finished):
            return Unit.DECODE
        return Unit.PASS if self.cursor < self.goal else Unit.NONE

    @property
    def window_count(self) -> int:
        """Pieces that the shot is made in: overlapping windows of a clip, or links of a chain."""
        return len(self.links) * len(self.windows)

    @property
    def passes_left(self) -> int:
        """Forward passes until the last picture."""
        return ((len(self.links) - self.link) * self.goal - self.cursor) * len(self.windows) - self.turn

    @property
    def seams(self) -> tuple[int, ...]:
        """Pictures at which another window takes over: the first new one of a link, the middle of what two windows share."""
        if len(self.links) > 1:
            return tuple(sum(self.pictures_of(i) for i in range(link)) for link in range(1, len(self.links)))
        each = (self.clip.frames - 1) // max(1, self.windows[-1].stop - 1)
        middles = [(after.start + before.stop) // 2 for before, after in itertools.pairwise(self.windows)]
        return tuple((middle - 1) * each + 1 for middle in middles)

    def pictures_of(self, link: int) -> int:
        """Pictures that a link adds to the film: a chained one begins with the picture that was shown last."""
        return self.links[link] - (1 if link else 0)
