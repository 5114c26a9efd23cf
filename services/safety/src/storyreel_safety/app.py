"""Composition root: the only place that builds things. Run as `python -m storyreel_safety`."""

from storyreel_chassis.artifacts import ArtifactStore
from storyreel_chassis.service import parts_of, serve
from storyreel_chassis.work import Lane, Room
from storyreel_contracts.topics import ASSEMBLER_FILMS, RENDERER_SHOTS

from storyreel_safety.adapters.checks import ChildChecks, Limits
from storyreel_safety.adapters.policies import read_policies
from storyreel_safety.domain.decisions import SafetyDecider, SafetyState
from storyreel_safety.domain.ports import Checks, PolicyBook
from storyreel_safety.handlers import Screener
from storyreel_safety.settings import Settings


def main() -> None:
    """Run safety until SIGTERM. Raises at once where a policy file is wrong."""
    settings = Settings()
    parts = parts_of("safety", settings.shared)
    policies = read_policies(settings.policy_dir)
    with ChildChecks(limits_of(settings)) as checks:
        serve(build_room(policies, checks, parts.store, settings.attempts), settings.shared, parts)


def limits_of(settings: Settings) -> Limits:
    """The settings in the words of the checks."""
    return Limits(
        workers=settings.workers,
        words_s=settings.words_limit_s,
        footage_s=settings.footage_limit_s,
        memory_mib=settings.child_memory_mib,
    )


def build_room(policies: PolicyBook, checks: Checks, store: ArtifactStore, attempts: int) -> Room:
    """The room on whatever parts it is given."""
    looking = Lane(concurrency=4, ordered=False)  # takes of one film may be looked at side by side
    return Room(
        name="safety",
        decider=SafetyDecider(),
        state=SafetyState,
        performer=Screener(policies, checks, store, attempts),
        lanes={RENDERER_SHOTS.name: looking, ASSEMBLER_FILMS.name: looking},
    )
