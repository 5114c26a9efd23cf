"""Paying for one take under its lease: expects the price, gets a place, tries until it is done, stores the result."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from storyreel_chassis.clock import Clock
from storyreel_contracts.artifacts import ArtifactRef
from storyreel_contracts.failures import FailureKind
from storyreel_contracts.plan import ModelCard

from storyreel_renderer import metrics
from storyreel_renderer.domain.fairness import Ticket
from storyreel_renderer.domain.ports import Encoder, Failed, Finished, Lease, RenderJob, Store
from storyreel_renderer.domain.pricing import cost_micros, expected_device_seconds
from storyreel_renderer.domain.takes import Checkpoint, Lost, Taken
from storyreel_renderer.domain.tries import Falls
from storyreel_renderer.workflows.desk import Desk, Grant, NoSuchModelError
from storyreel_renderer.workflows.ledger import Ledger
from storyreel_renderer.workflows.order import Order, Rules
from storyreel_renderer.workflows.tries import Try
from storyreel_renderer.workflows.watch import Stop, Stopped, Watch, within

if TYPE_CHECKING:
    from storyreel_renderer.domain.ports import Frames

MEDIA_TYPE = "video/mp4"
LOST_SERVER = frozenset({FailureKind.DEVICE_LOST, FailureKind.DEPENDENCY_DOWN, FailureKind.TIMEOUT})


class NobodyAnsweredError(Exception):
    """Patience with absent servers ended."""


@dataclass(frozen=True, kw_only=True)
class Means:
    """What a payment works with."""

    desk: Desk
    ledger: Ledger
    store: Store
    encoder: Encoder
    rules: Rules
    clock: Clock


class Payment:
    """One request, one lease. `spent` are device seconds over all tries, lost replicas' included; `used` only those here."""

    def __init__(self, means: Means, order: Order, lease: Lease, watch: Watch) -> None:
        self._means, self._order, self._lease, self._watch = means, order, lease, watch
        self._rules, self._clock = means.rules, means.clock
        self._checkpoint: Checkpoint | None = None
        self._tries = 0
        self.spent = 0.0
        self.used = 0.0

    async def settle(self) -> Taken | Lost:
        """Bring the take about, or say why not. Raises Stopped when there is a reason not to go on."""
        try:
            card = await self._watch.guard(self._card())
            return await self._render(expected_device_seconds(card, self._order.work.request.tier, self._order.spec))
        except NoSuchModelError as e:
            return self.bill(FailureKind.CAPACITY, str(e))
        except NobodyAnsweredError as e:
            return self.bill(FailureKind.DEPENDENCY_DOWN, str(e))

    async def _render(self, expected: float) -> Taken | Lost:
        if lost := self._too_dear(expected):
            return lost
        await self._recall_checkpoint()
        end = await self._try_until_done(expected)
        return await self._keep(end.frames) if isinstance(end, Finished) else self.bill(end.kind, end.reason)

    def bill(self, kind: FailureKind, reason: str) -> Lost:
        """A failure with what was spent until now."""
        return Lost(kind=kind, reason=reason, device_seconds=self.spent, cost_micros=self._cost(self.spent))

    def _cost(self, seconds: float) -> int:
        return cost_micros(seconds, self._rules.price_micros)

    async def _card(self) -> ModelCard:
        model = self._order.spec.model
        if known := self._means.desk.known_card(model):
            return known
        try:
            return await within(self._clock, self._rules.policy.patience_s, self._means.desk.card(model))
        except TimeoutError as e:
            raise NobodyAnsweredError("no render server that may have the model answered for too long") from e

    def _too_dear(self, expected: float) -> Lost | None:
        limit, price = self._order.work.request.price_limit_micros, self._cost(expected)
        if price <= limit:
            return None
        reason = f"expected to cost {price} micros ({expected:.1f} device seconds), the limit is {limit}"
        return Lost(kind=FailureKind.BUDGET_EXHAUSTED, reason=reason)

    async def _recall_checkpoint(self) -> None:
        every, steps = self._rules.checkpoint_every, self._order.spec.steps
        if every:
            marks = range(every, steps, every)
            self._checkpoint = await self._means.ledger.last_checkpoint(self._order.tenant, self._order.key, marks)
        self.spent = self._checkpoint.device_seconds if self._checkpoint else 0.0

    async def _try_until_done(self, expected: float) -> Finished | Failed:
        falls = Falls(self._rules.policy)
        while True:
            before = self._checkpoint
            attempt, end = await self._one_try(expected)
            if isinstance(end, Finished):
                return end
            if self._refused_checkpoint(end):
                self._checkpoint = None
                continue
            advanced = self._checkpoint != before
            pause = falls.pause_after(end.kind, accepted=attempt.accepted, advanced=advanced)
            if pause is None:
                return end
            await self._watch.guard(self._clock.sleep(pause))

    def _refused_checkpoint(self, end: Failed) -> bool:
        """A checkpoint that no server takes (another build of the engine wrote it) costs its steps, not the shot."""
        return end.kind is FailureKind.INVALID_INPUT and self._checkpoint is not None

    async def _one_try(self, expected: float) -> tuple[Try, Finished | Failed]:
        grant = await self._place(expected)
        tier = self._order.work.request.tier.value
        attempt = Try(self._order, self._rules, self._clock, start=self._checkpoint, spent_before=self.spent)
        if self._checkpoint:
            metrics.RESUMED.labels(tier).inc()
        try:
            end = await attempt.run(grant.server.engine, self._job(), self._means.ledger, self._watch)
            if isinstance(end, Failed) and end.kind in LOST_SERVER:
                self._means.desk.lost(grant.server)
        finally:
            self._take_over(attempt)
            self._means.desk.hand_back(grant, attempt.used)
        metrics.TRIES.labels(tier, end.kind.value if isinstance(end, Failed) else "finished").inc()
        if isinstance(end, Failed) and self._watch.why:
            raise Stopped(self._watch.why)
        return attempt, self._checked(end)

    def _take_over(self, attempt: Try) -> None:
        self.used += attempt.used
        self.spent += attempt.used
        self._checkpoint = attempt.checkpoint

    async def _place(self, expected: float) -> Grant:
        request, since = self._order.work.request, self._clock.monotonic()
        model = (self._order.spec.model.name, self._order.spec.model.version)
        self._tries += 1
        ticket = Ticket(self._job_id, self._order.tenant, request.tier, self._order.work.deadline, model, expected)
        grant = await self._watch.guard(self._means.desk.grant(ticket))
        metrics.WAIT.labels(request.tier.value).observe(self._clock.monotonic() - since)
        return grant

    @property
    def _job_id(self) -> str:
        # The token keeps a job of this lease apart from one that a lost replica may still have on a server.
        return f"{self._order.work.event_id}/{self._lease.token}/{self._tries}"

    def _job(self) -> RenderJob:
        request = self._order.work.request
        return RenderJob(self._job_id, request.tier, self._order.work.deadline, self._rules.checkpoint_every, request.spec)

    def _checked(self, end: Finished | Failed) -> Finished | Failed:
        spec = self._order.spec
        wanted = (spec.frames, spec.height, spec.width, 3)
        if isinstance(end, Finished) and tuple(end.frames.shape) != wanted:
            return Failed(
                FailureKind.MODEL_FAULT, f"frames of shape {end.frames.shape} instead of {wanted}", end.device_seconds
            )
        return end

    async def _keep(self, frames: "Frames") -> Taken:
        since = self._clock.monotonic()
        data = await self._means.encoder.encode(frames, self._order.spec.fps)
        artifact = await self._means.store.put(data, MEDIA_TYPE)
        if not await self._lease.renew():
            metrics.STALE.inc()
            raise Stopped(Stop.LEASE_LOST)
        kept = await self._means.ledger.keep_take(self._order.tenant, self._order.key, self._taken(artifact))
        if kept.token != self._lease.token:
            metrics.STALE.inc()
        metrics.TAIL.observe(self._clock.monotonic() - since)
        return kept

    def _taken(self, artifact: ArtifactRef) -> Taken:
        spec = self._order.spec
        return Taken(
            artifact=artifact,
            width=spec.width,
            height=spec.height,
            frames=spec.frames,
            fps=spec.fps,
            seed=spec.seed,
            model=spec.model,
            device_seconds=self.spent,
            cost_micros=self._cost(self.spent),
            paid_by=self._order.work.event_id,
            token=self._lease.token,
        )
