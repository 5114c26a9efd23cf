"""The lookout: finds servers, looks after those that are there, and sees when nothing moves on one. Called by the desk."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from storyreel_chassis.clock import Clock
from storyreel_contracts.plan import ModelRef

from storyreel_renderer import metrics
from storyreel_renderer.domain.ports import ServerCard
from storyreel_renderer.workflows.servers import Server

log = logging.getLogger(__name__)
PROBE_S = (0.5, 1.0, 2.0, 5.0)
LOOK_S = 5.0


class Lookout:
    """One task a server, from `mind` until `close`. `changed` is called whenever a server comes, or says something new."""

    def __init__(self, clock: Clock, changed: Callable[[], None], silence_s: float) -> None:
        self._clock, self._changed, self._silence_s = clock, changed, silence_s
        self._minding: set[asyncio.Task[None]] = set()

    def mind(self, server: Server) -> None:
        """Find the server, and look after it from then on."""
        self._start(self._look_for(server), f"look for {server.name}")
        self._start(self._look_after(server), f"look after {server.name}")

    def lost(self, server: Server, *, hung: bool = False) -> None:
        """The server was lost, or is stopping: nothing is placed there until it answers again. If it `hung`, that is not
        enough: the door answers while the device stands still, so nothing is placed there until that has moved.
        """
        if server.card is not None:
            server.stood_at = server.card.engine.units if hung else None
            server.card = None
            metrics.SERVER_UP.labels(server.name).set(0)
            self._start(self._look_for(server, PROBE_S[0]), f"look for {server.name}")

    async def close(self) -> None:
        """Stop looking."""
        for task in self._minding:
            task.cancel()
        await asyncio.gather(*self._minding, return_exceptions=True)

    def _start(self, doing: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.create_task(doing, name=name)
        self._minding.add(task)
        task.add_done_callback(self._minding.discard)

    async def _look_for(self, server: Server, after: float = 0.0) -> None:
        if after:  # one that was lost this moment may still answer with its last breath
            await self._clock.sleep(after)
        tries = 0
        while (card := await self._ask(server, silent=tries > 0)) is None or server.hangs(card):
            await self._clock.sleep(PROBE_S[min(tries, len(PROBE_S) - 1)])
            tries += 1
        server.note(card, self._clock.monotonic())
        log.info("render server %s has model %s@%s", server.name, card.name, card.version)
        metrics.SERVER_UP.labels(server.name).set(1)
        self._changed()

    async def _look_after(self, server: Server) -> None:
        while True:
            await self._clock.sleep(LOOK_S)
            if server.card is not None:
                await self._look(server, server.card.ref)
                self._see_whether_it_moves(server)

    async def _look(self, server: Server, before: ModelRef) -> None:
        card = await self._ask(server, silent=False)
        if card is None:
            self.lost(server)
        elif server.card is not None:  # else it was lost while it answered
            server.note(card, self._clock.monotonic())
            if card.ref != before:
                self._changed()

    async def _ask(self, server: Server, *, silent: bool) -> ServerCard | None:
        """What it says of itself; None while it does not answer, or is stopping."""
        try:
            card = await server.engine.describe()
        except ConnectionError as e:
            if not silent:
                log.warning("render server %s does not answer and is looked for: %s", server.name, e)
            return None
        return None if card.engine.stopping else card

    def _see_whether_it_moves(self, server: Server) -> None:
        still = self._clock.monotonic() - server.moved_at
        if server.running and still >= self._silence_s:
            log.error("nothing moves on render server %s for %.0f s", server.name, still)
            for grant in server.running:
                grant.wedged.set()
