"""The contract's own examples: whatever may stand on this room's topics is read, held or ignored, and never crashes it."""

from pathlib import Path
from typing import Any

import pytest
import storyreel_contracts
from storyreel_assembler.app import NAME
from storyreel_assembler.domain.decider import AssemblerDecider, State
from storyreel_assembler.domain.layout import lay_out
from storyreel_assembler.domain.reading import film_of
from storyreel_assembler.domain.work import Failed
from storyreel_chassis.testing import RoomHarness, an_event
from storyreel_chassis.work import Context, Room
from storyreel_contracts import FACTS, Fact, FailureKind, FilmPlanned
from storyreel_contracts.decisions import Task
from storyreel_contracts.topics import CATALOGUE

EXAMPLES = Path(storyreel_contracts.__file__).parents[2] / "examples"
READ = sorted({fact.TYPE for topic in CATALOGUE if NAME in topic.readers for fact in topic.facts})
FILES = [path for type_ in READ for path in sorted((EXAMPLES / type_).glob("*.json"))]


class NoCuts:
    """A performer that can make nothing."""

    async def perform(self, task: Task, context: Context) -> Any:
        return Failed(kind=FailureKind.INVALID_INPUT, reason="this room has no scissors")


def example(path: Path) -> Fact:
    return FACTS[path.parent.name].model_validate_json(path.read_text())


def test_there_are_examples_of_everything_that_this_room_reads() -> None:
    assert {path.parent.name for path in FILES} == set(READ)


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
async def test_an_example_is_taken_in_on_its_own_and_after_its_plan(path: Path) -> None:
    fact, plan = example(path), example(EXAMPLES / "film.planned.v1" / "typical.json")
    for before in ([], [an_event(plan)]):
        room = RoomHarness(Room(name=NAME, decider=AssemblerDecider(), state=State, performer=NoCuts()))
        said = await room.give(*before, an_event(fact))
        assert {event.envelope.type for event in said} <= {"film.assembly-failed.v1"}


@pytest.mark.parametrize("name", ["typical", "minimal"])
def test_the_plans_of_the_contract_can_be_laid_out(name: str) -> None:
    fact = FilmPlanned.model_validate_json((EXAMPLES / "film.planned.v1" / f"{name}.json").read_text())
    assert lay_out(film_of(fact.plan)).total == fact.plan.frames
