"""The engine's counts as Triton custom metrics, beside Triton's own on its metrics port.

Triton's queue and compute times mean nothing for this model, because `execute` returns at once.
"""

from typing import Any

import triton_python_backend_utils as pb_utils


class TritonMeter:
    """Implements `ports.Meter`: units, device seconds, jobs ended and live jobs, all named `storyreel_engine_*`."""

    def __init__(self, model: str) -> None:
        self._model = model
        counter, gauge = pb_utils.MetricFamily.COUNTER, pb_utils.MetricFamily.GAUGE
        self._units = _family("units_total", "Units of work done (prepare, step, checkpoint, decode)", counter)
        self._seconds = _family("device_seconds_total", "Seconds of the device, by tier and phase", counter)
        self._jobs = _family("jobs_total", "Jobs ended, by tier and outcome", counter)
        # The family is kept too: a metric whose family was collected refuses to be set.
        self._live_family = _family("live_jobs", "Jobs resident or waiting", gauge)
        self._live = self._live_family.Metric(labels={"model": model})
        self._metrics: dict[tuple[Any, ...], Any] = {}

    def worked(self, tier: str, phase: str, seconds: float) -> None:
        """Count one unit and its seconds."""
        labels = {"model": self._model, "tier": str(tier), "phase": phase}
        self._metric(self._units, "units", labels).increment(1)
        self._metric(self._seconds, "seconds", labels).increment(seconds)

    def finished(self, tier: str, outcome: str) -> None:
        """Count one job."""
        labels = {"model": self._model, "tier": str(tier), "outcome": outcome}
        self._metric(self._jobs, "jobs", labels).increment(1)

    def live(self, jobs: int) -> None:
        """Set the gauge."""
        self._live.set(jobs)

    def _metric(self, family: Any, name: str, labels: dict[str, str]) -> Any:
        # A metric vanishes from the page when its handle is collected, so each is kept.
        key = (name, *labels.values())
        if key not in self._metrics:
            self._metrics[key] = family.Metric(labels=labels)
        return self._metrics[key]


def _family(name: str, description: str, kind: Any) -> Any:
    return pb_utils.MetricFamily(name=f"storyreel_engine_{name}", description=description, kind=kind)
