"""Real processes of this room on a real broker, Redis and object store: two replicas, killed, cancelled, drained.

They render with the null engine at a fifth of a second a step, so that there is time to harm them.
"""

import io
import urllib.request
from collections.abc import AsyncIterator, Iterator

import av
import numpy as np
import pytest
from renderer_rig import Campaign, campaign, until
from storyreel_chassis.s3 import S3ArtifactStore
from storyreel_chassis.settings import SharedSettings
from storyreel_contracts import FailureKind, ShotRendered, ShotRenderFailed, Tier
from storyreel_local.errors import TroubleError
from storyreel_local.parts.base import Options
from storyreel_local.parts.service import shared_environment
from storyreel_local.stack import Stack
from storyreel_local.testing import unavailable
from storyreel_renderer.adapters.null_engine import gradient
from storyreel_renderer.cards import null_card

pytestmark = [pytest.mark.connected, pytest.mark.timeout(240)]
PARTS = ("kafka", "redis", "s3", "renderer")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Two replicas of the renderer and what they stand on."""
    with pytest.MonkeyPatch.context() as env:
        env.setenv("RENDERER_NULL_STEP_SECONDS", "0.2")
        env.setenv("RENDERER_LEASE_SECONDS", "3")
        env.setenv("RENDERER_CHECKPOINT_EVERY", "1")
        made = Stack(tmp_path_factory.mktemp("renderer"), options=Options(parts=PARTS, replicas=2, engine="null", tied=True))
        try:
            made.up()
        except TroubleError as error:
            unavailable("kafka", str(error))
        yield made
        made.down()


@pytest.fixture
async def film(stack: Stack) -> AsyncIterator[Campaign]:
    async with campaign(stack.endpoints["kafka"]["bootstrap_servers"], null_card()) as made:
        yield made


@pytest.fixture
def store(stack: Stack) -> S3ArtifactStore:
    own = {k.lower(): v for k, v in shared_environment(stack.context).items()}
    return S3ArtifactStore(SharedSettings(**own))  # type: ignore[arg-type]


async def test_takes_come_back_lossless_with_their_cost_and_progress(film: Campaign, store: S3ArtifactStore) -> None:
    asked = [await film.ask(f"s{n:02}", seed=n) for n in range(1, 7)]
    await film.all_answered(asked)
    takes = [film.take_for(a) for a in asked]
    assert all(not t.reused and t.cost_micros > 0 for t in takes)
    with av.open(io.BytesIO(await store.get(takes[0].artifact)), "r") as file:
        decoded = np.stack([f.to_ndarray(format="rgb24") for f in file.decode(video=0)])
    assert np.array_equal(decoded, gradient(asked[0].data.spec))  # type: ignore[attr-defined]
    assert {e.envelope.cause_id for e in film.progress} == {a.event_id for a in asked}


async def test_equal_requests_on_two_replicas_are_paid_once(film: Campaign) -> None:
    asked = [await film.ask(f"s{n:02}", seed=n % 3) for n in range(12)]
    await film.all_answered(asked)
    takes = [film.take_for(a) for a in asked]
    assert len({t.artifact.sha256 for t in takes}) == 3
    assert sum(not t.reused for t in takes) == 3
    assert all(t.cost_micros == 0 for t in takes if t.reused)


async def test_a_replica_killed_in_the_middle_loses_nothing_and_answers_nothing_twice(stack: Stack, film: Campaign) -> None:
    asked = [await film.ask(f"s{n:02}", seed=100 + n, tier=Tier.FINAL) for n in range(12)]
    await until(lambda: len(film.progress) > 4)
    stack.kill("renderer")
    stack.restart("renderer")  # not in a thread: a tied process ends with the thread that started it
    await film.all_answered(asked)
    takes = [film.take_for(a) for a in asked]  # exactly one answer each
    card = null_card()
    one = card.device_seconds[Tier.FINAL] * 1.05
    assert all(t.device_seconds <= one for t in takes), "what was checkpointed is not paid again"


async def test_a_cancelled_film_is_stopped_on_every_replica(stack: Stack, film: Campaign) -> None:
    asked = [await film.ask(f"s{n:02}", seed=200 + n, tier=Tier.FINAL) for n in range(12)]
    await until(lambda: len(film.progress) > 4)
    before = len(film.answers)
    await film.cancel()
    await until(lambda: _running(stack) == 0, seconds=20)
    assert before <= len(film.answers) < len(asked)
    assert not any(isinstance(e.data, ShotRenderFailed) for e in film.answers), "a cancelled film is told nothing more"


async def test_a_replica_asked_to_stop_finishes_or_hands_over(stack: Stack, film: Campaign) -> None:
    asked = [await film.ask(f"s{n:02}", seed=300 + n, tier=Tier.FINAL) for n in range(8)]
    await until(lambda: len(film.progress) > 4)
    stack.restart("renderer-2")
    await film.all_answered(asked)
    assert all(isinstance(film.take_for(a), ShotRendered) for a in asked)


async def test_an_impossible_request_fails_with_its_reason(film: Campaign) -> None:
    film.card = film.card.model_copy(update={"version": "9"})
    asked = await film.ask("s01", seed=1)
    await film.all_answered([asked])
    (answer,) = film.answers_to(asked)
    assert isinstance(answer.data, ShotRenderFailed)
    assert answer.data.kind is FailureKind.CAPACITY
    assert "null@9" in answer.data.reason


def _running(stack: Stack) -> float:
    """Jobs on servers, all replicas together."""
    total = 0.0
    for url in stack.endpoints["services"]["renderer"]["replicas"]:
        with urllib.request.urlopen(f"{url}/metrics", timeout=5) as page:  # noqa: S310 - our own loopback URL
            lines = page.read().decode().splitlines()
        total += sum(float(x.split()[-1]) for x in lines if x.startswith("storyreel_renderer_running_jobs{"))
    return total
