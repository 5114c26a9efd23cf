"""Killing any one service in the middle of a film, and starting it again, still gives exactly one film."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import started
from storyreel_local.parts.service import NAMES
from storyreel_local.stack import Stack
from studio import Studio, demo_brief, distinct, ends

pytestmark = [pytest.mark.connected, pytest.mark.slow]
MIDDLE = {  # the fact after which a service has work at hand
    "gateway": "film.requested.v1", "planner": "shot.requested.v1", "renderer": "shot.requested.v1",
    "safety": "shot.rendered.v1", "continuity": "shot.rendered.v1", "assembler": "cut.requested.v1",
}  # fmt: skip


@pytest.mark.parametrize("service", NAMES)
async def test_a_service_killed_in_the_middle_and_started_again_gives_one_film(stack: Stack, service: str) -> None:
    studio = Studio(stack.endpoints)
    film_id = await studio.submit(demo_brief(prompt=f"a red sneaker, {service} falls over"))
    await studio.until(lambda seen: any(s.type == MIDDLE[service] for s in seen), film_id)
    stack.kill(service)
    stack.up()
    seen = await studio.ended(film_id)
    assert [e.type for e in ends(seen)] == ["film.published.v1"]
    paid = [s.data["key"] for s in distinct(seen, "shot.rendered.v1") if not s.data["reused"]]
    assert len(paid) == len(set(paid)), "no take was paid twice"


@pytest.fixture(params=[2, 3])
def replicated(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Stack]:
    up = started(tmp_path, replicas=request.param)
    yield up
    up.down()


async def test_replicas_share_the_work_and_make_each_film_once(replicated: Stack) -> None:
    studio = Studio(replicated.endpoints)
    films = [await studio.submit(demo_brief(prompt=f"film number {n}", tier="preview")) for n in range(3)]
    for film_id in films:
        seen = await studio.ended(film_id, seconds=400)
        assert [e.type for e in ends(seen)] == ["film.published.v1"]
        paid = [s.data["key"] for s in distinct(seen, "shot.rendered.v1") if not s.data["reused"]]
        assert len(paid) == len(set(paid))


def test_a_stack_that_is_stopped_and_started_again_finishes_its_films(tmp_path: Path) -> None:
    stack = started(tmp_path)  # not in an event loop: starting and stopping a whole stack runs loops of its own

    async def begin() -> str:
        studio = Studio(stack.endpoints)
        film_id = await studio.submit(demo_brief(tier="preview"))
        await studio.until(lambda seen: any(s.type == "shot.requested.v1" for s in seen), film_id)
        return film_id

    try:
        film_id = asyncio.run(begin())
        stack.down()
        stack.up()
        seen = asyncio.run(Studio(stack.endpoints).ended(film_id))
        assert [e.type for e in ends(seen)] == ["film.published.v1"]
    finally:
        stack.down()
