"""The virtual device: sleeps as long as a cost table says and writes down what it did. Uses no CPU and no memory.

Called by `virtual.VirtualPipeline` and by the baselines of tests/bench/engine, so that every side of a bench works on the
same device. What the device was busy with is read from its ledger, never from the scheduler that is being judged.
"""

import json
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

_FORGIVEN_SECONDS = 0.005  # more lateness than this is the host's, not the timer's
_BACK_TO_BACK_SECONDS = 0.005


@dataclass(frozen=True)
class CostTable:
    """Seconds of one forward pass by batch size: `step_seconds` times the factor of the batch.

    Between two known sizes the factor is interpolated; beyond the last one it goes on with the last slope, and a table
    with one size only is linear.
    """

    step_seconds: float
    factors: Mapping[int, float] = field(default_factory=lambda: {1: 1.0})

    def seconds(self, batch: int) -> float:
        """Seconds of a pass of so many jobs."""
        return self.step_seconds * self._factor(batch)

    def best_share(self, most: int) -> float:
        """Fewest seconds that one pass of one job can cost in a batch of at most `most`: the packed bound's unit."""
        return min(self.seconds(batch) / batch for batch in range(1, most + 1))

    def _factor(self, batch: int) -> float:
        sizes = sorted({0: 0.0} | dict(self.factors))
        factors = [self.factors.get(size, 0.0) for size in sizes]
        slope = (factors[-1] - factors[-2]) / (sizes[-1] - sizes[-2])
        return float(np.interp(batch, sizes, factors)) + slope * max(0, batch - sizes[-1])


@dataclass(frozen=True)
class Unit:
    """One ledger entry: a unit of `kind` for these jobs, each at its step, from `start` to `end` on the device's clock.

    `woke` is when the host heard of its end; None for a unit that was cut off by the death of the process.
    """

    kind: str
    start: float
    end: float
    jobs: tuple[str, ...]
    steps: tuple[int, ...]
    pid: int
    woke: float | None = None

    @property
    def seconds(self) -> float:
        """How long the device was busy with it."""
        return self.end - self.start


class VirtualDevice:
    """One device: one unit at a time, whoever asks. Clock and sleep can be replaced, to simulate hours in seconds.

    A sleeping host wakes up late, a waiting one does not: lateness up to 5 ms is taken off the next unit if that follows
    at once, so that timers of a busy machine do not add up. What the host does between two units is never taken off.
    """

    def __init__(
        self,
        ledger: Path | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._lock = threading.Lock()
        self._file = None if ledger is None else os.open(ledger, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        self._number = 0
        self._woke = self._late = 0.0

    def work(self, kind: str, seconds: float, jobs: Sequence[str], steps: Sequence[int]) -> None:
        """Be busy for so many seconds; `steps` names the step that each job reaches with this unit."""
        with self._lock:
            now = self._clock()
            start = now - (min(self._late, _FORGIVEN_SECONDS) if now - self._woke <= _BACK_TO_BACK_SECONDS else 0.0)
            end = start + seconds
            self._number += 1
            self._write({"kind": kind, "start": start, "end": end, "jobs": list(jobs), "steps": list(steps)})
            while (left := end - self._clock()) > 0:
                self._sleep(left)
            self._write({"woke": self._clock()})
            self._woke = self._clock()
            self._late = self._woke - end  # our own bookkeeping included

    def _write(self, line: dict[str, object]) -> None:
        # One append, never buffered: what was begun is on record even if the process is killed in the middle.
        if self._file is not None:
            os.write(self._file, json.dumps({"pid": os.getpid(), "unit": self._number, **line}).encode() + b"\n")


def read_ledger(ledger: Path, *, since: float = 0.0) -> list[Unit]:
    """Every unit that began at or after `since`, in order of its start."""
    begun: dict[tuple[int, int], dict[str, object]] = {}
    for line in ledger.read_text().splitlines() if ledger.exists() else []:
        entry = json.loads(line)
        begun.setdefault((entry["pid"], entry["unit"]), {}).update(entry)
    units = [_unit(entry) for entry in begun.values()]
    return sorted((unit for unit in units if unit.start >= since), key=lambda unit: unit.start)


def _unit(entry: dict[str, object]) -> Unit:
    values = {name: value for name, value in entry.items() if name != "unit"}
    return Unit(**{**values, "jobs": tuple(entry["jobs"]), "steps": tuple(entry["steps"])})  # type: ignore[arg-type]  # our own lines
