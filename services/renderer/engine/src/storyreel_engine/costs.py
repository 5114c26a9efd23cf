"""What units of work cost on this device, learned from measurement. Pure: no clock, no torch.

The policy asks `pass_seconds` and `best`; the engine tells every measured unit. A size that was never tried is guessed:
between two known sizes on their line, beyond them in proportion, so that a guess never promises that batching pays.
"""

from collections import deque
from dataclasses import dataclass, field
from math import log2
from statistics import median
from typing import Any

WINDOW = 9
"""Measurements that an estimate rests on: its median ignores up to four odd ones."""
FIRM = 2
"""Measurements from which an estimate counts; the first of a size is warm-up (allocation, autotuning) and is forgotten."""
DOUBLING_GAIN = 0.014
"""A batch twice as large must save this part of the time per job; less is noise, and large passes make previews wait."""
_GAIN_EXPONENT = log2(1 + DOUBLING_GAIN)
NEXT_TRY = 5
"""Passes of a key between two tries of sizes that lie between known ones."""
STEADY = 0.002
"""An estimate that moves less than this part changes no answer: they are asked for before every unit."""
UNEQUAL = 1.05
"""A size is worth trying when the known ones around it are so many times apart; between equal ones it can only be equal."""
REVISIT = 400
"""Passes of a key after which a neighbouring size is measured again: a device may become slower or faster."""
SAME_COST = "|"
"""What follows it in a key parts jobs that share no pass though their passes cost the same: nothing is learned twice for it."""


@dataclass
class Estimate:
    """A running median of seconds; `measured_at` is the key's pass count then."""

    count: int = 0
    measured_at: int = 0
    seconds: float = 0.0
    _recent: deque[float] = field(default_factory=lambda: deque(maxlen=WINDOW))

    def add(self, seconds: float) -> None:
        """Take one measurement in; the second replaces the first."""
        if self.count == 1:
            self._recent.clear()
        self._recent.append(seconds)
        self.count += 1
        self.seconds = median(self._recent)


@dataclass
class KeyCosts:
    """One compatibility key: seconds of a pass by batch size, and of the other phases by name."""

    passes: dict[int, Estimate] = field(default_factory=dict)
    phases: dict[str, Estimate] = field(default_factory=dict)
    done: int = 0
    tried_at: int = 0
    _used: dict[int, float] = field(default_factory=dict)
    _seconds: dict[int, float | None] = field(default_factory=dict)
    _best: dict[int, int] = field(default_factory=dict)

    def add(self, batch: int, seconds: float) -> None:
        """Take one measured pass in."""
        self.done += 1
        estimate = self.passes.setdefault(batch, Estimate())
        estimate.add(seconds)
        estimate.measured_at = self.done
        if batch not in self._used or abs(estimate.seconds - self._used[batch]) > STEADY * estimate.seconds:
            self._used = {size: known.seconds for size, known in self.passes.items()}
            self._seconds.clear()
            self._best.clear()

    def seconds(self, batch: int) -> float | None:
        """Seconds of a pass of this size; None before the first pass of any."""
        if batch not in self._seconds:
            self._seconds[batch] = self._guess(batch)
        return self._seconds[batch]

    def best(self, limit: int) -> int:
        """The size with the least score, at most `limit`."""
        if limit not in self._best:
            self._best[limit] = min(range(1, max(1, limit) + 1), key=lambda batch: (self.score(batch), batch))
        return self._best[limit]

    def _guess(self, batch: int) -> float | None:
        known = sorted(self.passes)
        if not known:
            return None
        if batch in self.passes:
            return self._used[batch]
        below, above = [s for s in known if s < batch], [s for s in known if s > batch]
        if not below:
            return self._used[above[0]]
        if not above:
            return self._used[below[-1]] * batch / below[-1]
        low, high = below[-1], above[0]
        part = (batch - low) / (high - low)
        return self._used[low] * (1 - part) + self._used[high] * part

    def score(self, batch: int) -> float:
        """Seconds per job, raised so that twice the batch must save `DOUBLING_GAIN`."""
        return (self.seconds(batch) or 0.0) / batch * float(batch**_GAIN_EXPONENT)

    def is_firm(self, batch: int) -> bool:
        """True when this size was measured often enough to be believed."""
        return batch in self.passes and self.passes[batch].count >= FIRM

    def is_open(self, batch: int) -> bool:
        """True when a size was not measured well, and its neighbours' seconds differ: it may cost anything between them."""
        if self.is_firm(batch):
            return False
        below = max((size for size in self.passes if size < batch), default=0)
        above = min((size for size in self.passes if size > batch), default=0)
        return bool(below and above) and self.passes[above].seconds > UNEQUAL * self.passes[below].seconds


