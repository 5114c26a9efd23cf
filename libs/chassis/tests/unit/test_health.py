"""What /livez must see: a loop that stands still, a part that died in a process that otherwise looks well."""

import asyncio

from starlette.testclient import TestClient
from storyreel_chassis import health
from storyreel_chassis.testing import FakeClock


def answer(*checks: health.Check) -> tuple[int, list[str]]:
    app = health.ops_app("chassis", checks, [])
    got = TestClient(app).get("/livez")
    return got.status_code, got.json()["problems"]


async def test_a_background_part_that_died_or_ended_is_named_and_a_running_one_is_not() -> None:
    async def commits() -> None:
        raise ValueError("broken")

    async def timers() -> None:
        await asyncio.Event().wait()

    tasks = [asyncio.create_task(commits()), asyncio.create_task(timers())]
    await asyncio.wait(tasks[:1])
    assert "commits" in await health.whole(tasks)
    assert await health.whole(tasks[1:]) == ""
    tasks[1].cancel()
    tasks[0].exception()


async def test_a_loop_that_stood_still_is_dead() -> None:
    clock = FakeClock()
    watch = health.LoopWatch(clock)
    assert await watch.check() == ""
    clock.advance(31)
    assert "stood still for 31 s" in await watch.check()


def test_a_problem_is_a_503_with_its_words_and_none_is_a_200() -> None:
    async def wrong() -> str:
        return "no commit was accepted"

    async def well() -> str:
        return ""

    assert answer(wrong, well) == (503, ["no commit was accepted"])
    assert answer(well) == (200, [])
