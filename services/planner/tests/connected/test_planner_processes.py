"""Real planners on a real broker, Redis and object store: two replicas, one killed in mid-film, Redis emptied."""

import urllib.request
from collections.abc import AsyncIterator, Iterator

import pytest
from planner_rig import Campaign, campaign
from redis.asyncio import Redis
from storyreel_contracts import FilmCleared, FilmFailed, FilmPlanned, ShotRequested
from storyreel_contracts.plan import ModelRef
from storyreel_contracts.verdicts import FilmBlocked
from storyreel_local.errors import TroubleError
from storyreel_local.parts.base import Options
from storyreel_local.stack import Stack
from storyreel_local.testing import unavailable

from planner_fakes import POLICY, verdict  # isort: skip

pytestmark = [pytest.mark.connected, pytest.mark.timeout(240)]
PARTS = ("kafka", "redis", "s3", "planner")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Two replicas of the planner and what they stand on."""
    made = Stack(tmp_path_factory.mktemp("planner"), options=Options(parts=PARTS, replicas=2, engine="null", tied=True))
    try:
        made.up()
    except TroubleError as error:
        unavailable("kafka", str(error))
    yield made
    made.down()


@pytest.fixture
async def film(stack: Stack) -> AsyncIterator[Campaign]:
    async with campaign(stack.endpoints["kafka"]["bootstrap_servers"]) as made:
        yield made


async def previews(film: Campaign, tier: str = "preview") -> list[ShotRequested]:
    await film.until(lambda: len([a for a in film.heard(ShotRequested) if a.tier == tier]) == 3)
    return [a for a in film.heard(ShotRequested) if a.tier == tier]


async def test_a_film_is_directed_to_its_cuts_whatever_comes_first(film: Campaign) -> None:
    await film.begin()
    for tier in ("keyframe", "preview", "final"):
        for ask in await previews(film, tier):
            await film.take(ask)
        if tier == "preview":
            cut = await film.cut_asked("preview")
            await film.write("safety", FilmCleared(version=1, policy=POLICY, tier=cut.tier, cut_key=cut.cut_key))
    cut = await film.cut_asked("final")
    assert cut.publish
    assert film.heard(FilmPlanned)[0].plan.model == ModelRef(name="null", version="1")
    assert len(film.heard(FilmPlanned)) == 1


async def test_a_replica_killed_between_two_takes_says_nothing_new_twice(stack: Stack, film: Campaign) -> None:
    await film.begin()
    stills = await previews(film, "keyframe")
    await film.take(stills[0])
    stack.kill("planner")
    stack.restart("planner")  # not in a thread: a tied process ends with the thread that started it
    for ask in stills[1:]:
        await film.take(ask)
    assert len(await previews(film)) == 3
    assert len(film.heard(FilmPlanned)) == 1


async def test_a_blocked_cut_ends_the_film_once_on_two_replicas(film: Campaign) -> None:
    await film.begin()
    for tier in ("keyframe", "preview"):
        for ask in await previews(film, tier):
            await film.take(ask)
    cut = await film.cut_asked("preview")
    await film.write("safety", verdict(FilmBlocked, tier=cut.tier, cut_key=cut.cut_key))
    await film.until(lambda: bool(film.heard(FilmFailed)))
    assert len(film.heard(FilmFailed)) == 1


async def test_a_film_goes_on_when_redis_has_lost_everything(stack: Stack, film: Campaign) -> None:
    await film.begin()
    stills = await previews(film, "keyframe")
    await film.take(stills[0])
    async with Redis.from_url(stack.endpoints["redis"]["url"]) as redis:
        await redis.flushall()
    for ask in stills[1:]:
        await film.take(ask)
    assert len(await previews(film)) == 3


def test_the_ops_door_answers_with_this_rooms_metrics(stack: Stack) -> None:
    url = stack.endpoints["services"]["planner"]["replicas"][0]
    with urllib.request.urlopen(f"{url}/metrics", timeout=5) as page:  # noqa: S310 - our own loopback URL
        text = page.read().decode()
    assert "storyreel_oldest_unfinished_film_age_seconds" in text
    assert "storyreel_planner_plans_total" in text
