"""What becomes of a job that goes wrong: named for good, tried again, or given up after the last attempt."""

from typing import Any

import pytest
from assembler_fakes import MODEL, a_plan
from storyreel_assembler.adapters.narration import VoiceDown
from storyreel_assembler.domain.decider import State
from storyreel_assembler.domain.film import Unbuildable
from storyreel_assembler.domain.ports import StillWanted
from storyreel_assembler.domain.work import Assemble, Dropped, Failed, Publish
from storyreel_assembler.handlers import LAST_ATTEMPT, Jobs
from storyreel_chassis.errors import Permanent, Transient
from storyreel_contracts import ArtifactRef, CutRequested, CutShot, Event, FailureKind, Tier
from storyreel_contracts.decisions import NewFact, Task

REF = ArtifactRef(uri="s3://b/k", sha256="a" * 64, size=1, media_type="video/mp4")
SHOT = CutShot(shot_id="s01", key="e" * 64, artifact=REF, seed=1, model=MODEL)
CUT = CutRequested(version=1, tier=Tier.FINAL, cut_key="c" * 64, shots=[SHOT])
ASSEMBLE = Task(key="assemble", work=Assemble(tenant_id="acme", film_id="f", plan=a_plan(), cut=CUT))
PUBLISH = Task(key="publish", work=Publish(tenant_id="acme", film_id="f", plan=a_plan(), cut=CUT))


class Broken:
    """A cutting room and a press that raise what they were given."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def cut(self, work: Assemble, wanted: StillWanted) -> Any:
        raise self._error

    async def publish(self, work: Publish) -> Any:
        raise self._error


class Talk:
    """A context at a given attempt, over a given state."""

    def __init__(self, attempt: int = 1, state: State | None = None) -> None:
        self.attempt = attempt
        self._state = state or State()

    @property
    def event(self) -> Event:
        raise AssertionError("the jobs do not look at the event")

    async def say(self, fact: NewFact) -> None:
        raise AssertionError("the jobs say nothing on the way")

    async def state(self) -> State:
        return self._state


def jobs(error: Exception) -> Jobs:
    return Jobs(Broken(error), Broken(error))


@pytest.mark.parametrize("task", [ASSEMBLE, PUBLISH])
async def test_what_cannot_be_built_is_an_outcome_at_once(task: Task) -> None:
    outcome = await jobs(Unbuildable("s01.frames: is 1")).perform(task, Talk())
    assert outcome == Failed(kind=FailureKind.INVALID_INPUT, reason="s01.frames: is 1")


@pytest.mark.parametrize("error", [Transient(FailureKind.DEPENDENCY_DOWN, "away"), VoiceDown("hung"), OSError("disk")])
async def test_what_may_succeed_later_is_raised_until_the_last_attempt_and_then_told(error: Exception) -> None:
    for attempt in range(1, LAST_ATTEMPT):
        with pytest.raises(type(error)):
            await jobs(error).perform(ASSEMBLE, Talk(attempt))
    outcome = await jobs(error).perform(ASSEMBLE, Talk(LAST_ATTEMPT))
    assert isinstance(outcome, Failed)


async def test_what_will_never_succeed_is_told_at_the_first_attempt() -> None:
    outcome = await jobs(Permanent(FailureKind.CONTRACT_VIOLATION, "wrong bytes")).perform(ASSEMBLE, Talk())
    assert outcome == Failed(kind=FailureKind.CONTRACT_VIOLATION, reason="wrong bytes")


async def test_a_version_that_ended_is_not_begun() -> None:
    over = State().ending(1, "film.cancelled.v1")
    assert isinstance(await jobs(AssertionError("began")).perform(ASSEMBLE, Talk(state=over)), Dropped)


async def test_a_job_of_another_room_is_refused() -> None:
    with pytest.raises(Permanent, match="no such job"):
        await jobs(AssertionError()).perform(Task(key="render", work=CUT), Talk())