class StepCosts:
    """The table of all keys, and what a preview usually takes from first unit to last."""

    def __init__(self) -> None:
        self._keys: dict[str, KeyCosts] = {}
        self._preview = Estimate()

    def learn_pass(self, key: str, batch: int, seconds: float) -> None:
        """One forward pass of `batch` jobs took so long."""
        self._of(key).add(batch, seconds)

    def learn_phase(self, key: str, phase: str, seconds: float) -> None:
        """A job's whole preparation or decoding took so long."""
        self._of(key).phases.setdefault(phase, Estimate()).add(seconds)

    def learn_preview(self, seconds: float) -> None:
        """A preview rendered alone would have taken so long."""
        self._preview.add(seconds)

    @property
    def preview_seconds(self) -> float | None:
        """What a preview takes by itself; None before the first."""
        return self._preview.seconds if self._preview.count else None

    def pass_seconds(self, key: str, batch: int) -> float | None:
        """Seconds of a pass of this size, guessed where it was never measured; None for a key that is new."""
        costs = self._keys.get(_priced(key))
        return costs.seconds(batch) if costs else None

    def phase_seconds(self, key: str, phase: str) -> float:
        """Seconds of a job's preparation or decoding; 0 before the first."""
        costs = self._keys.get(_priced(key))
        estimate = costs.phases.get(phase) if costs else None
        return estimate.seconds if estimate else 0.0

    def best(self, key: str, limit: int) -> int:
        """The batch size, at most `limit`, with the least seconds per job; a larger one must be worth its length."""
        costs = self._keys.get(_priced(key))
        if costs is None or not costs.passes:
            return 1
        return costs.best(limit)

    def score(self, key: str, batch: int) -> float | None:
        """Seconds per job, a little more for larger batches: the smaller is better; None for a key that is new."""
        costs = self._keys.get(_priced(key))
        return costs.score(batch) if costs and costs.passes else None

    def to_try(self, key: str, limit: int) -> int | None:
        """A size that should be measured now: twice the best at once, unknown ones and old neighbours now and then."""
        costs = self._keys.get(_priced(key))
        if costs is None or not costs.passes or limit < 2:
            return None
        best = self.best(key, limit)
        twice = min(limit, 2 * best)
        if not costs.is_firm(twice):
            return twice
        unknown = [size for size in range(2, twice) if costs.is_open(size)]
        if unknown:
            return unknown[0] if costs.done - costs.tried_at >= NEXT_TRY else None
        old = [s for s in (twice, best // 2) if s in costs.passes and costs.done - costs.passes[s].measured_at >= REVISIT]
        return old[0] if old else None

    def tried(self, key: str) -> None:
        """A size was run for the sake of measuring it."""
        costs = self._keys[_priced(key)]
        costs.tried_at = costs.done

    def to_json(self) -> dict[str, Any]:
        """For operators: seconds by key and batch size, with the number of measurements."""
        return {
            key: {
                "passes": {str(size): {"seconds": e.seconds, "count": e.count} for size, e in sorted(costs.passes.items())},
                **{str(phase): {"seconds": e.seconds, "count": e.count} for phase, e in sorted(costs.phases.items())},
            }
            for key, costs in list(self._keys.items())
        }

    def _of(self, key: str) -> KeyCosts:
        return self._keys.setdefault(_priced(key), KeyCosts())


def _priced(key: str) -> str:
    return key.partition(SAME_COST)[0]
