"""Guards that can be taken away from a running service, one at a time, to see that the checker misses them.

Run inside the service's own process (`serve_one.py`), before it starts. A name here is what `--without` takes.
"""

import os
from collections.abc import Callable, Mapping
from typing import Any

from storyreel_chassis.clock import SystemClock
from storyreel_chassis.delivery import Delivery
from storyreel_chassis.lanes import Lanes, Partition
from storyreel_chassis.leases import MemoryLeases
from storyreel_chassis.s3 import S3ArtifactStore
from storyreel_chassis.service import _Service
from storyreel_chassis.work import Record


def commits_behind_the_work() -> None:
    """Commit what was taken, not what is done."""

    def ahead(self: Lanes) -> Mapping[Partition, int]:
        taken = {p: lane.offsets.next_offset for p, lane in self.items() if lane.offsets.uncommitted() is not None}
        return {p: offset for p, offset in taken.items() if offset is not None}

    Lanes.marks = ahead  # type: ignore[method-assign]


def trying_again() -> None:
    """A record that could not be brought to an end because a part is away is let go."""

    async def once(self: Delivery, record: Record) -> None:
        try:
            await self._attempt(record)
        except Exception:  # noqa: BLE001 - this is the fault that is put in
            return

    Delivery._deliver = once  # type: ignore[method-assign]


def draining() -> None:
    """End at once when asked to."""

    async def drop_everything(self: _Service) -> None:
        os._exit(0)

    _Service._drain = drop_everything  # type: ignore[method-assign]


def first_writer_wins() -> None:
    """The last writer of a key wins."""

    async def overwrite(self: S3ArtifactStore, key: str, value: bytes) -> bytes:
        await self._call(self._client.put_object, Bucket=self._bucket, Key=key, Body=value)
        return value

    S3ArtifactStore.remember = overwrite  # type: ignore[method-assign]


class EverybodysLeases:
    """Everybody may pay for everything."""

    async def acquire(self, name: str, ttl_s: float) -> Any:
        """A lease that keeps nobody out."""
        return await MemoryLeases(SystemClock()).acquire(name, ttl_s)


GUARDS: dict[str, Callable[[], None]] = {
    "commits behind the work": commits_behind_the_work,
    "trying again": trying_again,
    "draining": draining,
    "first writer wins": first_writer_wins,
}
