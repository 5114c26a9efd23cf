"""`TritonEngine` on a real Triton: the conformance suite, and what only a real server can do (refuse, hang, die)."""

from __future__ import annotations

import asyncio
import os
import signal
import urllib.request
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from engine_conformance import EngineConformance, events_of, failed, finished, job_for
from storyreel_contracts.brief import Tier
from storyreel_contracts.failures import FailureKind
from storyreel_contracts.plan import ModelRef
from storyreel_local.errors import TroubleError
from storyreel_local.parts.base import Options
from storyreel_local.stack import Stack
from storyreel_local.testing import unavailable
from storyreel_renderer.adapters.triton import TritonEngine
from storyreel_renderer.adapters.triton_stream import Timeouts
from storyreel_renderer.domain.ports import CheckpointTaken, Progress

pytestmark = [pytest.mark.connected, pytest.mark.timeout(180)]


@dataclass(frozen=True)
class Server:
    """A Triton of our own, which may be killed."""

    stack: Stack

    @property
    def url(self) -> str:
        return str(self.stack.endpoints["triton"]["grpc"])

    @property
    def pid(self) -> int:
        found = self.stack.state.process("triton")
        assert found is not None
        return found.pid

    @property
    def model_processes(self) -> list[int]:
        """The stub that runs the engine: the server's child that is not the guard."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return [int(pid) for pid in children if "stub" in Path(f"/proc/{pid}/cmdline").read_text()]

    def metric(self, name: str, **labels: str) -> float:
        """Sum of a metric's samples with these labels."""
        with urllib.request.urlopen(self.stack.endpoints["triton"]["metrics"], timeout=5) as page:  # noqa: S310
            lines = page.read().decode().splitlines()
        wanted = [f'{key}="{value}"' for key, value in labels.items()]
        return sum(float(line.split()[-1]) for line in lines if line.startswith(name) and all(w in line for w in wanted))


