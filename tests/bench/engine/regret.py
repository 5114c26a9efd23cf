"""P4: what our one policy loses to the best fixed policy that somebody could have chosen for each cost table beforehand."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from random import Random

from engine.rows import Row
from engine.simulated import simulation
from engine.workloads import FLAT, KNEE, LINEAR, Job, Table, finals, renamed, spaced_previews

TABLES = (
    FLAT,
    KNEE,
    LINEAR,
    Table("flat to 8", {1: 1.0, 8: 1.0}, 8, 16),
    Table("knee at 2", {1: 1.0, 2: 1.05, 4: 2.1}, 8, 8),
    Table("slope 0.7", {1: 1.0, 2: 1.7}, 8, 8),
)
_TWICE = 2.0
_ENOUGH = 0.99


@dataclass(frozen=True)
class Score:
    """One policy on one table: seconds until all is done, and the share of previews within twice their time alone."""

    policy: str
    makespan: float
    in_time: float


@dataclass
class _Open:
    job: Job
    left: int
    sent: float


def regret(seed: int) -> list[tuple[Table, Score, Score]]:
    """For each table ours, warm, and the best of the fixed ones."""
    found = []
    for table in TABLES:
        jobs = finals(table.finals) + spaced_previews(12, Random(seed), every=table.every)
        sizes = [size for size in (1, 2, 3, 4, 6, 8) if size <= table.max_batch]
        fixed = [_fixed(table, jobs, size, mixing=mixing) for size, mixing in product(sizes, (False, True))]
        found.append((table, _ours(table, jobs), _best(fixed)))
    return found


def rows(seeds: Sequence[int]) -> list[Row]:
    """One row per table, a value per seed; and whether ours kept its previews, without which the rest means nothing."""
    runs = [regret(seed) for seed in seeds]
    found = []
    for number, table in enumerate(TABLES):
        cells = [run[number] for run in runs]
        losses = [100 * (ours.makespan / best.makespan - 1) for _, ours, best in cells]
        in_time = min(ours.in_time for _, ours, _ in cells)
        note = (
            f"best fixed: {cells[-1][2].policy}, previews in time {min(b.in_time for _, _, b in cells):.0%}; ours {in_time:.0%}"
        )
        found.append(
            Row(goal="P4", what=f"{table.name}: regret (simulated)", ours=losses, limit=3, worst=True, unit=" %", note=note)
        )
    kept = [100 * min(ours.in_time for _, ours, _ in run) for run in runs]
    what = "previews within 2x, worst table (simulated)"
    return [*found, Row(goal="P4", what=what, ours=kept, limit=99, better="high", worst=True, unit=" %")]


def _best(fixed: Sequence[Score]) -> Score:
    """The shortest of those that keep their previews; where none does, the one that keeps most."""
    keeping = [score for score in fixed if score.in_time >= _ENOUGH]
    return min(keeping, key=lambda s: s.makespan) if keeping else max(fixed, key=lambda s: (s.in_time, -s.makespan))


def _ours(table: Table, jobs: list[Job]) -> Score:
    with simulation(table) as world:
        world.run(renamed(jobs, "cold"))
        began = world.time.now
        warm = renamed(jobs, "warm")
        world.run(warm)
        waits = [world.seen[j.job_id].done - began - j.at for j in warm if j.tier == "preview"]
        return Score("ours", world.time.now - began, _in_time(table, waits))


def _in_time(table: Table, waits: Sequence[float]) -> float:
    return sum(wait <= _TWICE * table.preview_seconds for wait in waits) / len(waits)


def _fixed(table: Table, jobs: Sequence[Job], batch: int, *, mixing: bool) -> Score:
    """Previews first, then the finals with most steps left; always as many as fit into `batch` places.

    With `mixing` finals fill the places that previews leave. It need not learn, and packs as well as is known, so it is more
    than an operator could set today. Preparing and decoding are one unit at a job's end, ranked by its class.
    """
    spec, now = table.spec, 0.0
    around = spec.prepare_seconds + spec.decode_chunks * spec.decode_seconds
    coming = sorted(jobs, key=lambda job: job.at)
    waiting: list[_Open] = []
    waits = []
    while coming or waiting:
        while coming and coming[0].at <= now + 1e-9:
            job = coming.pop(0)
            waiting.append(_Open(job, job.steps, job.at))
        if not waiting:
            now = coming[0].at
            continue
        group = _group(waiting, batch, mixing=mixing)
        for one in group:
            one.left -= 1
        if group[0].left >= 0:
            now += spec.table.seconds(len(group))
            continue
        now += around
        waiting.remove(group[0])
        if group[0].job.tier == "preview":
            waits.append(now - group[0].sent)
    return Score(f"batch {batch}{', mixed' if mixing else ''}", now, _in_time(table, waits))


def _group(waiting: Sequence[_Open], batch: int, *, mixing: bool) -> list[_Open]:
    """Who works next: one that only has to be decoded, or a batch."""
    previews = [one for one in waiting if one.job.tier == "preview"]
    others = sorted((one for one in waiting if one.job.tier != "preview"), key=lambda one: -one.left)
    ended = [one for one in previews or others if not one.left]
    if ended:
        return ended[:1]
    return [*previews, *(one for one in others if one.left and (mixing or not previews))][:batch]
