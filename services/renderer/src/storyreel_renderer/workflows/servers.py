"""Render servers as the desk knows them, and the places that it gives out on them."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from storyreel_contracts.brief import Tier
from storyreel_contracts.failures import FailureKind

from storyreel_renderer.domain.breakers import Breaker, BreakerPolicy
from storyreel_renderer.domain.fairness import Model, Ticket
from storyreel_renderer.domain.holding import Allowance, Hold
from storyreel_renderer.domain.ports import Failed, RenderEngine, ServerCard

GONE = frozenset({FailureKind.DEVICE_LOST, FailureKind.DEPENDENCY_DOWN, FailureKind.TIMEOUT})
# A device in a broken state fails every job with an error of its own until its process is started anew.
FAULTS = GONE | {FailureKind.INTERNAL}


@dataclass(eq=False)
class Server:
    """One render server. `card` is None while it cannot be reached or is stopping.

    `running` are this replica's jobs on it, `others` those of other replicas when it was last asked; `moved_at` is when its
    device was last seen to get on, by the desk's clock; `stood_at` is the count of its units when it was lost because nothing
    moved (None: it was not).
    """

    name: str
    engine: RenderEngine
    allowance: Callable[[int], Hold] = field(default_factory=lambda: Allowance().on)
    breaker: Breaker = field(default_factory=lambda: Breaker(BreakerPolicy()))
    card: ServerCard | None = None
    running: list["Grant"] = field(default_factory=list)
    others: int = 0
    moved_at: float = 0.0
    stood_at: int | None = None

    @property
    def model(self) -> Model | None:
        """Name and version of its model, if known."""
        return (self.card.name, self.card.version) if self.card else None

    @property
    def hold(self) -> Hold:
        """What this replica may hold on it."""
        return self.allowance(self.card.batch) if self.card else Hold(0, 0)

    @property
    def takes_finals(self) -> bool:
        """Whether a final may have a place: some are kept free for previews, which the engine lets pass at each step."""
        return sum(g.ticket.tier is Tier.FINAL for g in self.running) < self.hold.finals

    @property
    def load(self) -> tuple[int, float]:
        """What orders servers: those that failed jobs last, then by jobs, everybody's, for the size of a batch."""
        jobs = len(self.running) + self.others
        return self.breaker.faults, jobs / (self.card.batch if self.card else 1)

    def has_place(self, now: float) -> bool:
        """Whether it may have a job more."""
        return len(self.running) < self.hold.places and self.breaker.allows(now, len(self.running))

    def hangs(self, card: ServerCard) -> bool:
        """Whether its device still is in the very unit in which it was lost: it answers, and would only hang up what it got."""
        return self.stood_at is not None and card.engine.units == self.stood_at and card.engine.live_jobs > 0

    def note(self, card: ServerCard, now: float) -> None:
        """Take over what it says of itself."""
        if self.card is None or card.engine.units != self.card.engine.units:
            self.moved_at = now
        self.stood_at = None
        self.card, self.others = card, max(0, card.engine.live_jobs - len(self.running))


@dataclass(frozen=True, eq=False)
class Grant:
    """A place on a server since `placed`, until it is handed back. `wedged` is set when nothing on the server gets on."""

    ticket: Ticket
    server: Server
    placed: float
    wedged: asyncio.Event = field(default_factory=asyncio.Event)


def is_gone(end: Failed) -> bool:
    """Whether nothing more should be placed on the server until it answers again."""
    return end.drained or end.kind in GONE


def is_fault(end: Failed) -> bool:
    """Whether it speaks against the server; being asked to stop does not."""
    return not end.drained and end.kind in FAULTS
