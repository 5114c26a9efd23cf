"""Composition root: the only place that builds things. Run as `python -m storyreel_continuity`."""

from storyreel_chassis.artifacts import ArtifactStore
from storyreel_chassis.service import parts_of, serve
from storyreel_chassis.work import Lane, Room
from storyreel_contracts.topics import RENDERER_SHOTS

from storyreel_continuity.adapters.measuring import ChildMeasuring
from storyreel_continuity.adapters.thresholds import read_thresholds
from storyreel_continuity.domain.decisions import ContinuityDecider, ContinuityState
from storyreel_continuity.domain.ports import Measuring
from storyreel_continuity.domain.thresholds import Thresholds
from storyreel_continuity.handlers import Measurer
from storyreel_continuity.settings import Settings


def main() -> None:
    """Run continuity until SIGTERM. Raises at once where the thresholds are wrong."""
    settings = Settings()
    parts = parts_of("continuity", settings.shared)
    thresholds = read_thresholds(settings.thresholds)
    with ChildMeasuring(settings.workers, settings.limit_s, settings.child_memory_mib) as measuring:
        serve(build_room(thresholds, measuring, parts.store, settings.attempts), settings.shared, parts)


def build_room(thresholds: Thresholds, measuring: Measuring, store: ArtifactStore, attempts: int) -> Room:
    """The room on whatever parts it is given."""
    return Room(
        name="continuity",
        decider=ContinuityDecider(thresholds),
        state=ContinuityState,
        performer=Measurer(measuring, store, attempts),
        lanes={RENDERER_SHOTS.name: Lane(concurrency=4, ordered=False)},  # takes of one film are measured side by side
    )
