"""How near ours is to what no scheduler can pass: the least that a preview waits (P3), and what keeping previews costs (P1).

In simulated time, where nothing but the policy counts. A pass that has begun cannot be left; that is all the bounds assume.
"""

import statistics
from collections.abc import Sequence
from itertools import combinations_with_replacement

from storyreel_engine.virtual_device import Unit

from engine.rows import Row
from engine.runs import packed_bound, percentile
from engine.serving import Device
from engine.simulated import Simulation, simulation
from engine.workloads import PREVIEW_STEPS, TABLES, Job, Table, finals, mixed, renamed

_PROMISE = 2.0  # P2: so many times what a preview takes alone
_POINTS = 1_000
_WARM_SEED = 1_000
_MANY = 8  # a short backlog without previews shows little but the pass that is measured anew, one in 400


def rows(seeds: Sequence[int]) -> list[Row]:
    """Three rows per table, a value per seed."""
    return [row for table in TABLES for row in _rows(table, seeds)]


def least(table: Table, job: Job, at: float, units: Sequence[Unit]) -> float:
    """Seconds that a preview which came `at` takes at least: the rest of the unit during which it came, then its own time."""
    rest = next((unit.end - at for unit in units if unit.start <= at < unit.end), 0.0)
    around = table.spec.prepare_seconds + table.spec.decode_chunks * table.spec.decode_seconds
    return rest + around + job.goal * table.spec.table.seconds(1)


def price(table: Table, promise: float = _PROMISE) -> float:
    """Device seconds that one preview costs at least beyond the packed bound, if it must end within `promise` times its time
    alone: on average over the moment of a pass in the cheapest batch at which it comes.

    Its passes may be of any sizes; the fuller they are, the less is lost and the longer they take.
    """
    seconds, sizes = table.spec.table.seconds, range(1, table.max_batch + 1)
    share = table.spec.table.best_share(table.max_batch)
    longest = seconds(min(sizes, key=lambda size: seconds(size) / size))
    around = table.preview_seconds - PREVIEW_STEPS * seconds(1)
    plans = [
        (sum(map(seconds, plan)), sum(seconds(size) - size * share for size in plan))
        for plan in combinations_with_replacement(sizes, PREVIEW_STEPS)
    ]
    lost = []
    for point in range(_POINTS):
        left = promise * table.preview_seconds - around - longest * (point + 0.5) / _POINTS
        lost.append(min((loss for time, loss in plans if time <= left), default=min(plans)[1]))
    return max(0.0, statistics.mean(lost))


def _rows(table: Table, seeds: Sequence[int]) -> list[Row]:
    device = Device(table.name, table.spec, table.max_batch)
    waits, packed, alone = [], [], []
    for seed in seeds:
        jobs = mixed(table, seed)
        with simulation(table) as world:
            world.run(renamed(mixed(table, _WARM_SEED + seed), "cold"))
            waits.append(_over_least(table, world, renamed(jobs, "warm")))
            packed.append(_over_bound(device, world, renamed(jobs, "again"), price(table)))
            alone.append(_over_bound(device, world, renamed(finals(_MANY * table.finals), "alone"), 0.0))
    jobs = mixed(table, 0)
    itself = 1 + _previews(jobs) * price(table) / packed_bound(device, jobs)
    return [
        Row(goal="P3", what=f"{table.name}: preview p99 / the least that passes allow (simulated)", ours=waits),
        Row(
            goal="P1",
            what=f"{table.name}: makespan / the least that keeps P2 (simulated)",
            ours=packed,
            note=f"which is {itself:.3f} of the packed bound",
        ),
        Row(goal="P1", what=f"{table.name}: makespan / packed bound without previews (simulated)", ours=alone),
    ]


def _previews(jobs: Sequence[Job]) -> int:
    return sum(job.tier == "preview" for job in jobs)


def _over_least(table: Table, world: Simulation, jobs: Sequence[Job]) -> float:
    began = world.time.now
    world.run(jobs)
    units, previews = world.units(since=began), [job for job in jobs if job.tier == "preview"]
    took = [world.seen[job.job_id].done - began - job.at for job in previews]
    return percentile(took, 0.99) / percentile([least(table, job, began + job.at, units) for job in previews], 0.99)


def _over_bound(device: Device, world: Simulation, jobs: Sequence[Job], extra: float) -> float:
    began = world.time.now
    world.run(jobs)
    return (world.time.now - began) / (packed_bound(device, jobs) + _previews(jobs) * extra)
