"""Checkpoints on their way to the ledger, beside the render: storage must not hold up the events of the device."""

import asyncio
from typing import Self

from storyreel_chassis.clock import Clock
from storyreel_chassis.errors import WorkError

from storyreel_renderer import metrics
from storyreel_renderer.domain.takes import Checkpoint
from storyreel_renderer.workflows.ledger import Ledger
from storyreel_renderer.workflows.watch import put_down, within

IN_HAND = 2  # checkpoints of a large model are tens of megabytes each
FLUSH_S = 5.0
DRAFT_S = 30.0  # a draft's last state is what its final is spared, so it is waited for longer
NEEDLESS_S = 0.0  # the take is there: nobody will go on from here


class Keeper:
    """Async context manager around one try. Leaving it flushes what is in hand for at most `flush_s` seconds."""

    def __init__(self, ledger: Ledger, tenant: str, path: str, clock: Clock) -> None:
        self._ledger, self._tenant, self._path, self._clock = ledger, tenant, path, clock
        self._in_hand: asyncio.Queue[Checkpoint] = asyncio.Queue(IN_HAND)
        self.flush_s = FLUSH_S

    async def __aenter__(self) -> Self:
        self._keeping = asyncio.create_task(self._keep_all())
        return self

    async def __aexit__(self, *_: object) -> None:
        try:
            if self.flush_s:
                await within(self._clock, self.flush_s, self._in_hand.join())
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
                await self._ledger.keep_checkpoint(self._tenant, self._path, checkpoint)
                metrics.CHECKPOINTS.labels("kept").inc()
            except WorkError:  # the render is worth more than its insurance; counted, and the next step brings another
                metrics.CHECKPOINTS.labels("unkept").inc()
            finally:
                self._in_hand.task_done()
