"""Real Tritons that fail every job, refuse connections, or have too little memory: what the room makes of it, and its controls.

The model is the virtual one, the faults are asked for in its folder. Store, leases and encoder are twins, and the room's clock
is a quick one; desk, breakers, tries, ladder, gRPC, Triton and the step engine are the real ones.
"""

import asyncio
import time
from dataclasses import dataclass

import pytest
from renderer_tritons import (
    FRAME_BYTES,
    LONGEST,
    Room,
    Triton,
    a_studio,
    metric,
    plain,
    rendered,
    room,
    takes,
    until,
)
from storyreel_contracts import Fact, FailureKind, ShotRenderFailed, Tier
from storyreel_engine.virtual_device import Unit
from storyreel_engine.virtual_faults import Faults
from storyreel_renderer.adapters.triton import TritonEngine
from storyreel_renderer.domain.breakers import Breaker, BreakerPolicy, State
from storyreel_renderer.domain.holding import Hold
from storyreel_renderer.domain.ports import ServerCard

pytestmark = [pytest.mark.connected, pytest.mark.timeout(120)]

BROKEN = Faults(broken=True)


def tries_on(server: Triton, running: Room) -> int:
    """Jobs that the server began for this room."""
    return len(server.units("prepare", since=running.began))


# The circuit breaker


async def test_a_server_whose_device_fails_every_job_is_left_alone_and_every_take_comes_from_the_other(
    pair: list[Triton],
) -> None:
    broken, healthy = pair
    broken.suffer(BROKEN)
    async with room(pair, a_studio()) as running:
        facts = await running.previews(12)
        assert metric("breaker", server="server-0") == State.OPEN
        fell = tries_on(broken, running)
        assert tries_on(healthy, running) == len(takes(facts)) == 12
        assert 3 <= fell <= 3 * 2, "three faults; what falls together, one job a place, is one"
        await running.previews(4, first=12)
        assert tries_on(broken, running) == fell, "nothing is sent while it cools down"


async def test_control_without_the_breaker_the_broken_server_burns_try_after_try(pair: list[Triton]) -> None:
    broken, _ = pair
    broken.suffer(BROKEN)
    async with room(pair, a_studio()) as running:
        running.replica.servers[0].breaker = Breaker(BreakerPolicy(faults=10**6))
        await running.previews(24)
        assert tries_on(broken, running) > 3 * 2


async def mended(pair: list[Triton], running: Room) -> list[Unit]:
    """The first server fails until it is left alone, is mended, and after its rest twelve more previews are asked for.

    Returns its jobs from then on, as they were begun, and last the end of the first one.
    """
    broken, _ = pair
    broken.suffer(BROKEN)
    await running.previews(12)
    broken.mend()
    since = time.monotonic()
    await until(lambda: metric("breaker", server="server-0") == State.HALF_OPEN)
    assert len(takes(await running.previews(12, first=12))) == 12
    begun = broken.units("prepare", since=since)
    return [*begun, [unit for unit in broken.units("decode", since=since) if unit.jobs == begun[0].jobs][-1]]


async def test_a_mended_server_gets_one_job_to_see_and_then_its_share(pair: list[Triton]) -> None:
    async with room(pair, a_studio()) as running:
        _, *others, seen = await mended(pair, running)
        assert metric("breaker", server="server-0") == State.CLOSED
        assert len(others) > 1
        assert all(unit.start >= seen.end for unit in others), "one job, to see, and no other until it was made"


class Trusting(Breaker):
    """Control: after its rest a server gets as many jobs as it may hold."""

    def allows(self, now: float, running: int) -> bool:
        """Whatever runs there."""
        return super().allows(now, 0)


async def test_control_without_a_probe_it_gets_jobs_before_the_first_is_made(pair: list[Triton]) -> None:
    async with room(pair, a_studio()) as running:
        running.replica.servers[0].breaker = Trusting(BreakerPolicy())
        _, *others, seen = await mended(pair, running)
        assert others[0].start < seen.end


async def test_no_try_is_burnt_on_a_server_that_refuses_connections_and_it_is_found_again(pair: list[Triton]) -> None:
    gone, _ = pair
    async with room(pair, a_studio()) as running:
        gone.stack.kill("triton")
        await until(lambda: running.replica.servers[0].card is None)
        burnt = metric("tries_total", tier="preview", end="dependency_down")
        assert len(takes(await running.previews(4))) == 4
        assert metric("tries_total", tier="preview", end="dependency_down") == burnt
        assert metric("server_up", server="server-0") == 0
        gone.stack.restart("triton")  # by this thread: the server ends with the one that starts it
        await until(lambda: running.replica.servers[0].card)
        assert len(takes(await running.previews(8, first=4))) == 8
        assert tries_on(gone, running) > 0


