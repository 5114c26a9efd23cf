"""The cut's state machine: plans, cuts, verdicts and ends in any order, any number of times."""

from datetime import UTC, datetime
from itertools import permutations
from typing import Any

import pytest
from assembler_fakes import MODEL, a_plan
from hypothesis import given
from hypothesis import strategies as st
from storyreel_assembler.app import NAME
from storyreel_assembler.domain.decider import AssemblerDecider, State
from storyreel_assembler.domain.work import Assemble, Cut, Dropped, Failed, Publish, Published
from storyreel_chassis.testing import RoomHarness, an_event
from storyreel_chassis.work import Context, Room
from storyreel_contracts import (
    ArtifactRef,
    Brief,
    CutRequested,
    CutShot,
    Event,
    FailureKind,
    FilmAssembled,
    FilmAssemblyFailed,
    FilmCancelled,
    FilmCleared,
    FilmPlanned,
    FilmPublished,
    FilmRequested,
    PolicyRef,
    Provenance,
    Rendition,
    Tier,
)
from storyreel_contracts.decisions import Task

REF = ArtifactRef(uri="s3://b/k", sha256="a" * 64, size=1, media_type="video/mp4")
TRUSTED = Provenance(state="Trusted", issuer="x", signed=[])
CUT, PREVIEW = "c" * 64, "d" * 64
WHEN = datetime(2026, 11, 21, 12, tzinfo=UTC)


class Hands:
    """A performer that has its outcomes ready and writes down what it was asked."""

    def __init__(self, fails: bool = False) -> None:
        self.asked: list[str] = []
        self._fails = fails

    async def perform(self, task: Task, context: Context) -> Any:
        self.asked.append(task.key)
        if isinstance(task.work, Publish):
            return Published(cut_key=CUT, files={"film-16x9.mp4": REF}, provenance=TRUSTED, cost_micros=3)
        if self._fails:
            return Failed(kind=FailureKind.INVALID_INPUT, reason="s01.frames: is 1")
        rendition = Rendition(aspect="16:9", artifact=REF, width=2, height=2, frames=1, fps=24)
        made = {"captions": REF, "timeline": REF, "thumbnail": REF, "segments": [], "takes": {}}
        return Cut(tier=Tier.FINAL, renditions=[rendition], **made)


def room(hands: Hands) -> RoomHarness:
    return RoomHarness(Room(name=NAME, decider=AssemblerDecider(), state=State, performer=hands))


def planned(version: int = 1) -> Event:
    return an_event(FilmPlanned(version=version, plan=a_plan(), plan_sha256="b" * 64))


def requested(key: str = CUT, tier: Tier = Tier.FINAL, version: int = 1) -> Event:
    shots = [CutShot(shot_id="s01", key="e" * 64, artifact=REF, seed=1, model=MODEL)]
    return an_event(CutRequested(version=version, tier=tier, cut_key=key, shots=shots))


def cleared(key: str = CUT, tier: Tier = Tier.FINAL, version: int = 1) -> Event:
    return an_event(FilmCleared(version=version, policy=PolicyRef(id="default", version="1"), tier=tier, cut_key=key))


def cancelled(version: int = 1) -> Event:
    return an_event(FilmCancelled(version=version, reason="changed our mind", requested_by="someone"))


def types(events: list[Event]) -> list[type]:
    return [type(event.data) for event in events]


async def test_a_planned_cut_is_assembled_and_once_cleared_published() -> None:
    hands = Hands()
    given_room = room(hands)
    said = await given_room.give(planned(), requested(), cleared())
    assert types(said) == [FilmAssembled, FilmPublished]
    assert hands.asked == [f"assemble:1:{CUT}", f"publish:1:{CUT}"]


@pytest.mark.parametrize("order", list(permutations(range(3))))
async def test_the_order_of_arrival_does_not_matter(order: tuple[int, ...]) -> None:
    events = [planned(), requested(), cleared()]
    said = await room(Hands()).give(*(events[i] for i in order))
    assert types(said) == [FilmAssembled, FilmPublished]


