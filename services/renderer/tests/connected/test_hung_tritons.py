"""Real Tritons that hang in a pass, and answer late: the watch, what it costs, and its controls.

The model is the virtual one, which hangs when its folder asks for it. Store, leases and encoder are twins, and the room's clock
is a quick one; desk, watch, tries, checkpoints, gRPC, Triton and the step engine are the real ones.
"""

import asyncio
import time
from dataclasses import replace

import pytest
from renderer_fakes import FrugalStore, NoFence
from renderer_studio import Studio
from renderer_tritons import (
    PATIENT,
    RULES,
    SPEED,
    HaltingClock,
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
from storyreel_contracts import Fact, Tier
from storyreel_engine.virtual_faults import Faults
from storyreel_renderer.workflows.lookout import LOOK_S

pytestmark = [pytest.mark.connected, pytest.mark.timeout(120)]

STEPS, EVERY, STUCK_AT = 20, 5, 13
WEDGED = Faults(wedge_step=STUCK_AT)
CAREFUL = replace(RULES, checkpoint_every=EVERY)
SOON_S, NEVER_S = 40.0, 1e9


async def whole(server: Triton) -> Fact:
    """The take when nothing happens to it."""
    async with room([server], a_studio(), rules=CAREFUL) as quiet:
        return await quiet.ask(1, steps=STEPS, tier=Tier.FINAL)


async def hung(pair: list[Triton], running: Room) -> "asyncio.Task[Fact]":
    """A final whose pass does not return: all that it could be told of it was told."""
    pair[0].suffer(WEDGED)
    asking = asyncio.ensure_future(running.ask(1, steps=STEPS, tier=Tier.FINAL))
    await until(lambda: len(pair[0].units("pass", since=running.began)) == STUCK_AT - 1)
    return asking


@pytest.mark.parametrize("by_lookout", [True, False], ids=["by the lookout", "by the stream's silence"])
async def test_a_final_whose_pass_never_returns_goes_on_elsewhere_from_its_last_checkpoint(
    pair: list[Triton], *, by_lookout: bool
) -> None:
    wedged, healthy = pair
    undisturbed = await whole(healthy)
    patience = PATIENT if by_lookout else replace(PATIENT, silence=SOON_S / SPEED)
    silence_s = SOON_S if by_lookout else NEVER_S
    async with room(pair, a_studio(), rules=CAREFUL, timeouts=patience, silence_s=silence_s) as running:
        asking = await hung(pair, running)
        stood = time.monotonic()
        await until(lambda: healthy.units("prepare", since=running.began))
        noticed = (time.monotonic() - stood) * SPEED
        fact = await asking
        assert SOON_S - LOOK_S <= noticed <= SOON_S + 4 * LOOK_S + SPEED, "its bound, and a second of a busy machine"
        assert plain(fact) == plain(undisturbed)
        steps = [unit.steps for unit in healthy.units("pass", since=running.began)]
        assert steps[0] == (STUCK_AT // EVERY * EVERY + 1,), "at most the steps since the last checkpoint are done again"
        wedged.mend()
        await until(lambda: len(wedged.units("pass", since=running.began)) >= STUCK_AT)
        await until(lambda: (card := running.replica.servers[0].card) and not card.engine.live_jobs)
        assert len(wedged.units("pass", since=running.began)) <= STUCK_AT + 1, (
            "one pass more, until it sees that nobody listens"
        )
        assert not wedged.units("decode", since=running.began)
        assert await running.ask(1, steps=STEPS, tier=Tier.FINAL) == fact


async def test_control_without_a_watch_the_final_hangs_with_its_server(pair: list[Triton]) -> None:
    async with room(pair, a_studio(), rules=CAREFUL, silence_s=NEVER_S) as running:
        asking = await hung(pair, running)
        done, _ = await asyncio.wait({asking}, timeout=2 * SOON_S / SPEED)
        assert not done
        assert not pair[1].units("prepare", since=running.began)
        pair[0].mend()
        rendered(await asking)


async def test_a_server_that_hangs_gets_no_job_before_its_device_moves_again(pair: list[Triton]) -> None:
    wedged, healthy = pair
    async with room(pair, a_studio(), rules=CAREFUL, silence_s=SOON_S) as running:
        rendered(await (await hung(pair, running)))
        lost = metric("tries_total", tier="preview", end="timeout")
        facts = await asyncio.wait_for(running.previews(12), 30)
        assert len(takes(facts)) == 12
        assert metric("tries_total", tier="preview", end="timeout") == lost, "it answers, and still nothing moves on it"
        assert running.replica.servers[0].card is None
        wedged.mend()
        await until(lambda: running.replica.servers[0].card)
        mended = time.monotonic()
        assert len(takes(await running.previews(8, first=12))) == 8
        assert wedged.units("prepare", since=mended)
        assert healthy.units("prepare", since=mended)


# An answer that comes late


class Forgetful(FrugalStore):
    """Control: the last writer wins."""

    async def remember(self, key: str, value: bytes) -> bytes:
        """What was there is gone."""
        self.objects.pop(key, None)
        return await super().remember(key, value)


async def answered_twice(pair: list[Triton], first: Studio, second: Studio) -> tuple[Fact, Fact]:
    """A replica halts while its server hangs, another one takes over; then both go on, and the first has its take too."""
    clock = HaltingClock()
    rules = replace(CAREFUL, lease_s=60.0)
    first.clock = clock  # type: ignore[assignment]
    async with room(pair[:1], first, rules=rules) as halted, room(pair[1:], second, rules=rules) as other:
        late = await hung(pair, halted)
        clock.going.clear()
        fact = await other.ask(1, steps=STEPS, tier=Tier.FINAL)
        pair[0].mend()
        await until(lambda: pair[0].units("decode", since=halted.began))
        late_fact = await asyncio.wait_for(late, 20)
        clock.going.set()
        return fact, late_fact


async def test_a_late_answer_of_a_server_that_hung_is_refused_and_the_shot_is_rendered_once(pair: list[Triton]) -> None:
    first, stale = a_studio(), metric("stale_results_total")
    second = Studio(first.clock, first.store, first.leases)
    fact, late = await answered_twice(pair, first, second)
    assert metric("stale_results_total") == stale + 1
    assert rendered(fact) == late, "one fact, whoever says it"


async def test_control_without_lease_and_first_writer_the_late_answer_is_told_beside_the_other(pair: list[Triton]) -> None:
    first, stale, store = a_studio(), metric("stale_results_total"), Forgetful()
    first, second = (Studio(first.clock, store, NoFence()) for _ in range(2))
    fact, late = await answered_twice(pair, first, second)
    assert metric("stale_results_total") == stale
    assert plain(fact) == plain(late)
    assert fact != late
