"""Safety's test house. `fakes.py` is loaded under a name of its own: every room has one, and one run may hold them all."""

import sys
from collections.abc import Iterator
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest
from storyreel_safety.adapters.checks import ChildChecks, Limits
from storyreel_safety.adapters.policies import FilePolicies, read_policies
from storyreel_safety.domain.policy import Policy

_spec = spec_from_file_location("safety_fakes", Path(__file__).parent / "fakes.py")
assert _spec is not None
assert _spec.loader is not None
_fakes = module_from_spec(_spec)
sys.modules["safety_fakes"] = _fakes
_spec.loader.exec_module(_fakes)


@pytest.fixture(scope="session")
def policies() -> FilePolicies:
    return read_policies(None)


@pytest.fixture(scope="session")
def policy(policies: FilePolicies) -> Policy:
    return policies.policy("default", "general")


@pytest.fixture(scope="session")
def checks() -> Iterator[ChildChecks]:
    """The real checks, in child processes."""
    with ChildChecks(Limits(workers=1, words_s=20, footage_s=60)) as made:
        yield made
