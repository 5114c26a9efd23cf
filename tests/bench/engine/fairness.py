"""P17: two tenants, one with a hundred times the jobs of the other; who got how much of the device while both waited."""

import asyncio
import itertools
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from storyreel_engine.virtual_device import Unit

from engine.clients import Outcome
from engine.pairs import Plan, interleaved
from engine.rows import Row
from engine.runs import Rig
from engine.serving import Device
from engine.simulated import simulation
from engine.workloads import FLAT, LINEAR, STEP_SECONDS, Job, renamed

SHARED = Device("shared", LINEAR.spec, LINEAR.max_batch)
_SMALL_STEPS = 60
_WINDOW = 100


@dataclass(frozen=True)
class Service:
    """Device seconds that each pass gave to the small and to the big tenant, in order, while both waited."""

    passes: list[tuple[float, float]]

    @property
    def gap(self) -> float:
        """The most that one got beyond the other in any stretch of time, in times of the longest pass."""
        difference = list(itertools.accumulate((small - big for small, big in self.passes), initial=0.0))
        return (max(difference) - min(difference)) / max(small + big for small, big in self.passes)

    @property
    def jain(self) -> float:
        """Jain's index of the two over the worst stretch of 100 passes (or all, if fewer); 1 is equal, 0.5 is all for one."""
        starts = range(max(1, len(self.passes) - _WINDOW + 1))
        return min(_jain(self.passes[n : n + _WINDOW]) for n in starts)


async def bench(rig: Rig, plan: Plan) -> list[Row]:
    """A small tenant's one final beside a hundred of the big one, on linear cost; and on flat cost in simulated time."""
    gaps, jains, costs = [], [], []
    for number, order in interleaved("two tenants", ("two", "one"), replace(plan, pairs=min(plan.pairs, 3))):
        found = {how: await _shared(rig, tenants=2 if how == "two" else 1) for how in order}
        if number:
            given = service(found["two"].units, *found["two"].tenants)
            gaps.append(given.gap)
            jains.append(given.jain)
            costs.append(100 * (found["one"].busy - found["two"].busy))
    flat = _simulated()
    one_to_hundred = "1 final against 100 of the other tenant, linear cost"
    return [
        Row(goal="P17", what="service gap, in longest passes", ours=gaps, limit=2, worst=True, note=one_to_hundred),
        Row(goal="P17", what="Jain's index over any 100 passes", ours=jains, limit=0.99, better="high", worst=True),
        Row(
            goal="P17",
            what="device time lost to fairness",
            ours=costs,
            limit=1,
            unit=" %",
            note="busy with one tenant less busy with two",
        ),
        Row(
            goal="P17",
            what="service gap, flat cost (simulated)",
            ours=[flat.gap],
            limit=2,
            note="4 finals of 500 steps against 100, batch 4",
        ),
        Row(goal="P17", what="Jain's index, flat cost (simulated)", ours=[flat.jain], limit=0.99, better="high"),
    ]


def service(units: Iterable[Unit], small: frozenset[str], big: frozenset[str]) -> Service:
    """Read from the device's ledger: passes from when both had come to the small tenant's last."""
    passes = [unit for unit in units if unit.kind == "pass"]
    own, other = ([n for n, unit in enumerate(passes) if jobs & set(unit.jobs)] for jobs in (small, big))
    return Service([(_part(unit, small), _part(unit, big)) for unit in passes[max(own[0], other[0]) : own[-1] + 1]])


@dataclass(frozen=True)
class _Shared:
    """What the device did, whose jobs are whose, and how busy it was until the small tenant's end."""

    units: list[Unit]
    tenants: tuple[frozenset[str], frozenset[str]]
    busy: float


async def _shared(rig: Rig, *, tenants: int) -> _Shared:
    """One final of the first tenant among a hundred, of the other one or of its own."""
    model, began = SHARED.model("ours"), time.monotonic()
    jobs = renamed(_jobs(1, 100, tenants=tenants), f"s{began:.3f}")
    tasks = [asyncio.create_task(rig.client.ours(model, job)) for job in jobs]
    outcome = await tasks[0]
    for task in tasks[1:]:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    units = rig.server.units(SHARED.name, since=began)
    end = _done(outcome)
    start = min(unit.start for unit in units if outcome.job.job_id in unit.jobs)
    busy = sum(unit.seconds for unit in units if start <= unit.start and unit.end <= end) / (end - start)
    return _Shared(units, (frozenset({jobs[0].job_id}), frozenset(job.job_id for job in jobs[1:])), busy)


def _simulated() -> Service:
    small = 4
    jobs = [replace(job, steps=500) for job in _jobs(small, 100, tenants=2)]
    with simulation(FLAT) as world:
        world.run(renamed(jobs[-4:], "warm"))
        began = world.time.now
        world.run(jobs, until=2 * small * 500 * STEP_SECONDS / 4)
        names = [job.job_id for job in jobs]
        return service(world.units(since=began), frozenset(names[:small]), frozenset(names[small:]))


def _jobs(small: int, big: int, *, tenants: int) -> list[Job]:
    own = [Job(f"small-{n}", "final", _SMALL_STEPS, seed=n, share="small") for n in range(small)]
    other = "big" if tenants > 1 else "small"
    return own + [Job(f"big-{n}", "final", _SMALL_STEPS, seed=n, share=other) for n in range(big)]


def _done(outcome: Outcome) -> float:
    if outcome.kind != "result":
        raise RuntimeError(f"{outcome.job.job_id}: {outcome.kind} {outcome.reason}")
    return outcome.done


def _part(unit: Unit, jobs: frozenset[str]) -> float:
    return unit.seconds * len(jobs & set(unit.jobs)) / len(unit.jobs)


def _jain(passes: Sequence[tuple[float, float]]) -> float:
    totals = [sum(side) for side in zip(*passes, strict=True)]
    return float(sum(totals) ** 2 / (len(totals) * sum(x * x for x in totals)))
