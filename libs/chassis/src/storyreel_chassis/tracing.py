"""OpenTelemetry context travels in the `traceparent` header: a fact continues the trace of its cause.

Ids travel always. Spans are recorded, and leave the process, only where an operator has installed an exporter and set
OTEL_EXPORTER_OTLP_ENDPOINT: recording them for nobody cost a fifth of an event's CPU.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ALWAYS_ON
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

_propagator = TraceContextTextMapPropagator()
_tracer = trace.get_tracer("storyreel")  # a proxy until `configure`, then the process's own


def configure(service: str) -> None:
    """Name this process in its spans."""
    sampler = ALWAYS_ON if os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT") else ALWAYS_OFF
    named = Resource.create({"service.name": f"storyreel-{service}"})
    trace.set_tracer_provider(TracerProvider(resource=named, sampler=sampler))


@contextmanager
def span(name: str, traceparent: str, **attributes: str) -> Iterator[str]:
    """Run inside a span that continues `traceparent`; yields the traceparent for what follows from it."""
    parent = _propagator.extract({"traceparent": traceparent}) if traceparent else None
    with _tracer.start_as_current_span(name, context=parent, attributes=attributes):
        carrier: dict[str, str] = {}
        _propagator.inject(carrier)
        yield carrier.get("traceparent", "")
