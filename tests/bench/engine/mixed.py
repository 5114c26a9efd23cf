"""P1 to P4: finals that saturate the device and previews among them; ours, plain Triton (A, A+), iterative sequences (B)."""

import random
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from engine.pairs import Plan, interleaved
from engine.rows import Row
from engine.runs import Rig, Run, check_costs, packed_bound, percentile
from engine.serving import Device
from engine.workloads import KNEE, TABLES, Job, mixed, spaced_previews

_P1_LIMIT = 1.02
_P3_LIMITS = {"flat": 15.0, "linear": 30.0}


def devices() -> list[Device]:
    """One for each cost table, with all sides; A has no target on the knee and is left out there to save time."""
    return [Device(t.name, t.spec, t.max_batch, ("ours", "A+", "B") if t is KNEE else ("ours", "A", "A+", "B")) for t in TABLES]


@dataclass(frozen=True)
class Pair:
    """One round on one table: every side's run of the same jobs, and a preview's time alone on ours just before."""

    jobs: list[Job]
    alone: float
    runs: dict[str, Run]

    def latencies(self, side: str) -> list[float]:
        """Seconds that each preview took."""
        return [outcome.latency for outcome in self.runs[side].of("preview")]

    def in_time(self, side: str, times: float) -> float:
        """Percent of the previews that took at most so many times their time alone."""
        took = self.latencies(side)
        return 100 * sum(one <= times * self.alone for one in took) / len(took)

    def slower(self, side: str) -> float:
        """The side's p99 of previews over ours."""
        return percentile(self.latencies(side), 0.99) / percentile(self.latencies("ours"), 0.99)

    def busy(self, side: str) -> float:
        """Percent of the time from the first preview's request to the last one's picture in which the device worked."""
        previews = self.runs[side].of("preview")
        return 100 * self.runs[side].busy(min(o.sent for o in previews), max(o.done for o in previews))


async def bench(rig: Rig, plan: Plan) -> list[Row]:
    """All rows of all tables. Raises RuntimeError when a side loses a render or the sides' pictures differ."""
    found = []
    for device in devices():
        rounds = interleaved(f"mix on {device.name}", device.sides, plan)
        # Only ours has anything to learn while it warms up.
        pairs = [await _pair(rig, device, plan.seed + n, order if n else ["ours"]) for n, order in rounds]
        found.append(_rows(device, pairs[1:]))
    return [row for alike in zip(*found, strict=True) for row in alike]


async def _pair(rig: Rig, device: Device, seed: int, order: Sequence[str]) -> Pair:
    jobs = mixed(next(table for table in TABLES if table.name == device.name), seed)
    singles = [Job(f"alone-{p.seed}", p.tier, p.steps, seed=p.seed) for p in spaced_previews(3, random.Random(seed), every=1.0)]
    alone = [await rig.run(device, "ours", [single]) for single in singles]
    runs = {side: await rig.run(device, side, jobs) for side in order}
    for run in runs.values():
        check_costs(device, run.units)
        if run.pictures != runs["ours"].pictures:
            raise RuntimeError(f"{device.name}: the pictures of {run.side} are not ours")
    return Pair(jobs, statistics.median(run.outcomes[0].latency for run in alone), runs)


def _rows(device: Device, pairs: Sequence[Pair]) -> list[Row]:
    name, others = device.name, device.sides[1:]
    count = sum(len(pair.latencies("ours")) for pair in pairs)
    nearer = statistics.mean(pair.in_time("ours", 1.5) for pair in pairs)

    def over_bound(side: str) -> list[float]:
        return [pair.runs[side].makespan / packed_bound(device, pair.jobs) for pair in pairs]

    return [
        Row(
            goal="P1",
            what=f"{name}: makespan / packed bound",
            ours=over_bound("ours"),
            limit=_P1_LIMIT,
            baselines={side: over_bound(side) for side in others},
            note=_gaps(pairs),
        ),
        Row(
            goal="P2",
            what=f"{name}: previews within 2x their time alone",
            ours=[pair.in_time("ours", 2.0) for pair in pairs],
            limit=99,
            better="high",
            unit=" %",
            baselines={side: [pair.in_time(side, 2.0) for pair in pairs] for side in others},
            note=f"{count} previews; {nearer:.0f} % within 1.5x",
        ),
        Row(
            goal="P2",
            what=f"{name}: device busy meanwhile",
            ours=[pair.busy("ours") for pair in pairs],
            limit=97,
            better="high",
            unit=" %",
            baselines={side: [pair.busy(side) for pair in pairs] for side in others},
        ),
        Row(
            goal="P4",
            what=f"{name}: makespan over the shortest baseline's",
            ours=[pair.runs["ours"].makespan / min(pair.runs[side].makespan for side in others) for pair in pairs],
            limit=1.03,
            note=f"B is the fixed policy of always {device.max_batch} a pass",
        ),
        Row(
            goal="P3",
            what=f"{name}: preview p99, {others[0]} / ours",
            ours=[pair.slower(others[0]) for pair in pairs],
            limit=_P3_LIMITS.get(name),
            better="high",
            baselines={f"{side} / ours": [pair.slower(side) for pair in pairs] for side in others[1:]},
            note=", ".join(f"{side} {_p99(pairs, side):.0f} ms" for side in device.sides),
        ),
    ]


def _p99(pairs: Sequence[Pair], side: str) -> float:
    return 1000 * percentile([took for pair in pairs for took in pair.latencies(side)], 0.99)


def _gaps(pairs: Sequence[Pair]) -> str:
    runs = [pair.runs["ours"] for pair in pairs]
    gaps = [later.start - earlier.end for run in runs for earlier, later in pairwise(run.units)]
    return f"between two units {1000 * statistics.median(gaps):.2f} ms, p99 {1000 * percentile(gaps, 0.99):.1f} ms"
