"""Paying for one take under its lease: expects the price, gets a place, tries until it is done, stores the result."""

from typing import TYPE_CHECKING

from storyreel_contracts.failures import FailureKind

from storyreel_renderer import metrics
from storyreel_renderer.domain.fairness import Ticket
from storyreel_renderer.domain.ports import Failed, Finished, Lease, NoPictureError, RenderJob, ServerCard
from storyreel_renderer.domain.pricing import cost_micros, expected_device_seconds
from storyreel_renderer.domain.takes import Checkpoint, Lost, Taken, share_of
from storyreel_renderer.domain.tries import Falls
from storyreel_renderer.domain.windows import smaller_windows
from storyreel_renderer.workflows.desk import NoSuchModelError
from storyreel_renderer.workflows.order import Order
from storyreel_renderer.workflows.servers import Grant
from storyreel_renderer.workflows.storing import Means, Storing, checked
from storyreel_renderer.workflows.tries import Bench, Try
from storyreel_renderer.workflows.watch import Stopped, Watch, within

if TYPE_CHECKING:
    from storyreel_renderer.domain.ports import Frames


LAST_STEP = 10**6  # a shot in links makes its steps once a link, and a solver may take more than it is asked for


class NobodyAnsweredError(Exception):
    """Patience with absent servers ended."""


