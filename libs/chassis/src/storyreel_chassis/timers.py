"""The pump that turns due timers into facts on the service's own topic."""

import logging

from storyreel_contracts import Envelope, Event, TimerDue
from storyreel_contracts.ids import event_id

from storyreel_chassis.clock import Clock
from storyreel_chassis.folds import DueTimer, FoldStore
from storyreel_chassis.publisher import Publisher

log = logging.getLogger(__name__)


async def pump(folds: FoldStore, publisher: Publisher, clock: Clock, service: str) -> None:
    """Publish due timers, for ever. Two replicas may both publish one: it has one id, readers drop the second."""
    while True:
        try:
            await publish_due(folds, publisher, clock, service)
        except Exception:
            log.exception("timers could not be published; they stay due")
        await clock.sleep(0.5)


async def publish_due(folds: FoldStore, publisher: Publisher, clock: Clock, service: str) -> None:
    """Publish what is due now, then forget it."""
    for timer in await folds.due(clock.now(), limit=100):
        await publisher.publish(_fact(timer, clock, service))
        await folds.forget(timer)


def _fact(timer: DueTimer, clock: Clock, service: str) -> Event:
    data = TimerDue(name=timer.name, due=timer.due)
    envelope = Envelope(
        event_id=event_id(timer.film_id, data.TYPE, f"{service}:{timer.name}:{timer.due.isoformat()}"),
        type=data.TYPE,
        source=f"/storyreel/{service}",
        film_id=timer.film_id,
        tenant_id=timer.tenant_id,
        occurred_at=clock.now(),
    )
    return Event(envelope, data)
