"""Bringing a take about: look whether it exists, take the lease of its build key, pay, answer. Called by the handler."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from storyreel_chassis.errors import Unavailable, WorkError
from storyreel_contracts.failures import FailureKind

from storyreel_renderer import metrics
from storyreel_renderer.domain.ports import Lease, Leases
from storyreel_renderer.domain.takes import Dropped, Lost, Outcome, Taken, lease_name
from storyreel_renderer.workflows.order import Order
from storyreel_renderer.workflows.payment import Payment
from storyreel_renderer.workflows.storing import Means
from storyreel_renderer.workflows.watch import Floor, Stop, Stopped, Watch, put_down

RENEWALS_PER_TERM = 3
_KINDS = {Stop.DEADLINE: FailureKind.DEADLINE_PASSED, Stop.PRICE: FailureKind.BUDGET_EXHAUSTED}


class Takes:
    """All requests of this replica. Two replicas with one build key: one pays, the other waits for what it gets."""

    def __init__(self, means: Means, leases: Leases, floor: Floor) -> None:
        self._means, self._leases, self._floor = means, leases, floor
        self._rules, self._clock, self._ledger = means.rules, means.clock, means.ledger

    async def bring(self, order: Order) -> Outcome:
        """The take, or why there is none. Safe to repeat: the same request gets the same answer."""
        while True:
            with self._floor.watch(order.work.film_id, order.work.request.version) as watch:
                outcome = await self._round(order, watch)
            if outcome is not None:
                metrics.REQUESTS.labels(order.work.request.tier.value, _word(outcome, order)).inc()
                return outcome

    async def _round(self, order: Order, watch: Watch) -> Outcome | None:
        """The answer, or None to look again: another replica pays, or the lease was lost."""
        known, why = await asyncio.gather(self._known(order), self._pointless(order))
        if known:
            return known
        if why:
            return await self._give_up(order, why, None)
        lease = await self._leases.acquire(lease_name(order.tenant, order.key), self._rules.lease_s)
        if lease is None:
            await self._clock.sleep(self._rules.poll_s)
            return None
        try:
            # Between looking and leasing another replica may have finished.
            return await self._known(order) or await self._pay(order, lease, watch)
        finally:
            with suppress(WorkError):  # one that cannot be given back ends by itself; what was made must not fall with it
                await lease.release()

    async def _pay(self, order: Order, lease: Lease, watch: Watch) -> Outcome | None:
        payment = Payment(self._means, order, lease, watch)
        outcome: Outcome | None = None
        try:
            async with self._heartbeat(order, lease, watch):
                outcome = await payment.settle()
        except Stopped as stopped:
            if stopped.why is Stop.LEASE_LOST:
                return None
            return await self._give_up(order, stopped.why, payment)
        finally:
            fate = "kept" if isinstance(outcome, Taken) and outcome.token == lease.token else "wasted"
            metrics.DEVICE_SECONDS.labels(order.work.request.tier.value, fate).inc(payment.used)
        return await self._failed(order, outcome) if isinstance(outcome, Lost) else outcome

    async def _known(self, order: Order) -> Taken | Lost | None:
        return await self._ledger.answer(order.tenant, order.key, order.work.event_id)

    async def _pointless(self, order: Order) -> Stop | None:
        if await self._ended(order):
            return Stop.ENDED
        return Stop.DEADLINE if self._seconds_left(order) <= 0 else None

    async def _give_up(self, order: Order, why: Stop, payment: Payment | None) -> Outcome:
        if why is Stop.ENDED:
            return Dropped(reason=why.value)
        kind, reason = _KINDS[why], why.value
        return await self._failed(order, payment.bill(kind, reason) if payment else Lost(kind=kind, reason=reason))

    async def _failed(self, order: Order, lost: Lost) -> Outcome:
        return await self._ledger.keep_failure(order.tenant, order.work.event_id, lost)

    @asynccontextmanager
    async def _heartbeat(self, order: Order, lease: Lease, watch: Watch) -> AsyncIterator[None]:
        beating = asyncio.create_task(self._beat(order, lease, watch))
        try:
            yield
        finally:
            await put_down(beating)

    async def _beat(self, order: Order, lease: Lease, watch: Watch) -> None:
        """Until there is a reason to stop: renew the lease, look at the clock, look whether anybody still waits."""
        term = self._rules.lease_s
        held_until = self._clock.monotonic() + term
        while watch.why is None:
            await self._clock.sleep(max(0.0, min(term / RENEWALS_PER_TERM, self._seconds_left(order))))
            if self._seconds_left(order) <= 0:
                return watch.stop(Stop.DEADLINE)
            asked = self._clock.monotonic()
            renewed = await _renewed(lease)
            held_until = asked + term if renewed else held_until
            if renewed is False or self._clock.monotonic() >= held_until:
                return watch.stop(Stop.LEASE_LOST)
            if await self._ended(order):
                return watch.stop(Stop.ENDED)
        return None

    async def _ended(self, order: Order) -> bool:
        try:
            return await order.talk.ended()
        except (WorkError, Unavailable):  # not knowing is no reason to throw paid work away; the next beat asks again
            return False

    def _seconds_left(self, order: Order) -> float:
        deadline = order.work.deadline
        return (deadline - self._clock.now()).total_seconds() if deadline else float("inf")


async def _renewed(lease: Lease) -> bool | None:
    """Whether the lease is held for another term; None when nobody can tell."""
    try:
        return await lease.renew()
    except WorkError:
        return None


def _word(outcome: Outcome, order: Order) -> str:
    match outcome:
        case Taken(paid_by=paid_by):
            return "rendered" if paid_by == order.work.event_id else "reused"
        case Lost(kind=kind):
            return kind.value
        case Dropped():
            return "dropped"