# Memory that runs out


def room_for(frames: int) -> Faults:
    """A device on which passes of so many frames just fit."""
    return Faults(memory_bytes=(frames + 1) * FRAME_BYTES)


async def finals_together(pair: list[Triton], frames: int) -> tuple[list[Fact], set[int]]:
    """Four finals at once on one server, and how large its passes were."""
    async with room(pair[:1], a_studio()) as running:
        running.replica.servers[0].allowance = lambda _: Hold(4, 4)
        facts = await asyncio.gather(*(running.ask(n, frames=frames, steps=16, tier=Tier.FINAL) for n in range(4)))
        return facts, {len(unit.jobs) for unit in pair[0].units("pass", since=running.began)}


async def test_a_batch_that_does_not_fit_is_halved_and_nobody_notices(pair: list[Triton]) -> None:
    undisturbed, _ = await finals_together(pair[1:], 17)
    pair[0].suffer(room_for(2 * 17))
    failed = metric("tries_total", tier="final", end="out_of_memory")
    facts, sizes = await finals_together(pair, 17)
    assert [plain(fact) for fact in facts] == [plain(fact) for fact in undisturbed]
    assert max(sizes) == 2
    assert "ran out of memory, 2 are tried from now on" in pair[0].log()
    assert metric("tries_total", tier="final", end="out_of_memory") == failed


async def test_control_with_enough_memory_the_batch_is_of_four(pair: list[Triton]) -> None:
    _, sizes = await finals_together(pair, 21)
    assert max(sizes) == 4


async def a_long_shot(server: Triton, **dress: object) -> tuple[Fact, int]:
    """The answer to a shot of the model's longest window, and how many tries ran out of memory."""
    before = metric("tries_total", tier="final", end="out_of_memory")
    async with room([server], a_studio(), **dress) as running:  # type: ignore[arg-type]
        fact = await running.ask(1, frames=LONGEST, steps=6, tier=Tier.FINAL)
    return fact, int(metric("tries_total", tier="final", end="out_of_memory") - before)


async def test_a_shot_that_does_not_fit_is_made_in_windows_and_says_so(pair: list[Triton]) -> None:
    pair[0].suffer(room_for(40))
    fact, failed = await a_long_shot(pair[0])
    assert (rendered(fact).frames, rendered(fact).windows, failed) == (LONGEST, 3, 1)


async def test_a_shot_that_is_refused_at_the_door_is_made_in_windows_too(pair: list[Triton]) -> None:
    fact, failed = await a_long_shot(pair[1])
    assert (rendered(fact).windows, failed) == (3, 1)


async def test_a_quarter_of_the_shot_is_the_last_window_that_is_tried(pair: list[Triton]) -> None:
    pair[0].suffer(room_for(20))
    fact, failed = await a_long_shot(pair[0])
    assert (rendered(fact).windows, failed) == (9, 2)


async def test_a_shot_that_fits_in_no_window_ends_as_a_fact_that_says_so(pair: list[Triton]) -> None:
    pair[0].suffer(room_for(8))
    fact, failed = await a_long_shot(pair[0])
    assert isinstance(fact, ShotRenderFailed)
    assert (fact.kind, failed) == (FailureKind.OUT_OF_MEMORY, 3)
    assert "bytes" in fact.reason
    assert metric("breaker", server="server-0") == State.CLOSED, "what does not fit is not the server's fault"


@dataclass(frozen=True)
class Undivided:
    """Control: the same server, whose card says that its model makes no windows."""

    engine: TritonEngine

    async def describe(self) -> ServerCard:
        """The card without its overlap."""
        return (await self.engine.describe()).model_copy(update={"window_overlap": 0})

    def __getattr__(self, name: str) -> object:
        return getattr(self.engine, name)


async def test_control_without_windows_the_first_shot_that_does_not_fit_is_given_up(pair: list[Triton]) -> None:
    pair[0].suffer(room_for(40))
    fact, failed = await a_long_shot(pair[0], dress=Undivided)
    assert isinstance(fact, ShotRenderFailed)
    assert (fact.kind, failed) == (FailureKind.OUT_OF_MEMORY, 1)
