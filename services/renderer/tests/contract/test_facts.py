"""The contract's own examples: whatever may stand on this room's topics is taken in, and what it says is of the contract."""

from pathlib import Path
from typing import Any

import pytest
import storyreel_contracts
from storyreel_chassis.testing import RoomHarness, an_event
from storyreel_chassis.work import Context, Room
from storyreel_contracts import FACTS, Fact, FailureKind, ShotRequested, decode
from storyreel_contracts.decisions import Task
from storyreel_contracts.topics import CATALOGUE, RENDERER_SHOTS
from storyreel_renderer.domain.decisions import RendererDecider, RendererState, RenderShot
from storyreel_renderer.domain.takes import Dropped, Lost, Outcome, Taken

EXAMPLES = Path(storyreel_contracts.__file__).parents[2] / "examples"
READ = sorted({fact.TYPE for topic in CATALOGUE if "renderer" in topic.readers for fact in topic.facts})
FILES = [path for type_ in READ for path in sorted((EXAMPLES / type_).glob("*.json"))]


def example(path: Path) -> Fact:
    return FACTS[path.parent.name].model_validate_json(path.read_text())


class Says:
    """A performer with one answer to everything."""

    def __init__(self, outcome: Outcome) -> None:
        self._outcome = outcome

    async def perform(self, task: Task, context: Context) -> Any:
        return self._outcome if isinstance(task.work, RenderShot) else None


def a_room(outcome: Outcome) -> RoomHarness:
    return RoomHarness(Room(name="renderer", decider=RendererDecider(), state=RendererState, performer=Says(outcome)))


def test_there_are_examples_of_everything_that_this_room_reads() -> None:
    assert {path.parent.name for path in FILES} == set(READ)


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
async def test_an_example_is_taken_in_and_answered_with_a_fact_of_this_room(path: Path) -> None:
    fact = example(path)
    room = a_room(Lost(kind=FailureKind.CAPACITY, reason="nobody renders here"))
    said = await room.give(an_event(fact))
    assert [e.envelope.type for e in said] == (["shot.render-failed.v1"] if isinstance(fact, ShotRequested) else [])


@pytest.mark.parametrize(
    "outcome", [Lost(kind=FailureKind.MODEL_FAULT, reason="not finite", device_seconds=1.5), Dropped(reason="ended")]
)
async def test_what_is_said_survives_the_wire_on_the_rooms_own_topic(outcome: Outcome) -> None:
    request = example(EXAMPLES / "shot.requested.v1" / "typical.json")
    room = a_room(outcome)
    said = await room.give(an_event(request))
    records = [
        decode(list(headers.items()), value)
        for topic, _, value, headers in room.publisher.records
        if topic == RENDERER_SHOTS.name
    ]
    assert [e.data for e in records] == [e.data for e in said]
    assert len(said) == isinstance(outcome, Lost)


async def test_a_take_becomes_the_contracts_fact() -> None:
    request = example(EXAMPLES / "shot.requested.v1" / "typical.json")
    rendered = example(EXAMPLES / "shot.rendered.v1" / "typical.json")
    taken = Taken.model_validate(rendered.model_dump() | {"paid_by": "someone", "token": 1})
    (said,) = await a_room(taken).give(an_event(request))
    assert said.data.model_dump(include={"artifact", "seed", "model"}) == rendered.model_dump(
        include={"artifact", "seed", "model"}
    )
