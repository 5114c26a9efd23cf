"""The real engine on a simulated device: what its policy is worth on flat, knee and linear cost, each with its control."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial

import pytest
from engine_fakes import FLAT, KNEE, LINEAR, Bench, Costs, FakeState
from hypothesis import given, settings
from hypothesis import strategies as st
from storyreel_engine.batching import Turn, choose
from storyreel_engine.costs import StepCosts
from storyreel_engine.engine import Engine
from storyreel_engine.policy import Candidate, Rank, World
from storyreel_engine.wire import Tier

TABLES = {"flat": FLAT, "knee": KNEE, "linear": LINEAR}


class WithoutCritical(Engine[FakeState]):
    """Control: inside a share the first to come goes first, whatever that does to the last batches."""

    def _choose(self, candidates: Sequence[Candidate], world: World) -> Turn | None:
        return choose(
            candidates, world, lambda jobs, world: Rank(world, {j.arrival: (True, True, 0.0, j.arrival) for j in jobs})
        )


class WithoutShares(Engine[FakeState]):
    """Control: nobody is charged."""

    def _choose(self, candidates: Sequence[Candidate], world: World) -> Turn | None:
        return choose(candidates, replace(world, charged=lambda share: 0.0))


class WithoutLearning(Engine[FakeState]):
    """Control: what was measured is not looked at."""

    def _choose(self, candidates: Sequence[Candidate], world: World) -> Turn | None:
        return choose(candidates, replace(world, costs=StepCosts()))


class AlwaysFull(Engine[FakeState]):
    """Control: as many as fit, whatever it costs, previews or not."""

    def _choose(self, candidates: Sequence[Candidate], world: World) -> Turn | None:
        costs = StepCosts()
        for _ in range(3):
            for size in (1, 8):
                costs.learn_pass("32x16", size, 1.0)
        return choose(candidates, replace(world, costs=costs))


def learned(table: Mapping[int, float], engine: type[Engine[FakeState]] = Engine, max_batch: int = 8) -> Bench:
    """An engine that has seen every size of this table; units other than passes cost nothing."""
    bench = Bench(Costs(table, prepare=0.0, decode=0.0, save=0.0), engine=engine, max_batch=max_batch)
    for index in range(2 * max_batch):
        bench.submit(f"earlier {index}", steps=40)
    bench.submit("earlier preview", steps=4, tier=Tier.PREVIEW)
    bench.run()
    return bench


def makespan_over_bound(bench: Bench, steps: Sequence[int]) -> float:
    """All finals at once: the time they take over the least that the device could."""
    start, limit = bench.clock.now, bench.pipeline.card.max_batch
    for index, count in enumerate(steps):
        bench.submit(f"final {index}", steps=count)
    bench.run()
    costs = bench.pipeline.costs
    cheapest = min(range(1, limit + 1), key=lambda size: costs.seconds(size) / size)
    rows = sum(steps) / cheapest * costs.seconds(cheapest)
    return (bench.clock.now - start) / max(rows, max(steps) * costs.seconds(1))


UNEVEN = [50] * 9 + [100, 20, 30, 70]
ALIKE = [50] * 13


@pytest.mark.parametrize(("name", "steps"), [("flat", UNEVEN), ("flat", ALIKE), ("knee", ALIKE), ("linear", UNEVEN)])
def test_finals_take_hardly_longer_than_the_packed_bound(name: str, steps: Sequence[int]) -> None:
    assert makespan_over_bound(learned(TABLES[name]), steps) <= 1.02


@pytest.mark.parametrize(("name", "most"), [("flat", 1.02), ("linear", 1.02), ("knee", 1.04)])
def test_previews_in_between_hardly_change_that(name: str, most: float) -> None:
    """On the knee a preview's own passes stay short (its promise), so that they carry less than the cheapest batch."""
    bench = learned(TABLES[name])
    start, costs = bench.clock.now, bench.pipeline.costs
    for index in range(13):
        bench.submit(f"final {index}", steps=50)
    for index in range(8):
        bench.run(units=9)
        bench.submit(f"preview {index}", steps=4, tier=Tier.PREVIEW)
    bench.run()
    rows = (13 * 50 + 8 * 4) * min(costs.seconds(size) / size for size in range(1, 9))
    assert (bench.clock.now - start) / rows <= most


def test_without_the_critical_rule_the_tail_is_ragged() -> None:
    assert makespan_over_bound(learned(FLAT, WithoutCritical), UNEVEN) > 1.1


def test_without_learned_costs_nothing_is_batched() -> None:
    assert makespan_over_bound(learned(FLAT, WithoutLearning), UNEVEN) > 3


@given(st.lists(st.integers(5, 120), min_size=8, max_size=20), st.sampled_from([2, 4, 8]))
@settings(max_examples=10, deadline=None)
def test_on_flat_cost_no_mix_of_lengths_leaves_a_place_empty_that_could_be_filled(steps: list[int], places: int) -> None:
    bench = learned(FLAT, max_batch=places)
    start = bench.clock.now
    for index, count in enumerate(steps):
        bench.submit(f"final {index}", steps=count)
    bench.run()
    least = max(math.ceil(sum(steps) / places), *steps)
    trials = 2  # a size may be measured again
    assert least <= bench.clock.now - start + 1e-6
    assert bench.clock.now - start <= least + trials + 1e-6


