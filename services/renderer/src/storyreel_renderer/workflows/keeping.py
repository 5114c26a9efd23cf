"""Checkpoints on their way to the ledger, beside the render: storage must not hold up the events of the device."""

import asyncio
from typing import Self

from storyreel_chassis.clock import Clock
from storyreel_chassis.errors import WorkError

from storyreel_renderer import metrics
from storyreel_renderer.domain.takes import Checkpoint
from storyreel_renderer.workflows.ledger import Ledger
from storyreel_renderer.workflows.order import Order
from storyreel_renderer.workflows.watch import put_down, within

IN_HAND = 2  # checkpoints of a large model are tens of megabytes each
FLUSH_S = 5.0


class Keeper:
    """Async context manager around one try. Leaving it flushes what is in hand, unless the take made it `needless`."""

    def __init__(self, ledger: Ledger, order: Order, clock: Clock) -> None:
        self._ledger, self._order, self._clock = ledger, order, clock
        self._in_hand: asyncio.Queue[Checkpoint] = asyncio.Queue(IN_HAND)
        self.needless = False

    async def __aenter__(self) -> Self:
        self._keeping = asyncio.create_task(self._keep_all())
        return self

    async def __aexit__(self, *_: object) -> None:
        try:
            if not self.needless:
                await within(self._clock, FLUSH_S, self._in_hand.join())
        except TimeoutError:
            metrics.CHECKPOINTS.labels("unkept").inc(self._in_hand.qsize())
        finally:
            await put_down(self._keeping)

    async def keep(self, checkpoint: Checkpoint) -> None:
        """Take it in hand; waits only while the ledger is behind by more than it may be."""
        await self._in_hand.put(checkpoint)

    async def _keep_all(self) -> None:
        # In their order: a later try looks for them step by step and stops at the first that is missing.
        while True:
            checkpoint = await self._in_hand.get()
            try:
                await self._ledger.keep_checkpoint(self._order.tenant, self._order.key, checkpoint)
                metrics.CHECKPOINTS.labels("kept").inc()
            except WorkError:  # the render is worth more than its insurance; counted, and the next step brings another
                metrics.CHECKPOINTS.labels("unkept").inc()
            finally:
                self._in_hand.task_done()
