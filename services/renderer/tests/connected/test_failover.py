"""The room on two real Tritons: one dies, or is asked to stop, in the middle of a final; the other one goes on from there.

Store, leases and encoder are twins; desk, tries, checkpoints, gRPC and the engines are the real ones.
"""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import pytest
from renderer_fakes import a_request
from renderer_studio import RULES, Replica, Studio
from storyreel_chassis.clock import SystemClock
from storyreel_contracts import RenderSpec, ShotRendered, ShotRequested, Tier
from storyreel_local.errors import TroubleError
from storyreel_local.parts.base import Options
from storyreel_local.stack import Stack
from storyreel_local.testing import unavailable
from storyreel_renderer.adapters.triton import TritonEngine
from storyreel_renderer.adapters.triton_stream import Timeouts
from storyreel_renderer.domain.ports import ServerCard
from storyreel_renderer.domain.tries import TryPolicy
from storyreel_renderer.workflows.order import Rules

pytestmark = [pytest.mark.connected, pytest.mark.timeout(300)]
STEPS, EVERY = 80, 5
PATIENT = Timeouts(answer=30, silence=60)


@pytest.fixture(scope="module")
def stacks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Stack]]:
    """Two servers of our own with the same model."""
    made = [
        Stack(tmp_path_factory.mktemp(name), options=Options(parts=("triton",), topics=False, tied=True))
        for name in ("one", "two")
    ]
    try:
        for stack in made:
            stack.up()
        yield made
    except TroubleError as error:
        unavailable("triton", str(error))
    finally:
        for stack in made:
            stack.down()


@dataclass(frozen=True)
class House:
    """One replica on real servers, and the final that it is asked for."""

    studio: Studio
    replica: Replica
    engines: list[TritonEngine]
    spec: RenderSpec

    async def final(self) -> ShotRendered:
        return await self._take(a_request(tier=Tier.FINAL, spec=self.spec, limit=10**9))

    async def preview(self) -> ShotRendered:
        """A draft: the final's first steps."""
        draft = self.spec.model_copy(update={"stop_after": 2 * EVERY})
        return await self._take(a_request(tier=Tier.PREVIEW, spec=draft, limit=10**9))

    async def _take(self, request: ShotRequested) -> ShotRendered:
        fact = await self.replica.ask(request, request.tier)
        assert isinstance(fact, ShotRendered), fact
        return fact

    def states(self) -> list[str]:
        """The checkpoints that the store holds by now."""
        return sorted(key for key in self.studio.store.objects if key.startswith("keys/checkpoints/"))

    async def until(self, moved: int) -> None:
        """Wait for so many steps to be told."""
        async with asyncio.timeout(120):
            while not any(f.data.step >= moved for c in self.replica.contexts for f in c.said):  # type: ignore[attr-defined]
                await asyncio.sleep(0.02)


@asynccontextmanager
async def house(stacks: list[Stack], rules: Rules) -> AsyncIterator[House]:
    studio = Studio(clock=SystemClock())  # type: ignore[arg-type]
    engines = [TritonEngine(str(s.endpoints["triton"]["grpc"]), timeouts=PATIENT) for s in stacks]
    card = await found(engines[0])
    width, height = card.sizes[Tier.FINAL]["16:9"]
    spec = RenderSpec(
        prompt="a red kite over a harbour", width=width, height=height, frames=17, fps=card.fps, steps=STEPS,
        guidance=card.guidance, seed=11, model=card.ref,
    )  # fmt: skip
    try:
        async with studio.replica(*engines, rules=rules) as replica:  # type: ignore[arg-type]
            async with asyncio.timeout(30):  # with both known the first one gets the job, and that is the one that is hurt
                while not all(server.card for server in replica.servers):
                    await asyncio.sleep(0.02)
            yield House(studio, replica, engines, spec)
    finally:
        for engine in engines:
            await engine.close()


async def found(engine: TritonEngine) -> ServerCard:
    """The card, as soon as gRPC looks again for a server that it has just lost."""
    async with asyncio.timeout(30):
        while True:
            try:
                return await engine.describe()
            except ConnectionError:
                await asyncio.sleep(0.2)


@pytest.fixture
async def whole(stacks: list[Stack]) -> str:
    """Hash of the take when nothing happens to it."""
    async with house(stacks, replace(RULES, checkpoint_every=0)) as quiet:
        return (await quiet.final()).artifact.sha256


def first_step_of_the_last(house: House) -> int:
    """The step that the last job told first."""
    told = [f for c in house.replica.contexts for f in c.said]
    jobs = [f.discriminator.rsplit("/", 1)[0] for f in told]
    return min(f.data.step for f, job in zip(told, jobs, strict=True) if job == jobs[-1])  # type: ignore[attr-defined]


async def test_a_final_whose_server_is_killed_goes_on_elsewhere_and_becomes_the_same_file(
    stacks: list[Stack], whole: str
) -> None:
    async with house(stacks, replace(RULES, checkpoint_every=EVERY)) as running:
        asking = asyncio.ensure_future(running.final())
        await running.until(moved=2 * EVERY + 1)
        stacks[0].kill("triton")
        take = await asking
    stacks[0].restart("triton")
    assert take.artifact.sha256 == whole
    assert first_step_of_the_last(running) >= 2 * EVERY, "at most the steps since the last checkpoint are done again"


async def test_a_final_goes_on_from_its_previews_last_state_and_becomes_the_same_file(stacks: list[Stack], whole: str) -> None:
    async with house(stacks, replace(RULES, checkpoint_every=EVERY)) as running:
        preview = await running.preview()
        final = await running.final()
    assert final.artifact.sha256 == whole
    assert preview.artifact.sha256 != whole
    assert first_step_of_the_last(running) >= 2 * EVERY, "the preview's steps are not done again"


async def test_a_final_whose_server_is_asked_to_stop_loses_no_step_and_no_try(stacks: list[Stack], whole: str) -> None:
    rules = replace(RULES, checkpoint_every=0, policy=TryPolicy(fruitless=1))
    async with house(stacks, rules) as running:
        asking = asyncio.ensure_future(running.final())
        await running.until(moved=11)
        assert running.states() == [], "there is no checkpoint but the one that the server hands out at its end"
        found = stacks[0].state.process("triton")
        assert found
        os.kill(found.pid, signal.SIGTERM)
        take = await asking
    stacks[0].restart("triton")
    assert take.artifact.sha256 == whole
    assert first_step_of_the_last(running) >= 11
