"""Charging device time to jobs: measured where the work happens, never estimated."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic

from storyreel_engine.job import Job
from storyreel_engine.ports import Meter, S
from storyreel_engine.shares import Shares


@dataclass
class Charge(Generic[S]):
    """Charges the device time of a block to the jobs that it worked for, in equal parts, also when the block fails."""

    jobs: Sequence[Job[S]]
    phase: str
    clock: Callable[[], float]
    meter: Meter
    shares: Shares
    seconds: float = 0.0

    def __enter__(self) -> "Charge[S]":
        self._started = self.clock()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds = self.clock() - self._started
        part = self.seconds / len(self.jobs)
        for job in self.jobs:
            job.device_seconds += part
            self.shares.charge({job.request.share: part})
            self.meter.worked(job.request.tier, self.phase, part, len(self.jobs))
