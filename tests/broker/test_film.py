"""`make up ARGS="--kafka-nodes 3"`: the whole studio on a replicated log makes its film while a node is killed."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import nodes
import pytest
from storyreel_local.errors import TroubleError
from storyreel_local.parts.base import Options
from storyreel_local.parts.service import NAMES
from storyreel_local.stack import Stack
from storyreel_local.testing import unavailable
from studio import Studio, demo_brief, ends

pytestmark = [pytest.mark.connected, pytest.mark.slow]


@pytest.fixture
def studio_on_three(tmp_path: Path) -> Iterator[Stack]:
    parts = ("kafka", "redis", "s3", *NAMES)
    stack = Stack(tmp_path, options=Options(parts=parts, engine="null", tied=True, kafka_nodes=3))
    try:
        stack.up()
    except TroubleError as trouble:
        stack.down()
        unavailable("kafka", str(trouble))
    yield stack
    stack.down()


async def test_a_film_is_made_once_though_a_node_dies_in_the_middle(studio_on_three: Stack) -> None:
    stack = studio_on_three
    studio = Studio(stack.endpoints)
    film_id = await studio.submit(demo_brief(prompt="a red sneaker on a log of three nodes", tier="preview"))
    await studio.until(lambda seen: any(s.type == "shot.requested.v1" for s in seen), film_id)
    nodes.kill(stack, await nodes.busiest(stack, "planner-films"))
    await asyncio.sleep(2)
    seen = await studio.ended(film_id, seconds=400)
    assert [e.type for e in ends(seen)] == ["film.published.v1"]
    assert {len(p["replicas"]) for p in await nodes.partitions(stack, "planner-films")} == {3}  # type: ignore[arg-type]
