"""The null engine keeps the port's whole promise."""

import pytest
from engine_conformance import EngineConformance
from storyreel_chassis.clock import SystemClock
from storyreel_renderer.adapters.null_engine import NullEngine
from storyreel_renderer.cards import null_card


class TestNullEngine(EngineConformance):
    """The conformance suite on the null engine."""

    @pytest.fixture
    def engine(self) -> NullEngine:
        return NullEngine(null_card(), SystemClock())
