"""Every example of every fact that the planner may read goes through the real room without an error, in any company."""

from pathlib import Path
from typing import Any

import pytest
import storyreel_contracts
from planner_fakes import a_brief
from storyreel_chassis.artifacts import MemoryArtifactStore
from storyreel_chassis.testing import FakeClock, RoomHarness, an_event
from storyreel_contracts import FACTS, FilmRequested
from storyreel_contracts.topics import BY_NAME, topic_for, topics_read_by
from storyreel_planner.app import build_room
from storyreel_planner.settings import Settings

EXAMPLES = Path(storyreel_contracts.__file__).parents[2] / "examples"
READ = sorted({f.TYPE for name in topics_read_by("planner") for f in BY_NAME[name].facts})


def a_room() -> RoomHarness:
    clock = FakeClock()
    return RoomHarness(build_room(Settings(), MemoryArtifactStore(), clock), clock)


def examples_of(type_: str) -> list[Any]:
    committed = [p.read_text() for p in sorted((EXAMPLES / type_).glob("*.json"))]
    assert committed, f"{type_} has no example"
    return [FACTS[type_].model_validate_json(text) for text in committed]


@pytest.mark.parametrize("type_", READ)
async def test_an_example_is_taken_before_and_after_the_film_is_known(type_: str) -> None:
    for fact in examples_of(type_):
        early, late = a_room(), a_room()
        request = FilmRequested(brief=a_brief(), brief_event_id="b", brief_sha256="0" * 64)
        await early.give(an_event(fact, name="x"))
        await late.give(an_event(request, name="first"), an_event(fact, name="x"))
        for said in (*early.publisher.events, *late.publisher.events):
            assert topic_for(said.data, "planner").startswith("planner-")


def test_the_planner_reads_what_the_director_needs() -> None:
    needed = {"film.requested.v1", "plan.cleared.v1", "shot.rendered.v1", "shot.drifted.v1", "film.assembled.v1"}
    assert needed <= set(READ)
