"""The short version of `make chaos`: one stack, every service killed once under load, and a control that must be caught."""

from collections.abc import AsyncIterator, Iterator

import pytest
from chaos import readers
from chapter import Reached, Run
from controls import without_done_marks
from history import repeated
from outside import Bucket, Eyes
from stage import Stage
from storyreel_local.errors import TroubleError
from storyreel_local.parts.service import NAMES
from storyreel_local.testing import unavailable

pytestmark = [pytest.mark.connected, pytest.mark.slow, pytest.mark.timeout(600)]
FILMS = 2


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    there = Stage(tmp_path_factory.mktemp("chaos"))
    try:
        there.stack.up()
    except TroubleError as trouble:
        there.down()
        if "died" in str(trouble) or "ready" in str(trouble):
            raise
        unavailable("kafka", str(trouble))
    yield there
    there.down()


@pytest.fixture
async def run(stage: Stage) -> AsyncIterator[Run]:
    async with Eyes(stage.endpoints["kafka"]["bootstrap_servers"]).open() as eyes:
        yield Run(stage, eyes, Bucket(stage.endpoints["s3"]))


async def test_films_come_out_once_and_whole_although_every_service_is_killed(run: Run) -> None:
    into, chapter = Reached("short", ""), run.chapter()
    await chapter.pour.films_of(FILMS, FILMS)
    for name in NAMES:
        run.stage.bounce(name)
    history = await chapter.close(into)
    assert into.violations == []
    assert into.figures["published"] == FILMS
    assert repeated(history).made > 0
    assert (await readers(run)).violations == []


async def test_control_work_that_was_committed_before_it_was_done_is_missed_by_the_checker(run: Run) -> None:
    assert (await without_done_marks(run, films=2, silence_s=8)).startswith("yes: one_end")
