"""A fact continues the trace of its cause, whether spans are recorded or not."""

import subprocess
import sys

import pytest

SCRIPT = """
from storyreel_chassis import tracing
tracing.configure("test")
with tracing.span("first", "") as first:
    with tracing.span("second", first) as second:
        print(first, second)
"""


@pytest.mark.parametrize(("endpoint", "sampled"), [("", 0), ("http://127.0.0.1:1", 1)])
def test_a_trace_begins_by_itself_and_goes_on(endpoint: str, sampled: int) -> None:
    env = {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint}
    done = subprocess.run([sys.executable, "-c", SCRIPT], env=env, capture_output=True, text=True, check=True)
    first, second = done.stdout.split()
    assert first.split("-")[1] == second.split("-")[1]
    assert first.split("-")[2] != second.split("-")[2]
    assert int(first.split("-")[3], 16) & 1 == sampled
