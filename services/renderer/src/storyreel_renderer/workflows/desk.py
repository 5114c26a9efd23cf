"""The desk: knows the servers, lets jobs wait in the fair queue, gives each free place to the next job for it."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

from storyreel_chassis.clock import Clock
from storyreel_contracts.brief import Tier
from storyreel_contracts.plan import ModelCard, ModelRef

from storyreel_renderer import metrics
from storyreel_renderer.domain.fairness import RANKS, FairQueue, Model, Ticket
from storyreel_renderer.domain.ports import RenderEngine

log = logging.getLogger(__name__)
PROBE_S = (0.5, 1.0, 2.0, 5.0)


class NoSuchModelError(LookupError):
    """Every server answered, and none has the model that the request names."""


@dataclass(eq=False)
class Server:
    """One render server. `card` is None while it cannot be reached; `finals` is the most finals it may run at once."""

    name: str
    engine: RenderEngine
    places: int
    finals: int
    card: ModelCard | None = None
    running: list[Ticket] = field(default_factory=list)

    @property
    def model(self) -> Model | None:
        """Name and version of its model, if known."""
        return (self.card.name, self.card.version) if self.card else None

    @property
    def takes_finals(self) -> bool:
        """Whether a final may have a place: one is kept free for previews, which the engine lets pass at each step."""
        return sum(t.tier is Tier.FINAL for t in self.running) < self.finals


@dataclass(frozen=True, eq=False)
class Grant:
    """A place on a server, until it is handed back."""

    ticket: Ticket
    server: Server


class Desk:
    """Async context manager: while it is open, servers are looked for and places are given out."""

    def __init__(self, servers: Sequence[Server], clock: Clock) -> None:
        self._servers, self._clock, self._queue = servers, clock, FairQueue()
        self._granted: dict[str, asyncio.Future[Grant]] = {}
        self._waiting: dict[str, Ticket] = {}
        self._news = asyncio.Event()
        self._probes: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        for server in self._servers:
            self._probe(server)
        return self

    async def __aexit__(self, *_: object) -> None:
        for probe in self._probes:
            probe.cancel()
        await asyncio.gather(*self._probes, return_exceptions=True)

    async def card(self, model: ModelRef) -> ModelCard:
        """The card of a server that has the model; waits while one that might have it cannot be reached.

        Raises NoSuchModelError when all servers are known and none has it.
        """
        while (found := self.known_card(model)) is None:
            if self._hopeless((model.name, model.version)):
                raise NoSuchModelError(self._offer((model.name, model.version)))
            await self._news.wait()
        return found

    def known_card(self, model: ModelRef) -> ModelCard | None:
        """The card of a server that has the model and answers now."""
        return next((s.card for s in self._servers if s.card and s.card.ref == model), None)

    async def grant(self, ticket: Ticket) -> Grant:
        """Wait for a place. Cancelling the wait takes the job out of the queue.

        Raises NoSuchModelError when the servers came back with other models while it waited.
        """
        granted: asyncio.Future[Grant] = asyncio.get_running_loop().create_future()
        self._granted[ticket.id], self._waiting[ticket.id] = granted, ticket
        self._queue.add(ticket)
        self._give_out()
        self._count(ticket.tier)
        try:
            return await granted
        except asyncio.CancelledError:
            if granted.cancelled():
                self._queue.remove(ticket)
            else:  # a place was given in the same moment
                self.hand_back(granted.result(), used=0.0)
            raise
        finally:
            del self._granted[ticket.id], self._waiting[ticket.id]
            self._count(ticket.tier)

    def hand_back(self, grant: Grant, used: float) -> None:
        """The job is off its server after `used` device seconds; the next one may have the place."""
        grant.server.running.remove(grant.ticket)
        self._queue.settle(grant.ticket, used)
        metrics.RUNNING.labels(grant.server.name).set(len(grant.server.running))
        self._give_out()

    def lost(self, server: Server) -> None:
        """The server was lost: nothing is placed there until it answers again."""
        if server.card is not None:
            server.card = None
            metrics.SERVER_UP.labels(server.name).set(0)
            self._probe(server)

    def _give_out(self) -> None:
        while any(self._place(server) for server in sorted(self._servers, key=_load)):
            pass

    def _place(self, server: Server) -> bool:
        if server.model is None or len(server.running) >= server.places:
            return False
        ticket = self._queue.pick(server.model, finals=server.takes_finals)
        if ticket is None:
            return False
        granted = self._granted[ticket.id]
        if granted.done():  # given up in this very moment, and not yet taken out of the queue
            self._queue.settle(ticket, used=0.0)
            return True
        server.running.append(ticket)
        metrics.RUNNING.labels(server.name).set(len(server.running))
        granted.set_result(Grant(ticket, server))
        return True

    def _probe(self, server: Server) -> None:
        probe = asyncio.create_task(self._look_for(server), name=f"probe {server.name}")
        self._probes.add(probe)
        probe.add_done_callback(self._probes.discard)

    async def _look_for(self, server: Server) -> None:
        tries = 0
        while server.card is None:
            try:
                server.card = await server.engine.describe()
            except ConnectionError as e:
                if tries == 0:
                    log.warning("render server %s does not answer and is looked for: %s", server.name, e)
                await self._clock.sleep(PROBE_S[min(tries, len(PROBE_S) - 1)])
                tries += 1
        log.info("render server %s has model %s@%s", server.name, *(server.model or ()))
        metrics.SERVER_UP.labels(server.name).set(1)
        self._news.set()
        self._news = asyncio.Event()
        self._refuse_hopeless()
        self._give_out()

    def _hopeless(self, model: Model) -> bool:
        return all(server.model not in (None, model) for server in self._servers)

    def _offer(self, model: Model) -> str:
        offered = ", ".join(sorted({"@".join(s.model) for s in self._servers if s.model}))
        return f"no server has model {'@'.join(model)}; they have {offered}"

    def _refuse_hopeless(self) -> None:
        """Jobs that waited for a lost server, which came back with another model: nobody will ever render them."""
        for ticket in [t for t in self._waiting.values() if self._hopeless(t.model)]:
            if self._queue.remove(ticket) and not self._granted[ticket.id].done():
                self._granted[ticket.id].set_exception(NoSuchModelError(self._offer(ticket.model)))

    def _count(self, tier: Tier) -> None:
        metrics.WAITING.labels(tier.value).set(self._queue.waiting(tier) if tier in RANKS else 0)


def _load(server: Server) -> float:
    return len(server.running) / server.places