def started(folder: Path) -> Server:
    """A running server, or the test skipped (failed where STORYREEL_REQUIRE names triton)."""
    stack = Stack(folder, options=Options(parts=("triton",), topics=False, tied=True))
    try:
        stack.up()
    except TroubleError as error:
        unavailable("triton", str(error))
    return Server(stack)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for the tests that leave it whole."""
    running = started(tmp_path_factory.mktemp("triton"))
    yield running
    running.stack.down()


@pytest.fixture
def mortal(server: Server) -> Iterator[Server]:
    """The same server for tests that harm it: started anew afterwards."""
    yield server
    if server.stack.status()[0][1] != "ready":
        server.stack.restart("triton")


@pytest.fixture
async def engine(server: Server) -> AsyncIterator[TritonEngine]:
    """A client with patience for a busy machine."""
    client = TritonEngine(server.url, timeouts=Timeouts(answer=30, silence=60))
    yield client
    await client.close()


@pytest.fixture
async def impatient(server: Server) -> AsyncIterator[TritonEngine]:
    """A client that takes three seconds of silence for a wedged server."""
    client = TritonEngine(server.url, timeouts=Timeouts(answer=30, silence=3))
    yield client
    await client.close()


class TestTritonEngine(EngineConformance):
    """The conformance suite on a real Triton with the tiny pipeline."""


async def test_an_early_close_stops_the_work_on_the_server_itself(server: Server, engine: TritonEngine) -> None:
    card = await engine.describe()
    stream = engine.render(job_for(card, tier=Tier.FINAL, steps=200))
    async for event in stream:
        if isinstance(event, Progress) and event.step >= 2:
            break
    before = server.metric("storyreel_engine_jobs_total", outcome="cancelled")
    await stream.aclose()  # type: ignore[attr-defined]
    finished(await events_of(engine, job_for(card)))
    assert server.metric("storyreel_engine_jobs_total", outcome="cancelled") == before + 1
    assert server.metric("storyreel_engine_live_jobs") == 0


async def test_a_preview_overtakes_a_running_final_and_a_second_final_does_not(engine: TritonEngine) -> None:
    card = await engine.describe()
    ended: list[str] = []

    async def render(name: str, tier: Tier, steps: int) -> None:
        finished(await events_of(engine, job_for(card, tier=tier, steps=steps)))
        ended.append(name)

    async with asyncio.TaskGroup() as group:
        group.create_task(render("first final", Tier.FINAL, 100))
        await asyncio.sleep(0.2)
        group.create_task(render("second final", Tier.FINAL, 1))
        group.create_task(render("preview", Tier.PREVIEW, 2))
    assert ended == ["preview", "first final", "second final"]


@pytest.mark.parametrize(
    ("spec", "named"),
    [({"frames": 10}, "frames"), ({"width": 100}, "width"), ({"model": ModelRef(name="m", version="v0")}, "model_version")],
)
async def test_what_the_model_cannot_render_is_refused_by_the_fields_name(
    engine: TritonEngine, spec: dict[str, Any], named: str
) -> None:
    failure = failed(await events_of(engine, job_for(await engine.describe(), **spec)))
    assert failure.kind is FailureKind.INVALID_INPUT
    assert failure.reason.startswith(named)


async def test_nobody_at_the_address_is_a_dependency_that_is_down(engine: TritonEngine) -> None:
    job = job_for(await engine.describe())
    nobody = TritonEngine("127.0.0.1:1")
    assert failed(await events_of(nobody, job)).kind is FailureKind.DEPENDENCY_DOWN
    with pytest.raises(ConnectionError):
        await nobody.describe()
    await nobody.close()


async def test_a_model_that_the_server_does_not_have_is_a_dependency_that_is_down(server: Server, engine: TritonEngine) -> None:
    stranger = TritonEngine(server.url, model="another")
    failure = failed(await events_of(stranger, job_for(await engine.describe())))
    assert failure.kind is FailureKind.DEPENDENCY_DOWN
    assert "another" in failure.reason
    await stranger.close()


async def test_a_server_killed_in_the_middle_loses_the_device_and_the_render_goes_on_from_its_checkpoint(
    mortal: Server, engine: TritonEngine
) -> None:
    card = await engine.describe()
    spec: dict[str, Any] = {"tier": Tier.FINAL, "steps": 40, "frames": 17}
    whole = finished(await events_of(engine, job_for(card, **spec))).frames
    checkpoint, last = None, None
    async for event in engine.render(replace(job_for(card, **spec), checkpoint_every=5)):
        last = event
        if isinstance(event, CheckpointTaken):
            checkpoint = event
            if event.step == 10:
                mortal.stack.kill("triton")
    assert checkpoint is not None
    assert failed([last] if last else []).kind is FailureKind.DEVICE_LOST

    mortal.stack.restart("triton")
    resumed = await events_of(engine, job_for(card, **spec), checkpoint.data)
    assert min(event.step for event in resumed if isinstance(event, Progress)) >= 10
    assert (finished(resumed).frames == whole).all()


async def test_a_wedged_engine_is_noticed_by_its_silence(server: Server, impatient: TritonEngine) -> None:
    card = await impatient.describe()
    last = None
    async for event in impatient.render(job_for(card, tier=Tier.FINAL, steps=200)):
        last = event
        if isinstance(event, Progress) and event.step == 3:
            for pid in server.model_processes:
                os.kill(pid, signal.SIGSTOP)
    for pid in server.model_processes:
        os.kill(pid, signal.SIGCONT)
    assert failed([last] if last else []).kind is FailureKind.TIMEOUT
    finished(await events_of(impatient, job_for(card)))


async def test_a_killed_model_process_takes_the_server_down_instead_of_leaving_it_ready_and_dead(
    mortal: Server, impatient: TritonEngine
) -> None:
    card = await impatient.describe()
    last = None
    async for event in impatient.render(job_for(card, tier=Tier.FINAL, steps=200)):
        last = event
        if isinstance(event, Progress) and event.step == 3:
            for pid in mortal.model_processes:
                os.kill(pid, signal.SIGKILL)
    assert failed([last] if last else []).kind in (FailureKind.DEVICE_LOST, FailureKind.TIMEOUT)
    async with asyncio.timeout(20):
        while mortal.stack.status()[0][1] != "dead":
            await asyncio.sleep(0.2)
