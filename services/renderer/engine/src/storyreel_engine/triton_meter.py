"""The engine's counts as Triton custom metrics, beside Triton's own on its metrics port.

Triton's queue and compute times mean nothing for this model, because `execute` returns at once. Its custom metrics are
counters and gauges only, so a distribution of batch sizes is a counter for each size. Every change of one is a message
to the server's process: the device's thread only adds numbers up here, `flush` sends them from the mail's thread.
"""

import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import triton_python_backend_utils as pb_utils

_COUNTERS = {
    "units": ("units_total", "Units done for a job (prepare, pass, checkpoint, decode), by batch size"),
    "seconds": ("device_seconds_total", "Seconds of the device, by tier and phase"),
    "jobs": ("jobs_total", "Jobs ended, by tier and outcome"),
    "begun": ("jobs_begun_total", "Jobs whose first unit began, by tier"),
    "waits": ("wait_seconds_total", "Seconds from submission to a job's first unit, by tier"),
    "wasted": ("wasted_device_seconds_total", "Seconds that led to no result, by tier and outcome"),
}
Labels = tuple[tuple[str, str], ...]


class TritonMeter:
    """Implements `ports.Meter`; all names begin with `storyreel_engine_`."""

    def __init__(self, model: str) -> None:
        self._model = model
        self._lock = threading.Lock()
        self._added: Counter[tuple[str, Labels]] = Counter()
        counter, gauge = pb_utils.MetricFamily.COUNTER, pb_utils.MetricFamily.GAUGE
        # Families and metrics are kept: one that is collected vanishes from the page or refuses to be set.
        self._families = {key: _family(*about, counter) for key, about in _COUNTERS.items()}
        self._gauges = [
            _family("live_jobs", "Jobs resident or waiting", gauge),
            _family("memory_reserved_bytes", "Device memory set aside for open jobs", gauge),
        ]
        self._live, self._memory = (family.Metric(labels={"model": model}) for family in self._gauges)
        self._metrics: dict[tuple[str, Labels], Any] = {}

    def worked(self, tier: str, phase: str, seconds: float, batch: int = 1) -> None:
        """Count one job's part of a unit."""
        self._add("units", 1, tier=tier, phase=phase, batch=batch)
        self._add("seconds", seconds, tier=tier, phase=phase)

    def waited(self, tier: str, seconds: float) -> None:
        """Count a job's begin."""
        self._add("begun", 1, tier=tier)
        self._add("waits", seconds, tier=tier)

    def finished(self, tier: str, outcome: str, wasted: float) -> None:
        """Count one job's end."""
        self._add("jobs", 1, tier=tier, outcome=outcome)
        if wasted > 0:
            self._add("wasted", wasted, tier=tier, outcome=outcome)

    def flush(self, live: Callable[[], tuple[int, int]]) -> None:
        """Send what came together since the last time, and the gauges: open jobs, and bytes set aside for them."""
        with self._lock:
            added, self._added = self._added, Counter()
        for (name, labels), amount in added.items():
            if (name, labels) not in self._metrics:
                self._metrics[name, labels] = self._families[name].Metric(labels={"model": self._model, **dict(labels)})
            self._metrics[name, labels].increment(amount)
        jobs, memory = live()
        self._live.set(jobs)
        self._memory.set(memory)

    def _add(self, name: str, amount: float, **labels: object) -> None:
        key = (name, tuple((label, str(value)) for label, value in labels.items()))
        with self._lock:
            self._added[key] += amount  # type: ignore[assignment] # seconds are counted too


def _family(name: str, description: str, kind: Any) -> Any:
    return pb_utils.MetricFamily(name=f"storyreel_engine_{name}", description=description, kind=kind)
