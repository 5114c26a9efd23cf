"""From the last frame to the take in the ledger: encode, store, measure its seams, remember. Called by the payment."""

import asyncio
from dataclasses import dataclass

from storyreel_chassis.clock import Clock
from storyreel_contracts.artifacts import ArtifactRef
from storyreel_contracts.failures import FailureKind
from storyreel_contracts.planning import RenderSpec

from storyreel_renderer import metrics
from storyreel_renderer.domain.ports import Encoder, Failed, Finished, Lease, Pictures, Store
from storyreel_renderer.domain.pricing import cost_micros
from storyreel_renderer.domain.seams import seam
from storyreel_renderer.domain.takes import Taken
from storyreel_renderer.workflows.desk import Desk
from storyreel_renderer.workflows.ledger import Ledger
from storyreel_renderer.workflows.order import Order, Rules
from storyreel_renderer.workflows.watch import Stop, Stopped

MEDIA_TYPE = "video/mp4"


@dataclass(frozen=True, kw_only=True)
class Means:
    """What a payment works with."""

    desk: Desk
    ledger: Ledger
    store: Store
    encoder: Encoder
    pictures: Pictures
    rules: Rules
    clock: Clock


class Storing:
    """One take under its lease."""

    def __init__(self, means: Means, order: Order, lease: Lease) -> None:
        self._means, self._order, self._lease = means, order, lease
        self._clock = means.clock

    async def keep(self, end: Finished, spent: float) -> Taken:
        """The take as the ledger holds it from now on; `spent` are the device seconds of all its tries.

        Raises Stopped if the lease was lost meanwhile: nothing is remembered then.
        """
        since = self._clock.monotonic()
        data = await self._means.encoder.encode(end.frames, self._order.spec.fps)
        artifact = await self._means.store.put(data, MEDIA_TYPE)
        taken = self._taken(artifact, end, spent).model_copy(update={"seam": await _seam(end)})
        if not await self._lease.renew():
            metrics.STALE.inc()
            raise Stopped(Stop.LEASE_LOST)
        kept = await self._means.ledger.keep_take(self._order.tenant, self._order.key, taken)
        if kept.token != self._lease.token:
            metrics.STALE.inc()
        metrics.TAIL.observe(self._clock.monotonic() - since)
        return kept

    def _taken(self, artifact: ArtifactRef, end: Finished, spent: float) -> Taken:
        spec = self._order.spec
        return Taken(
            artifact=artifact,
            width=spec.width,
            height=spec.height,
            frames=spec.frames,
            fps=spec.fps,
            seed=spec.seed,
            model=spec.model,
            device_seconds=spent,
            cost_micros=cost_micros(spent, self._means.rules.price_micros),
            windows=end.windows,
            paid_by=self._order.work.event_id,
            token=self._lease.token,
        )


def checked(end: Finished | Failed, spec: RenderSpec) -> Finished | Failed:
    """The end of a try, or a model fault if its frames are not what was asked for."""
    wanted = (spec.frames, spec.height, spec.width, 3)
    if isinstance(end, Finished) and tuple(end.frames.shape) != wanted:
        return Failed(FailureKind.MODEL_FAULT, f"frames of shape {end.frames.shape} instead of {wanted}", end.device_seconds)
    return end


async def _seam(end: Finished) -> float | None:
    measured = await asyncio.to_thread(seam, end.frames, end.seams) if end.seams else None
    if measured is not None:
        metrics.SEAM.observe(measured)
    return measured
