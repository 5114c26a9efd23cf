"""Charging device time to jobs: measured where the work happens, never estimated."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic

from storyreel_engine.job import Job
from storyreel_engine.ports import Meter, S


@dataclass
class Charge(Generic[S]):
    """Charges the device time of a block to its job, also when the block fails."""

    job: Job[S]
    phase: str
    clock: Callable[[], float]
    meter: Meter
    started: float = 0.0

    def __enter__(self) -> None:
        self.started = self.clock()

    def __exit__(self, *_: object) -> None:
        seconds = self.clock() - self.started
        self.job.device_seconds += seconds
        self.meter.worked(self.job.request.tier, self.phase, seconds)
