"""The real process on a real broker, Redis and object store: takes are judged, a kill -9 loses nothing and repeats nothing."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer
from safety_fakes import a_brief, a_plan, a_request, a_take, blinking, clip, noise
from storyreel_chassis.publisher import KafkaPublisher
from storyreel_chassis.s3 import S3ArtifactStore
from storyreel_chassis.settings import SharedSettings
from storyreel_contracts import Envelope, Event, Fact, ReviewDecided, decode
from storyreel_contracts.topics import SAFETY_VERDICTS
from storyreel_local.errors import TroubleError
from storyreel_local.parts.base import Options
from storyreel_local.parts.service import shared_environment
from storyreel_local.stack import Stack
from storyreel_local.testing import unavailable

pytestmark = [pytest.mark.connected, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    options = Options(parts=("kafka", "redis", "s3", "safety"), tied=True)
    made = Stack(tmp_path_factory.mktemp("safety"), options=options)
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


class Campaign:
    """One film; hears every record of the verdicts' topic, duplicates included."""

    def __init__(self, stack: Stack) -> None:
        self.servers: str = stack.endpoints["kafka"]["bootstrap_servers"]
        self.film, self.heard = str(uuid4()), list[Event]()

    async def say(self, writer: str, *facts: Fact) -> list[Event]:
        events = [Event(self._envelope(fact), fact) for fact in facts]
        async with KafkaPublisher(self.servers, writer) as publisher:
            await publisher.publish(*events)
        return events

    def _envelope(self, fact: Fact) -> Envelope:
        now = datetime.now(UTC)
        return Envelope(event_id=str(uuid4()), type=fact.TYPE, film_id=self.film, tenant_id="dev", occurred_at=now)

    async def wait_for(self, count: int) -> dict[str, Event]:
        """Verdicts by id, once there are so many."""
        async with asyncio.timeout(90):
            while len({e.event_id for e in self.heard}) < count:
                await asyncio.sleep(0.05)
        return {e.event_id: e for e in self.heard}


@asynccontextmanager
async def campaign(stack: Stack) -> AsyncIterator[Campaign]:
    film = Campaign(stack)

    async def hear() -> None:
        async for record in consumer:
            event = decode(list(record.headers), record.value)
            if event.film_id == film.film:
                film.heard.append(event)

    async with AIOKafkaConsumer(SAFETY_VERDICTS.name, bootstrap_servers=film.servers, auto_offset_reset="earliest") as consumer:
        hearing = asyncio.create_task(hear())
        yield film
        hearing.cancel()


async def test_brief_plan_and_takes_get_their_verdicts_and_a_flash_is_found(
    stack: Stack, store: S3ArtifactStore, tmp_path: Path
) -> None:
    calm = await store.put_file(clip(tmp_path / "calm.mp4", 17, noise, fps=16), "video/mp4")
    wild = await store.put_file(clip(tmp_path / "wild.mp4", 48, blinking(5, 24)), "video/mp4")
    async with campaign(stack) as film:
        await film.say("renderer", a_take(calm, shot_id="s00", key="0" * 64), a_take(wild, key="1" * 64))
        await film.say("planner", a_plan())
        await film.say("gateway", a_request())
        said = await film.wait_for(4)
        kinds = sorted(e.envelope.type for e in said.values())
        assert kinds == ["brief.cleared.v1", "plan.cleared.v1", "shot.blocked.v1", "shot.cleared.v1"]
        (blocked,) = [e.data for e in said.values() if e.envelope.type == "shot.blocked.v1"]
        assert [f.rule for f in blocked.findings] == ["flash"]
        assert (await store.get(blocked.findings[0].evidence)).startswith(b"\xff\xd8\xff")


async def test_killed_in_the_middle_every_take_has_one_verdict(stack: Stack, store: S3ArtifactStore, tmp_path: Path) -> None:
    clips = [clip(tmp_path / f"{i}.mp4", 33, lambda n, i=i: noise(100 * i + n), fps=16) for i in range(6)]  # type: ignore[misc]
    takes = [
        a_take(await store.put_file(path, "video/mp4"), shot_id=f"s{i:02}", key=f"{i}" * 64) for i, path in enumerate(clips)
    ]
    async with campaign(stack) as film:
        await film.say("gateway", a_request())
        asked = await film.say("renderer", *takes)
        await film.wait_for(2)
        stack.kill("safety")
        stack.restart("safety")
        said = await film.wait_for(7)
        shots = [e for e in said.values() if e.envelope.type == "shot.cleared.v1"]
        assert {e.envelope.cause_id for e in shots} == {e.event_id for e in asked}
        assert len(shots) == 6


async def test_a_review_is_asked_and_answered_over_the_broker(stack: Stack) -> None:
    async with campaign(stack) as film:
        await film.say("gateway", a_request(a_brief(prompt="Election night")))
        (asked,) = (await film.wait_for(1)).values()
        await film.say("gateway", ReviewDecided(version=1, review_id=asked.data.review_id, decision="approve", reviewer="ana"))
        said = await film.wait_for(2)
        assert {e.envelope.type for e in said.values()} == {"review.requested.v1", "brief.cleared.v1"}
