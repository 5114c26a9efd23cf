"""OpenTelemetry context travels in the `traceparent` header: a fact continues the trace of its cause.

Spans leave the process when an operator installs an exporter and sets OTEL_EXPORTER_OTLP_ENDPOINT; ids travel always.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

_propagator = TraceContextTextMapPropagator()


def configure(service: str) -> None:
    """Name this process in its spans."""
    trace.set_tracer_provider(TracerProvider(resource=Resource.create({"service.name": f"storyreel-{service}"})))


@contextmanager
def span(name: str, traceparent: str, **attributes: str) -> Iterator[str]:
    """Run inside a span that continues `traceparent`; yields the traceparent for what follows from it."""
    parent = _propagator.extract({"traceparent": traceparent}) if traceparent else None
    with trace.get_tracer("storyreel").start_as_current_span(name, context=parent, attributes=attributes):
        carrier: dict[str, str] = {}
        _propagator.inject(carrier)
        yield carrier.get("traceparent", "")
