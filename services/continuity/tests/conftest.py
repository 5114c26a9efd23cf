"""Continuity's test house. `fakes.py` is loaded under a name of its own: every room has one, and one run may hold them all."""

import sys
from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest
from storyreel_continuity.adapters.measuring import ChildMeasuring
from storyreel_continuity.adapters.thresholds import read_thresholds
from storyreel_continuity.domain.thresholds import Thresholds

_spec = spec_from_file_location("continuity_fakes", Path(__file__).parent / "fakes.py")
assert _spec is not None
assert _spec.loader is not None
_fakes = module_from_spec(_spec)
sys.modules["continuity_fakes"] = _fakes
_spec.loader.exec_module(_fakes)


@pytest.fixture(scope="session")
def limits() -> Thresholds:
    return read_thresholds(None)


@pytest.fixture(scope="session")
def measuring() -> Iterator[ChildMeasuring]:
    """The real thing, in child processes."""
    with ChildMeasuring(1, 60, 4096) as made:
        yield made