async def test_hearing_everything_twice_says_everything_once() -> None:
    hands = Hands()
    given_room = room(hands)
    events = [planned(), requested(), cleared()]
    said = await given_room.give(*events, *events)
    assert types(said) == [FilmAssembled, FilmPublished]
    assert len(hands.asked) == 2


async def test_a_cleared_preview_is_not_published() -> None:
    said = await room(Hands()).give(
        planned(), requested(PREVIEW, Tier.PREVIEW), cleared(PREVIEW, Tier.PREVIEW), requested(), cleared()
    )
    assert types(said) == [FilmAssembled, FilmAssembled, FilmPublished]
    assert said[-1].data.cut_key == CUT


@pytest.mark.parametrize("request_first", [True, False])
async def test_a_brief_that_wants_a_preview_gets_its_preview_published(request_first: bool) -> None:
    wanted = an_event(
        FilmRequested(brief=Brief(prompt="A shoe.", duration_s=4, tier="preview"), brief_event_id="b", brief_sha256="b" * 64)
    )
    events = [planned(), requested(PREVIEW, Tier.PREVIEW), cleared(PREVIEW, Tier.PREVIEW)]
    said = await room(Hands()).give(*([wanted, *events] if request_first else [*events, wanted]))
    assert types(said) == [FilmAssembled, FilmPublished]


async def test_a_verdict_on_a_cut_that_was_replaced_publishes_nothing() -> None:
    newer = "f" * 64
    said = await room(Hands()).give(planned(), requested(), requested(newer), cleared(CUT), cleared(newer))
    published = [event.data for event in said if isinstance(event.data, FilmPublished)]
    assert [fact.cut_key for fact in published] == [newer]


async def test_after_a_cancellation_nothing_more_comes_of_that_version() -> None:
    hands = Hands()
    given_room = room(hands)
    assert await given_room.give(cancelled(), planned(), requested(), cleared()) == []
    assert hands.asked == []
    said = await given_room.give(planned(2), requested(version=2), cleared(version=2))
    assert types(said) == [FilmAssembled, FilmPublished]


async def test_a_cut_that_cannot_be_made_is_said_so() -> None:
    said = await room(Hands(fails=True)).give(planned(), requested())
    assert types(said) == [FilmAssemblyFailed]
    assert said[0].data.reason == "s01.frames: is 1"


def test_an_outcome_that_comes_after_the_end_is_dropped() -> None:
    decider, event = AssemblerDecider(), requested()
    work = Assemble(tenant_id="acme", film_id="film", plan=a_plan(), cut=event.data)
    over = State().ending(1, "film.cancelled.v1")
    outcome = Failed(kind=FailureKind.INTERNAL, reason="x")
    assert decider.absorb(over, event, Task(key="k", work=work), outcome).facts == ()
    assert len(decider.absorb(State(), event, Task(key="k", work=work), outcome).facts) == 1
    assert decider.absorb(State(), event, Task(key="k", work=work), Dropped(reason="x")).facts == ()


@given(st.lists(st.sampled_from(["plan", "cut", "clear", "cancel", "other"]), max_size=12))
def test_no_version_is_published_twice_or_after_its_end(script: list[str]) -> None:
    decider, state, ended, published = AssemblerDecider(), State(), False, 0
    events = {"plan": planned(), "cut": requested(), "clear": cleared(), "cancel": cancelled(), "other": requested("9" * 64)}
    for name in script:
        decision = decider.decide(state, events[name])
        state = decision.state
        assert not (ended and decision.tasks)
        for task in decision.tasks:
            outcome: Any = Published(cut_key=CUT, files={}, provenance=TRUSTED, cost_micros=0)
            if isinstance(task.work, Assemble):
                outcome = Cut(
                    tier=Tier.FINAL,
                    renditions=[Rendition(aspect="16:9", artifact=REF, width=2, height=2, frames=1, fps=24)],
                    segments=[], captions=REF, timeline=REF, thumbnail=REF, takes={},
                )  # fmt: skip
            more = decider.absorb(state, events[name], task, outcome)
            state = more.state
            published += sum(isinstance(fact.data, FilmPublished) for fact in more.facts)
        ended = ended or name == "cancel" or published > 0
    assert published <= 1
