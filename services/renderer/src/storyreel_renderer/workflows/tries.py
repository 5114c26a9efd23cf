"""One try of one job on one server: reads the engine's events, tells progress, keeps checkpoints, minds the price."""

import asyncio
from contextlib import aclosing
from dataclasses import dataclass

from storyreel_chassis.clock import Clock
from storyreel_contracts.failures import FailureKind

from storyreel_renderer import metrics
from storyreel_renderer.domain.ports import (
    CheckpointTaken,
    Developed,
    EngineEvent,
    Failed,
    Finished,
    Progress,
    RenderJob,
)
from storyreel_renderer.domain.pricing import cost_micros
from storyreel_renderer.domain.takes import Checkpoint
from storyreel_renderer.workflows.desk import Desk
from storyreel_renderer.workflows.keeping import DRAFT_S, NEEDLESS_S, Keeper
from storyreel_renderer.workflows.ledger import Ledger
from storyreel_renderer.workflows.order import Order, Rules
from storyreel_renderer.workflows.servers import Grant
from storyreel_renderer.workflows.telling import Teller
from storyreel_renderer.workflows.watch import Stop, Watch, put_down, within

End = Finished | Failed


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What every try of this room works with."""

    desk: Desk
    ledger: Ledger
    rules: Rules
    clock: Clock


class Try:
    """`start` is the state to go on from, `spent_before` the device seconds of earlier tries for the same take.

    Afterwards `used` are those of this one, `checkpoint` its last state, `accepted` whether the server took the job at all,
    `advanced` whether it brought a state of its own.
    """

    def __init__(self, bench: Bench, order: Order, *, start: Checkpoint | None, spent_before: float) -> None:
        self._bench, self._order = bench, order
        self._rules, self._clock = bench.rules, bench.clock
        self._spent_before = spent_before
        self.checkpoint = start
        self.used = 0.0
        self.accepted = self.advanced = False

    async def run(self, grant: Grant, job: RenderJob, watch: Watch) -> End:
        """How the try ended. A reason to stop cancels it on the server, and what was spent until then is counted."""
        reading = asyncio.ensure_future(self._read(grant, job, watch))
        stopped, wedged = asyncio.ensure_future(watch.stopped()), asyncio.ensure_future(grant.wedged.wait())
        try:
            await asyncio.wait({reading, stopped, wedged}, return_when=asyncio.FIRST_COMPLETED)
            if not reading.done():
                if not stopped.done():
                    return self._taken_off(grant)
                await self._cancel(grant, job, reading)
            return self._counted(await reading)
        finally:
            stopped.cancel()
            wedged.cancel()
            if not reading.done():  # this replica is draining, or the server hangs: closing the stream is the cancel
                await put_down(reading)

    def _taken_off(self, grant: Grant) -> Failed:
        metrics.WEDGED.labels(grant.server.name).inc()
        return Failed(FailureKind.TIMEOUT, f"nothing moves on {grant.server.name}", self.used)

    async def _cancel(self, grant: Grant, job: RenderJob, reading: "asyncio.Task[End]") -> None:
        try:
            await grant.server.engine.cancel(job.job_id)
            await within(self._clock, self._rules.cancel_grace_s, _end_of(reading))
        except (ConnectionError, TimeoutError):
            metrics.TRIES.labels(job.tier.value, "cancel_unheard").inc()
            reading.cancel()  # closes the stream, which the server takes for a cancel too

    def _counted(self, end: End) -> End:
        self.used = max(self.used, end.device_seconds)
        return end

    async def _read(self, grant: Grant, job: RenderJob, watch: Watch) -> End:
        start = self.checkpoint.data if self.checkpoint else None
        path = self._order.path(job.window)
        try:
            async with (
                Keeper(self._bench.ledger, self._order.tenant, path, self._clock) as keeper,
                Teller(self._order, job.job_id, self._clock) as teller,
                aclosing(grant.server.engine.render(job, start)) as events,  # type: ignore[type-var]
            ):
                async for event in events:
                    if isinstance(event, Finished | Failed):
                        if isinstance(event, Finished):
                            keeper.flush_s = DRAFT_S if job.spec.stop_after else NEEDLESS_S
                        return event
                    await self._take_note(event, grant, keeper, teller)
                    self._mind_the_price(watch)
        except asyncio.CancelledError:
            if watch.why is None:
                raise
            return Failed(FailureKind.CANCELLED, watch.why.value, self.used)
        return Failed(FailureKind.CONTRACT_VIOLATION, "the stream ended without a result", self.used)

    async def _take_note(self, event: EngineEvent, grant: Grant, keeper: Keeper, teller: Teller) -> None:
        match event:
            case Progress(device_seconds=seconds):
                # A heartbeat repeats what was said; only more device time is a sign that anything moves.
                if seconds > self.used:
                    self._bench.desk.moved(grant)
                self.used = max(self.used, seconds)
                teller.tell(event, self._spent)
            case Developed(device_seconds=seconds):
                self._bench.desk.moved(grant)
                self.used = max(self.used, seconds)
            case CheckpointTaken(data=data, step=step):
                self.checkpoint, self.advanced = Checkpoint(step, self._spent, self._order.key, data), True
                self._bench.desk.got_on(grant)
                await keeper.keep(self.checkpoint)
            case _:
                self.accepted = True

    def _mind_the_price(self, watch: Watch) -> None:
        if cost_micros(self._spent, self._rules.price_micros) > self._order.work.request.price_limit_micros:
            watch.stop(Stop.PRICE)

    @property
    def _spent(self) -> float:
        return self._spent_before + self.used


async def _end_of(reading: "asyncio.Task[End]") -> None:
    await asyncio.wait({reading})