def previews_over_finals(bench: Bench, previews: int, *, apart: float) -> tuple[list[float], float]:
    """A backlog of finals that never ends, and previews of 4 steps that come `apart` seconds from each other, in the middle
    of whatever is going on.

    Returns each preview's time over 4 steps alone, and the part of the time in which the device worked.
    """
    start, busy = bench.clock.now, bench.pipeline.busy
    for index in range(16):
        bench.submit(f"final {index}", steps=1000)
    bench.run(units=40)
    names = [f"preview {index}" for index in range(previews)]
    sent = {name: bench.clock.now + apart * (1 + index) for index, name in enumerate(names)}
    bench.pipeline.arrivals = [(at, partial(bench.submit, name, steps=4, tier=Tier.PREVIEW)) for name, at in sent.items()]
    while bench.pipeline.arrivals or not all(bench.clients[name].closed for name in names):
        bench.run(units=1)
    ratios = [(bench.clients[name].ended_at - at) / 4.0 for name, at in sent.items()]
    return ratios, (bench.pipeline.busy - busy) / (bench.clock.now - start)


@pytest.mark.parametrize("apart", [9.37, 23.61])
@pytest.mark.parametrize("name", TABLES)
def test_previews_take_at_most_twice_their_time_while_finals_saturate_the_device(name: str, apart: float) -> None:
    ratios, busy = previews_over_finals(learned(TABLES[name]), 40, apart=apart)
    assert max(ratios) <= 2.0
    assert sum(ratio <= 1.5 for ratio in ratios) >= (0.9 if name != "knee" else 0.0) * len(ratios)
    assert busy >= 0.97


def test_an_engine_that_fills_every_pass_breaks_that_promise_on_linear_cost() -> None:
    ratios, _ = previews_over_finals(learned(LINEAR, AlwaysFull), 10, apart=23.61)
    assert max(ratios) > 2.0


def service(bench: Bench, window: int) -> tuple[float, float]:
    """Two shares of unlike backlogs: the largest gap of their device seconds, the least Jain over any `window` passes."""
    start = bench.clock.now
    for index in range(100):
        bench.submit(f"a{index}", steps=40, share="a")
    for index in range(15):
        bench.submit(f"b{index}", steps=40, share="b")
    bench.run(units=260)
    used, gap, history = {"a": 0.0, "b": 0.0}, 0.0, []
    for began, ended, unit, names in bench.pipeline.spans:
        if began < start or unit != "pass":
            continue
        row = {"a": 0.0, "b": 0.0}
        for name in names:
            row[name[0]] += (ended - began) / len(names)
        history.append(row)
        used = {share: used[share] + row[share] for share in used}
        gap = max(gap, abs(used["a"] - used["b"]))
    return gap, min(_jain(history[i : i + window]) for i in range(len(history) - window))


def _jain(rows: Sequence[Mapping[str, float]]) -> float:
    a, b = (sum(row[share] for row in rows) for share in "ab")
    return (a + b) ** 2 / (2 * (a * a + b * b))


@pytest.mark.parametrize(("table", "places"), [(LINEAR, 8), (FLAT, 1), (FLAT, 4), (KNEE, 3)])
def test_two_shares_get_the_same_however_unlike_their_backlogs(table: Mapping[int, float], places: int) -> None:
    bench = learned(table, max_batch=places)
    gap, jain = service(bench, 100)
    longest = max(ended - began for began, ended, _, _ in bench.pipeline.spans)
    assert gap <= 2 * longest
    assert jain >= 0.99


def test_without_counters_the_first_share_gets_everything() -> None:
    gap, jain = service(learned(LINEAR, WithoutShares), 100)
    assert gap > 50
    assert jain < 0.8


class Free(Engine[FakeState]):
    """The engine itself, by another name: for the same run twice."""


def test_the_same_jobs_give_the_same_schedule() -> None:
    runs = []
    for engine in (Engine, Free):
        bench = learned(KNEE, engine)
        previews_over_finals(bench, 10, apart=9.37)
        runs.append(bench.pipeline.spans)
    assert runs[0] == runs[1]


@given(st.data())
@settings(max_examples=30, deadline=None)
def test_every_job_ends_once_and_its_seconds_add_up_to_the_devices_whatever_comes(data: st.DataObject) -> None:
    bench = Bench(Costs(data.draw(st.sampled_from(list(TABLES.values()))), chunks=2), room=data.draw(st.integers(1, 9)))
    names = []
    for index in range(data.draw(st.integers(1, 12))):
        names.append(f"{index}")
        bench.submit(
            f"{index}",
            tier=data.draw(st.sampled_from(Tier)),
            steps=data.draw(st.integers(1, 12)),
            frames=data.draw(st.sampled_from([5, 13])),
            share=data.draw(st.sampled_from("xyz")),
            checkpoint_every=data.draw(st.integers(0, 3)),
            deadline_unix=data.draw(st.none() | st.floats(90, 200)),
            stop_after=data.draw(st.sampled_from([0, 1])),
        )
        bench.run(units=data.draw(st.integers(0, 6)))
        if data.draw(st.booleans()):
            bench.engine.cancel(data.draw(st.sampled_from(names)))
    bench.run()
    assert all(client.closed for client in bench.clients.values())
    assert {client.kinds[-1] for client in bench.clients.values()} <= {"result", "cancelled"}
    assert sum(c.last["device_seconds"] for c in bench.clients.values()) == pytest.approx(bench.pipeline.busy, rel=1e-4)
