"""Makes the fakes importable by name."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from gateway_fakes import Studio


@pytest.fixture
def studio() -> Studio:
    """A gateway on twins: HTTP, Kafka intake and read model in one process."""
    return Studio()
