"""The desk: lets jobs wait in the fair queue, gives each free place to the next job for it, hears how servers did."""

import asyncio
from collections.abc import Sequence
from typing import Self

from storyreel_chassis.clock import Clock
from storyreel_contracts.failures import FailureKind
from storyreel_contracts.plan import ModelRef

from storyreel_renderer import metrics
from storyreel_renderer.domain.breakers import State
from storyreel_renderer.domain.fairness import RANKS, FairQueue, Model, Ticket
from storyreel_renderer.domain.ports import Failed, ServerCard
from storyreel_renderer.workflows.lookout import Lookout
from storyreel_renderer.workflows.servers import Grant, Server, is_fault, is_gone


class NoSuchModelError(LookupError):
    """Every server answered, and none has the model that the request names."""


class Desk:
    """Async context manager: while it is open, servers are looked for and looked after, and places are given out.

    `silence_s`: a server on which nothing moves for so long has hung up its jobs, heartbeats or not.
    """

    def __init__(self, servers: Sequence[Server], clock: Clock, *, silence_s: float = 120.0) -> None:
        self._servers, self._clock, self._queue = servers, clock, FairQueue()
        self._lookout = Lookout(clock, self._changed, silence_s)
        self._granted: dict[str, asyncio.Future[Grant]] = {}
        self._waiting: dict[str, Ticket] = {}
        self._news = asyncio.Event()
        self._cooling: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        for server in self._servers:
            self._show_breaker(server)
            self._lookout.mind(server)
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._cooling:
            task.cancel()
        await asyncio.gather(*self._cooling, self._lookout.close(), return_exceptions=True)

    async def card(self, model: ModelRef) -> ServerCard:
        """The card of a server that has the model; waits while one that might have it cannot be reached.

        Raises NoSuchModelError when all servers are known and none has it.
        """
        while (found := self.known_card(model)) is None:
            if self._hopeless((model.name, model.version)):
                raise NoSuchModelError(self._offer((model.name, model.version)))
            await self._news.wait()
        return found

    def known_card(self, model: ModelRef) -> ServerCard | None:
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
        self._count(ticket)
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
            self._count(ticket)

    def hand_back(self, grant: Grant, used: float) -> None:
        """The job is off its server after `used` device seconds; the next one may have the place."""
        grant.server.running.remove(grant)
        self._queue.settle(grant.ticket, used)
        metrics.RUNNING.labels(grant.server.name).set(len(grant.server.running))
        self._give_out()

    def moved(self, grant: Grant) -> None:
        """The device was seen to do something for the job."""
        grant.server.moved_at = self._clock.monotonic()

    def got_on(self, grant: Grant) -> None:
        """The server brought the job further for good (a checkpoint, a take): what was wrong with it is over."""
        if grant.server.breaker.faults:
            grant.server.breaker.success()
            self._show_breaker(grant.server)
            self._give_out()

    def fell(self, grant: Grant, end: Failed) -> None:
        """The try ended so. A server that is gone gets no job until it answers; one that fails again and again cools down."""
        server, now = grant.server, self._clock.monotonic()
        if is_fault(end):
            self._cool(server, server.breaker.fault(grant.placed, now) - now)
        if is_gone(end):
            self._lookout.lost(server, hung=end.kind is FailureKind.TIMEOUT)

    def _cool(self, server: Server, seconds: float) -> None:
        self._show_breaker(server)
        if seconds <= 0:
            return
        metrics.BREAKER_OPENED.labels(server.name).inc()
        cooling = asyncio.create_task(self._try_again(server, seconds), name=f"cool down {server.name}")
        self._cooling.add(cooling)
        cooling.add_done_callback(self._cooling.discard)

    async def _try_again(self, server: Server, seconds: float) -> None:
        await self._clock.sleep(seconds)
        self._show_breaker(server)
        self._give_out()

    def _show_breaker(self, server: Server) -> None:
        state: State = server.breaker.state(self._clock.monotonic())
        metrics.BREAKER.labels(server.name).set(state.value)

    def _give_out(self) -> None:
        while any(self._place(server) for server in sorted(self._servers, key=lambda s: s.load)):
            pass

    def _place(self, server: Server) -> bool:
        now = self._clock.monotonic()
        if server.model is None or not server.has_place(now):
            return False
        ticket = self._queue.pick(server.model, finals=server.takes_finals)
        if ticket is None:
            return False
        granted = self._granted[ticket.id]
        if granted.done():  # given up in this very moment, and not yet taken out of the queue
            self._queue.settle(ticket, used=0.0)
            return True
        if not server.running:
            server.moved_at = now
        grant = Grant(ticket, server, now)
        server.running.append(grant)
        metrics.RUNNING.labels(server.name).set(len(server.running))
        granted.set_result(grant)
        return True

    def _changed(self) -> None:
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

    def _count(self, ticket: Ticket) -> None:
        metrics.WAITING.labels(ticket.tier.value).set(self._queue.waiting(ticket.tier) if ticket.tier in RANKS else 0)