class Payment:
    """One request, one lease. `spent` are device seconds over all tries, lost replicas' included; `used` only those here."""

    def __init__(self, means: Means, order: Order, lease: Lease, watch: Watch) -> None:
        self._means, self._order, self._lease, self._watch = means, order, lease, watch
        self._rules, self._clock = means.rules, means.clock
        self._storing = Storing(means, order, lease)
        self._bench = Bench(desk=means.desk, ledger=means.ledger, rules=means.rules, clock=means.clock)
        self._checkpoint: Checkpoint | None = None
        self._window = 0
        self._tries = 0
        self.spent = 0.0
        self.used = 0.0

    async def settle(self) -> Taken | Lost:
        """Bring the take about, or say why not. Raises Stopped when there is a reason not to go on."""
        try:
            return await self._render(await self._watch.guard(self._card()))
        except NoSuchModelError as e:
            return self.bill(FailureKind.CAPACITY, str(e))
        except NobodyAnsweredError as e:
            return self.bill(FailureKind.DEPENDENCY_DOWN, str(e))

    async def _render(self, card: ServerCard) -> Taken | Lost:
        await self._recall_checkpoint(card)
        done = self._checkpoint.step if self._checkpoint else 0
        expected = expected_device_seconds(card, self._order.work.request.tier, self._order.spec, done)
        if lost := self._too_dear(expected):
            return lost
        end = await self._try_until_done(card, expected)
        return await self._storing.keep(end, self.spent) if isinstance(end, Finished) else self.bill(end.kind, end.reason)

    def bill(self, kind: FailureKind, reason: str) -> Lost:
        """A failure with what was spent until now."""
        return Lost(kind=kind, reason=reason, device_seconds=self.spent, cost_micros=self._cost(self.spent))

    def _cost(self, seconds: float) -> int:
        return cost_micros(seconds, self._rules.price_micros)

    async def _card(self) -> ServerCard:
        model = self._order.spec.model
        if known := self._means.desk.known_card(model):
            return known
        try:
            return await within(self._clock, self._rules.policy.patience_s, self._means.desk.card(model))
        except TimeoutError as e:
            raise NobodyAnsweredError("no render server that may have the model answered for too long") from e

    def _too_dear(self, expected: float) -> Lost | None:
        limit, price = self._order.work.request.price_limit_micros, self._cost(self.spent + expected)
        if price <= limit:
            return None
        reason = f"expected to cost {price} micros ({self.spent + expected:.1f} device seconds), the limit is {limit}"
        return self.bill(FailureKind.BUDGET_EXHAUSTED, reason)

    async def _recall_checkpoint(self, card: ServerCard) -> None:
        """Take up the furthest state of the trajectory; what it cost another take (a final's draft) is not paid again."""
        order, every = self._order, self._rules.checkpoint_every
        draft = order.spec.stop_after or (card.draft_steps if card.draft_steps < order.goal else 0)
        goal = order.goal if order.spec.stop_after else LAST_STEP
        self._checkpoint = await self._means.ledger.last_checkpoint(order.tenant, order.path(self._window), goal, every, draft)
        if self._checkpoint and self._checkpoint.paid_for == order.key:
            self.spent = self._checkpoint.device_seconds + self.used

    async def _whole_checkpoint(self) -> Checkpoint | None:
        """The state to go on from, with its data; fetched once there is a place, so that waiting jobs hold none."""
        known, order = self._checkpoint, self._order
        if known is None or known.data:
            return known
        return await self._means.ledger.checkpoint(order.tenant, order.path(self._window), known.step)

    async def _try_until_done(self, card: ServerCard, expected: float) -> Finished | Failed:
        falls = Falls(self._rules.policy)
        windows = smaller_windows(min(self._order.spec.frames, card.max_frames), card.window_overlap, card.frame_step)
        while True:
            attempt, end = await self._one_try(card, expected)
            if isinstance(end, Finished):
                return end
            if self._refused_checkpoint(end):
                self._checkpoint = None
                continue
            if end.kind is FailureKind.OUT_OF_MEMORY and (window := next(windows, 0)):
                self._window = window
                await self._recall_checkpoint(card)
                continue
            held = not end.drained and (attempt.accepted or end.kind is FailureKind.ARTIFACT_MISSING)
            pause = falls.pause_after(end.kind, held_against=held, advanced=attempt.advanced)
            if pause is None:
                return end
            if not end.drained:  # from a server that was asked to stop at once to another one; it is given no job meanwhile
                await self._watch.guard(self._clock.sleep(pause))

    def _refused_checkpoint(self, end: Failed) -> bool:
        """A checkpoint that no server takes (another build of the engine wrote it) costs its steps, not the shot."""
        return end.kind is FailureKind.INVALID_INPUT and self._checkpoint is not None

    async def _one_try(self, card: ServerCard, expected: float) -> tuple[Try, Finished | Failed]:
        grant = await self._place(expected)
        attempt = Try(self._bench, self._order, start=self._checkpoint, spent_before=self.spent)
        try:
            attempt.checkpoint = await self._watch.guard(self._whole_checkpoint())
            end = await self._run(attempt, grant, card)
        finally:
            self._take_over(attempt)
            self._means.desk.hand_back(grant, attempt.used)
        tier = self._order.work.request.tier.value
        metrics.TRIES.labels(tier, end.kind.value if isinstance(end, Failed) else "finished").inc()
        if isinstance(end, Failed) and self._watch.why:
            raise Stopped(self._watch.why)
        return attempt, checked(end, self._order.spec)

    async def _run(self, attempt: Try, grant: Grant, card: ServerCard) -> Finished | Failed:
        try:
            picture = await self._watch.guard(self._first_frame(card))
        except NoPictureError as e:
            return Failed(e.kind, e.reason)
        if attempt.checkpoint:
            metrics.RESUMED.labels(self._order.work.request.tier.value).inc()
        end = await attempt.run(grant, self._job(picture), self._watch)
        if isinstance(end, Failed):
            self._means.desk.fell(grant, end)
        else:
            self._means.desk.got_on(grant)
        return end

    async def _first_frame(self, card: ServerCard) -> "Frames | None":
        """What the shot continues, for a model that can start from a picture. Fetched for each try, so that none is held
        while a job waits for a place.
        """
        spec = self._order.spec
        if spec.continues is None or card.first_frame == "none":
            return None
        return await self._means.pictures.first_frame(spec.continues, spec.width, spec.height)

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

    def _job(self, first_frame: "Frames | None") -> RenderJob:
        request = self._order.work.request
        return RenderJob(
            self._job_id,
            request.tier,
            self._order.work.deadline,
            self._rules.checkpoint_every,
            request.spec,
            share=share_of(self._order.tenant),
            window=self._window,
            first_frame=first_frame,
        )
