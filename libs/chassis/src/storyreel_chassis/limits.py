"""The dead-letter limit: a topic whose records die one after the other is stopped, not poured into the dead letters.

Counted per topic in this process and in memory, so a restart begins anew. What is stopped stays where it is: unread, or in
flight and not done, so its offset is never committed.
"""

import asyncio
import logging
from collections import Counter
from dataclasses import dataclass
from typing import NamedTuple

from storyreel_chassis import metrics
from storyreel_chassis.clock import Clock
from storyreel_chassis.work import Record

log = logging.getLogger(__name__)
Place = tuple[str, int, int]


@dataclass(frozen=True, kw_only=True)
class Bound:
    """At most `dead` of the last `records` records of a topic may die within `seconds`."""

    dead: int
    records: int
    seconds: float

    def __post_init__(self) -> None:
        """Refuse a bound that nothing could break."""
        if not 0 < self.dead < self.records:
            raise ValueError(f"a dead-letter limit of {self.dead} in the last {self.records} records can never be exceeded")


class _Death(NamedTuple):
    at: float
    begun: int  # how many records of the topic had been begun by then


class DeadLetterLimit:
    """Told when a record is begun and when it has come to its end; asked before every letter.

    Records are counted as they are begun, not as they end: while a part is away the good ones wait and only the bad ones end.
    """

    def __init__(self, bound: Bound, clock: Clock) -> None:
        self._bound, self._clock = bound, clock
        self._begun: Counter[str] = Counter()
        self._dying: set[Place] = set()
        self._deaths: dict[str, list[_Death]] = {}
        self.stopped: set[str] = set()

    def begin(self, record: Record) -> None:
        """A record is being worked on."""
        self._begun[record.topic] += 1

    def end(self, record: Record) -> None:
        """It came to its end, or its work was cancelled."""
        self._dying.discard(_place(record))

    async def admit(self, record: Record) -> None:
        """Return if a record at hand may become a dead letter; else stop its topic and wait until the process ends."""
        if record.topic not in self.stopped and not self._room_for(record):
            self._stop(record.topic)
        if record.topic in self.stopped:
            await asyncio.Event().wait()

    async def check(self) -> str:
        """Which topics are stopped and why, or ''."""
        if not self.stopped:
            return ""
        bound = f"more than {self._bound.dead} of the last {self._bound.records} records died"
        return f"stopped {', '.join(sorted(self.stopped))}: {bound}; mend the cause and restart"

    def _room_for(self, record: Record) -> bool:
        """Whether the bound has room. A record that is tried again because its letter could not be written counts once."""
        if _place(record) in self._dying:
            return True
        deaths, now = self._deaths.get(record.topic, []), self._clock.monotonic()
        first = self._begun[record.topic] - self._bound.records
        recent = [d for d in deaths if d.at >= now - self._bound.seconds and d.begun > first]
        if len(recent) >= self._bound.dead:
            return False
        self._dying.add(_place(record))
        self._deaths[record.topic] = [*recent, _Death(now, self._begun[record.topic])]
        return True

    def _stop(self, topic: str) -> None:
        self.stopped.add(topic)
        metrics.STOPPED.labels(topic).set(1)
        log.critical(
            "stopped taking %s: %d of its last %d records died within %g s; nothing is lost, lag grows until a restart",
            topic, self._bound.dead, self._bound.records, self._bound.seconds,
        )  # fmt: skip


def _place(record: Record) -> Place:
    return record.topic, record.partition, record.offset
