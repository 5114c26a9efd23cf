"""One or more replicas of the room on twins, for tests that count what is paid."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime

from renderer_fakes import Album, FakeContext, FrugalStore, Lab, RawEncoder, VirtualClock, an_event
from storyreel_chassis.leases import MemoryLeases
from storyreel_contracts import Event, Fact, ShotRequested
from storyreel_renderer.adapters.null_engine import NullEngine
from storyreel_renderer.cards import null_card
from storyreel_renderer.domain.decisions import RendererDecider, RendererState
from storyreel_renderer.domain.holding import Hold
from storyreel_renderer.domain.ports import Leases, ServerCard
from storyreel_renderer.domain.tries import TryPolicy
from storyreel_renderer.handlers import RendererPerformer
from storyreel_renderer.workflows.bringing import Takes
from storyreel_renderer.workflows.desk import Desk
from storyreel_renderer.workflows.ledger import Ledger
from storyreel_renderer.workflows.order import Rules
from storyreel_renderer.workflows.servers import Server
from storyreel_renderer.workflows.storing import Means
from storyreel_renderer.workflows.watch import Floor

STEP_S, SILENCE_S = 1.0, 120.0
RULES = Rules(lease_s=30.0, checkpoint_every=1, policy=TryPolicy(fruitless=3, pause_s=1.0, patience_s=600.0))


@dataclass
class Studio:
    """What replicas share: clock, store, leases. `desks` are the open replicas' desks."""

    clock: VirtualClock = field(default_factory=VirtualClock)
    store: FrugalStore = field(default_factory=FrugalStore)
    shared_leases: Leases | None = None

    def __post_init__(self) -> None:
        self.leases: Leases = self.shared_leases or MemoryLeases(self.clock)

    def lab(self, step_s: float = STEP_S, **card: object) -> Lab:
        """A render server under observation; `card` changes what it says of its model."""
        able = ServerCard.model_validate(null_card().model_dump() | card)
        return Lab(NullEngine(able, self.clock, step_seconds=step_s))

    @asynccontextmanager
    async def replica(
        self, *labs: Lab, places: int = 2, finals: int = 2, rules: Rules = RULES, silence_s: float = SILENCE_S
    ) -> AsyncIterator["Replica"]:
        """A replica that renders on these servers."""
        servers = [Server(f"server-{i}", lab, lambda _: Hold(places, finals)) for i, lab in enumerate(labs)]
        async with Desk(servers, self.clock, silence_s=silence_s) as desk:
            yield Replica(self, desk, rules, servers)


class Replica:
    """One process of the room, without the chassis around it."""

    def __init__(self, studio: Studio, desk: Desk, rules: Rules, servers: Sequence[Server]) -> None:
        self.servers, self.album = servers, Album()
        self.encoder, self.floor, self.decider = RawEncoder(), Floor(), RendererDecider()
        self.films: dict[str, RendererState] = {}
        self.contexts: list[FakeContext] = []
        self.broker: Exception | None = None
        store, clock, ledger = studio.store, studio.clock, Ledger(studio.store)
        means = Means(
            desk=desk, ledger=ledger, store=store, encoder=self.encoder, pictures=self.album, rules=rules, clock=clock
        )
        self.performer = RendererPerformer(Takes(means, studio.leases, self.floor), self.floor, store)

    async def handle(self, event: Event) -> Sequence[Fact]:
        """What the room says to an event, progress left out."""
        film = event.film_id
        decision = self.decider.decide(self.films.get(film, RendererState()), event)
        self.films[film] = decision.state
        facts: list[Fact] = []
        for task in decision.tasks:
            self.contexts.append(FakeContext(event, decision.state, broker=self.broker))
            outcome = await self.performer.perform(task, self.contexts[-1])
            absorbed = self.decider.absorb(self.films[film], event, task, outcome)
            self.films[film] = absorbed.state
            facts += [new.data for new in absorbed.facts]
        return facts

    async def ask(self, request: ShotRequested, name: str = "ask", *, deadline: datetime | None = None) -> Fact:
        """The one answer to a request."""
        (fact,) = await self.handle(an_event(request, name, deadline=deadline))
        return fact
