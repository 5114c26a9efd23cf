"""The real process on a real broker, Redis and object store: takes in any order, a kill -9 in the middle, one report each."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer
from continuity_fakes import a_plan, a_take, clip, exposed, grained, scene
from storyreel_chassis.publisher import KafkaPublisher
from storyreel_chassis.s3 import S3ArtifactStore
from storyreel_chassis.settings import SharedSettings
from storyreel_contracts import Envelope, Event, Fact, decode
from storyreel_contracts.topics import CONTINUITY_REPORTS
from storyreel_local.errors import TroubleError
from storyreel_local.parts.base import Options
from storyreel_local.parts.service import shared_environment
from storyreel_local.stack import Stack
from storyreel_local.testing import unavailable

pytestmark = [pytest.mark.connected, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    options = Options(parts=("kafka", "redis", "s3", "continuity"), tied=True)
    made = Stack(tmp_path_factory.mktemp("continuity"), options=options)
    try:
        made.up()
    except TroubleError as error:
        unavailable("kafka", str(error))
    yield made
    made.down()


@pytest.fixture
def store(stack: Stack) -> S3ArtifactStore:
    own = {k.lower(): v for k, v in shared_environment(stack.context).items()}
    return S3ArtifactStore(SharedSettings(**own))  # type: ignore[arg-type]


async def say(servers: str, film: str, writer: str, *facts: Fact) -> None:
    now = datetime.now(UTC)
    async with KafkaPublisher(servers, writer) as publisher:
        for fact in facts:
            envelope = Envelope(event_id=str(uuid4()), type=fact.TYPE, film_id=film, tenant_id="dev", occurred_at=now)
            await publisher.publish(Event(envelope, fact))


async def reports(servers: str, film: str, count: int) -> dict[str, Event]:
    """Reports on the film by id, once there are so many."""
    said: dict[str, Event] = {}
    async with (
        asyncio.timeout(120),
        AIOKafkaConsumer(CONTINUITY_REPORTS.name, bootstrap_servers=servers, auto_offset_reset="earliest") as consumer,
    ):
        async for record in consumer:
            event = decode(list(record.headers), record.value)
            if event.film_id == film:
                said[event.event_id] = event
            if len(said) == count:
                return said
    return said


async def test_takes_in_reverse_order_and_a_kill_give_one_report_each(
    stack: Stack, store: S3ArtifactStore, tmp_path: Path
) -> None:
    servers, film = stack.endpoints["kafka"]["bootstrap_servers"], str(uuid4())
    pictures = [scene(0), scene(1), exposed(scene(2), -1.8)]
    clips = [clip(tmp_path / f"{i}.mp4", 9, lambda n, p=p: grained(p, n)) for i, p in enumerate(pictures)]  # type: ignore[misc]
    takes = [a_take(await store.put_file(path, "video/mp4"), i, key=f"{i}" * 64) for i, path in enumerate(clips)]
    await say(servers, film, "renderer", *reversed(takes))
    await say(servers, film, "planner", a_plan())
    await reports(servers, film, 1)
    stack.kill("continuity")
    stack.restart("continuity")
    said = {e.data.shot_id: e for e in (await reports(servers, film, 3)).values()}
    assert [said[f"s0{i}"].envelope.type for i in range(3)] == ["shot.matched.v1", "shot.matched.v1", "shot.drifted.v1"]
    assert {m.against for m in said["s02"].data.measures} == {"bible", "s01"}
    assert (await store.get(said["s02"].data.evidence)).startswith(b"\xff\xd8\xff")
