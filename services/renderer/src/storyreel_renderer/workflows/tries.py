"""One try of one job on one server: reads the engine's events, tells progress, keeps checkpoints, minds the price."""

import asyncio
from contextlib import aclosing

from storyreel_chassis.clock import Clock
from storyreel_contracts.failures import FailureKind

from storyreel_renderer import metrics
from storyreel_renderer.domain.ports import (
    CheckpointTaken,
    EngineEvent,
    Failed,
    Finished,
    Progress,
    RenderEngine,
    RenderJob,
)
from storyreel_renderer.domain.pricing import cost_micros
from storyreel_renderer.domain.takes import Checkpoint
from storyreel_renderer.workflows.keeping import Keeper
from storyreel_renderer.workflows.ledger import Ledger
from storyreel_renderer.workflows.order import Order, Rules
from storyreel_renderer.workflows.telling import Teller
from storyreel_renderer.workflows.watch import Stop, Watch, put_down, within

End = Finished | Failed


class Try:
    """`spent_before` are the device seconds of earlier tries; `used` those of this one, `checkpoint` its last state.

    `accepted` says whether the server took the job at all.
    """

    def __init__(self, order: Order, rules: Rules, clock: Clock, *, start: Checkpoint | None, spent_before: float) -> None:
        self._order, self._rules, self._clock = order, rules, clock
        self._spent_before = spent_before
        self.checkpoint = start
        self.used = 0.0
        self.accepted = False

    async def run(self, engine: RenderEngine, job: RenderJob, ledger: Ledger, watch: Watch) -> End:
        """How the try ended. A reason to stop cancels it on the server, and what was spent until then is counted."""
        reading = asyncio.ensure_future(self._read(engine, job, ledger, watch))
        stopped = asyncio.ensure_future(watch.stopped())
        try:
            await asyncio.wait({reading, stopped}, return_when=asyncio.FIRST_COMPLETED)
            if not reading.done():
                await self._cancel(engine, job, reading)
            return self._counted(await reading)
        finally:
            stopped.cancel()
            if not reading.done():  # this replica is draining: closing the stream is the cancel
                await put_down(reading)

    async def _cancel(self, engine: RenderEngine, job: RenderJob, reading: "asyncio.Task[End]") -> None:
        try:
            await engine.cancel(job.job_id)
            await within(self._clock, self._rules.cancel_grace_s, _end_of(reading))
        except (ConnectionError, TimeoutError):
            metrics.TRIES.labels(job.tier.value, "cancel_unheard").inc()
            reading.cancel()  # closes the stream, which the server takes for a cancel too

    def _counted(self, end: End) -> End:
        self.used = max(self.used, end.device_seconds)
        return end

    async def _read(self, engine: RenderEngine, job: RenderJob, ledger: Ledger, watch: Watch) -> End:
        start = self.checkpoint.data if self.checkpoint else None
        try:
            async with (
                Keeper(ledger, self._order, self._clock) as keeper,
                Teller(self._order, job.job_id, self._clock) as teller,
                aclosing(engine.render(job, start)) as events,  # type: ignore[type-var]
            ):
                async for event in events:
                    if isinstance(event, Finished | Failed):
                        keeper.needless = isinstance(event, Finished)
                        return event
                    await self._take_note(event, keeper, teller, watch)
        except asyncio.CancelledError:
            if watch.why is None:
                raise
            return Failed(FailureKind.CANCELLED, watch.why.value, self.used)
        return Failed(FailureKind.CONTRACT_VIOLATION, "the stream ended without a result", self.used)

    async def _take_note(self, event: EngineEvent, keeper: Keeper, teller: Teller, watch: Watch) -> None:
        match event:
            case Progress():
                self.used = max(self.used, event.device_seconds)
                teller.tell(event, self._spent)
                if cost_micros(self._spent, self._rules.price_micros) > self._order.work.request.price_limit_micros:
                    watch.stop(Stop.PRICE)
            case CheckpointTaken(data=data, step=step):
                self.checkpoint = Checkpoint(step, self._spent, data)
                await keeper.keep(self.checkpoint)
            case _:
                self.accepted = True

    @property
    def _spent(self) -> float:
        return self._spent_before + self.used


async def _end_of(reading: "asyncio.Task[End]") -> None:
    await asyncio.wait({reading})
