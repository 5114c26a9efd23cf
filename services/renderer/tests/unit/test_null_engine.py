"""The null engine keeps the port's whole promise."""

import pytest
from engine_conformance import EngineConformance
from storyreel_chassis.clock import SystemClock
from storyreel_renderer.adapters.null_engine import NullEngine
from storyreel_renderer.cards import null_card
from storyreel_renderer.domain.ports import ServerCard


class TestNullEngine(EngineConformance):
    """The conformance suite on the null engine."""

    @pytest.fixture
    def engine(self) -> NullEngine:
        return NullEngine(null_card(), SystemClock())


class TestAnAbleNullEngine(EngineConformance):
    """The same, for a card with windows and first frames."""

    @pytest.fixture
    def engine(self) -> NullEngine:
        able = {"first_frame": "optional", "window_overlap": 3, "max_frames": 17, "draft_steps": 3}
        return NullEngine(ServerCard.model_validate(null_card().model_dump() | able), SystemClock())
