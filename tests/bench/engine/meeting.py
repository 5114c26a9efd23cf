"""P2 where previews meet: they come at random, so some wait for others; told without a target, in simulated time."""

import random
from collections.abc import Sequence

from engine.rows import Row
from engine.simulated import simulation
from engine.workloads import TABLES, Job, Table, finals, random_previews, renamed

_SECONDS = 100
_EVERY = 1.2
_STEPS = 1_000


def rows(seeds: Sequence[int]) -> list[Row]:
    """One row per table, a value per seed."""
    return [
        Row(
            goal="P2",
            what=f"{table.name}: within 2x when previews come at random (simulated)",
            ours=[_in_time(table, seed) for seed in seeds],
            unit=" %",
            note=f"Poisson, one in {_EVERY} s: {round(_SECONDS / _EVERY)} a run; told, no target",
        )
        for table in TABLES
    ]


def _in_time(table: Table, seed: int) -> float:
    """Percent of the previews that take at most twice their time alone, while finals wait all the time."""
    warm = renamed(finals(table.max_batch), "warm")
    previews = [job for job in random_previews(2 * _SECONDS, random.Random(seed), every=_EVERY) if job.at < _SECONDS]
    with simulation(table) as world:
        world.run([*warm, Job("preview-warm", "preview", 4)])
        began = world.time.now
        world.run([*finals(3 * table.max_batch, steps=_STEPS), *previews], until=_SECONDS + 10)
        took = [world.seen[job.job_id].done - began - job.at for job in previews]
    return 100 * sum(0 <= one <= 2 * table.preview_seconds for one in took) / len(took)
