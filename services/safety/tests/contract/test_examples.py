"""Every example of every fact that this room reads is handled, alone and after its film is known."""

from pathlib import Path

import pytest
from safety_fakes import FakeChecks, a_request
from storyreel_chassis.artifacts import MemoryArtifactStore
from storyreel_chassis.testing import RoomHarness, an_event
from storyreel_contracts import FACTS, Event
from storyreel_contracts.topics import BY_NAME, topics_read_by
from storyreel_safety.adapters.policies import FilePolicies
from storyreel_safety.app import build_room

EXAMPLES = Path(__file__).parents[4] / "libs/contracts/examples"
READ = sorted({type_ for topic in topics_read_by("safety") for type_ in BY_NAME[topic].types})
FILES = [path for type_ in READ for path in sorted((EXAMPLES / type_).glob("*.json"))]


def example(path: Path) -> Event:
    return an_event(FACTS[path.parent.name].model_validate_json(path.read_bytes()))


def test_there_are_examples_of_all_that_is_read() -> None:
    assert {path.parent.name for path in FILES} == set(READ)


@pytest.mark.parametrize("path", FILES, ids=lambda p: f"{p.parent.name}-{p.stem}")
@pytest.mark.parametrize("known", [False, True])
async def test_an_example_is_handled(path: Path, known: bool, policies: FilePolicies) -> None:
    harness = RoomHarness(build_room(policies, FakeChecks(), MemoryArtifactStore(), attempts=1))
    if known:
        await harness.give(an_event(a_request()))
    event = example(path)
    await harness.give(event, event)
    assert all(e.envelope.cause_id for e in harness.publisher.events)
