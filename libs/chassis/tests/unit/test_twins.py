"""The in-memory twins keep the promises of the real parts."""

import pytest
from stores import ArtifactStorePromises, FoldStorePromises, LeasePromises
from storyreel_chassis.artifacts import MemoryArtifactStore
from storyreel_chassis.folds import MemoryFoldStore
from storyreel_chassis.leases import MemoryLeases
from storyreel_chassis.testing import FakeClock


class TestMemoryFolds(FoldStorePromises):
    @pytest.fixture
    def folds(self) -> MemoryFoldStore:
        return MemoryFoldStore()


class TestMemoryArtifacts(ArtifactStorePromises):
    @pytest.fixture
    def store(self) -> MemoryArtifactStore:
        return MemoryArtifactStore()


class TestMemoryLeases(LeasePromises):
    @pytest.fixture
    def clock(self) -> FakeClock:
        return FakeClock()

    @pytest.fixture
    def leases(self, clock: FakeClock) -> MemoryLeases:
        return MemoryLeases(clock)

    @pytest.fixture
    def pass_time(self, clock: FakeClock) -> object:
        return clock.sleep
