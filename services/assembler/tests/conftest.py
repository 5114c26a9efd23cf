"""The assembler's test house: one workshop of real processes, the store's twin, a cut made once per session.

`fakes.py` is loaded under a name of its own, because every room has a `fakes.py` and one run may hold them all.
"""

import sys
from collections.abc import AsyncIterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest
from storyreel_assembler.adapters.workshop import Workshop

_spec = spec_from_file_location("assembler_fakes", Path(__file__).parent / "fakes.py")
assert _spec is not None
assert _spec.loader is not None
_fakes = module_from_spec(_spec)
sys.modules["assembler_fakes"] = _fakes
_spec.loader.exec_module(_fakes)


@pytest.fixture
async def workshop() -> AsyncIterator[Workshop]:
    """Two worker processes, started on first use."""
    async with Workshop(2) as shop:
        yield shop
