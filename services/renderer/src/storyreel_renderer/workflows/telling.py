"""Progress on its way to people who watch, beside the render: a slow or absent broker must not hold up the device."""

import asyncio
import logging
from contextlib import suppress
from typing import Self

from storyreel_chassis.clock import Clock
from storyreel_contracts.decisions import NewFact
from storyreel_contracts.takes import ShotProgressed

from storyreel_renderer import metrics
from storyreel_renderer.domain.ports import Progress
from storyreel_renderer.workflows.order import Order
from storyreel_renderer.workflows.watch import put_down, within

log = logging.getLogger(__name__)
EVERY_S = 0.25
FLUSH_S = 1.0


class Teller:
    """Async context manager around one try; tells the newest step at most four times a second, and the last one."""

    def __init__(self, order: Order, job_id: str, clock: Clock) -> None:
        self._order, self._job_id, self._clock = order, job_id, clock
        self._newest: ShotProgressed | None = None
        self._news, self._last, self._told = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def __aenter__(self) -> Self:
        self._telling = asyncio.create_task(self._tell_all())
        return self

    async def __aexit__(self, *_: object) -> None:
        try:
            if self._last.is_set():
                await within(self._clock, FLUSH_S, self._told.wait())
        except TimeoutError:
            metrics.UNTOLD.inc()
        finally:
            await put_down(self._telling)

    def tell(self, progress: Progress, spent: float) -> None:
        """Let it be told; `spent` are the device seconds of all tries. Never waits."""
        asked = self._order.work.request
        same = {name: getattr(asked, name) for name in ("version", "shot_id", "tier", "attempt")}
        self._newest = ShotProgressed(**same, step=progress.step, steps=progress.steps, device_seconds=spent)
        self._news.set()
        if progress.step >= progress.steps:
            self._last.set()

    async def _tell_all(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            if fact := self._newest:
                await self._say(fact)
                if fact.step >= fact.steps:
                    self._told.set()
            with suppress(TimeoutError):  # the pace; the last step does not wait for it
                await within(self._clock, EVERY_S, self._last.wait())

    async def _say(self, fact: ShotProgressed) -> None:
        try:
            await self._order.talk.say(NewFact(data=fact, discriminator=f"{self._job_id}/{fact.step}"))
        except Exception as error:  # noqa: BLE001 - lossy by contract: whatever the broker says, the render goes on
            metrics.UNTOLD.inc()
            log.warning("progress was not told: %s", error)
