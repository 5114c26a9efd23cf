"""What one take needs on its way through the room: the request, whom to tell, the rules of this deployment."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from storyreel_contracts.decisions import NewFact
from storyreel_contracts.planning import RenderSpec

from storyreel_renderer.domain.decisions import RenderShot
from storyreel_renderer.domain.takes import trajectory
from storyreel_renderer.domain.tries import TryPolicy


@dataclass(frozen=True, kw_only=True)
class Rules:
    """Numbers of this deployment; times in seconds, prices in millionths of a US dollar."""

    price_micros: int = 1000
    lease_s: float = 30.0
    checkpoint_every: int = 2
    poll_s: float = 1.0
    cancel_grace_s: float = 10.0
    policy: TryPolicy = field(default_factory=TryPolicy)


@dataclass(frozen=True, kw_only=True)
class Talk:
    """The way to the film: `say` publishes a lossy fact, `ended` tells whether anybody still waits for the take."""

    say: Callable[[NewFact], Awaitable[None]]
    ended: Callable[[], Awaitable[bool]]


@dataclass(frozen=True, kw_only=True)
class Order:
    """A request being worked on."""

    work: RenderShot
    talk: Talk

    @property
    def tenant(self) -> str:
        """Whose money it is."""
        return self.work.tenant_id

    @property
    def key(self) -> str:
        """The take's build key."""
        return self.work.request.key

    @property
    def spec(self) -> RenderSpec:
        """What to render."""
        return self.work.request.spec

    @property
    def goal(self) -> int:
        """Denoise steps until pictures are wanted; a draft stops before the last."""
        return self.spec.stop_after or self.spec.steps

    def path(self, window: int) -> str:
        """The trajectory that its checkpoints lie on, if its passes take at most `window` frames (0: as the model likes)."""
        return trajectory(self.spec, window)
