"""P20: a node that is lost again and again, in simulated time: how much of the device's work was for nothing."""

import random
from collections.abc import Sequence
from dataclasses import replace

from engine.rows import Row
from engine.simulated import NodeLost, Simulation, simulation
from engine.workloads import FINAL_STEPS, FLAT, STEP_SECONDS, Job, finals

_JOB_SECONDS = FINAL_STEPS * STEP_SECONDS
_LOAD_SECONDS = 0.1 * _JOB_SECONDS
_EVERY_SECONDS = 10 * _JOB_SECONDS
_AT_ONCE = 8


def rows(seeds: Sequence[int], *, jobs: int) -> list[Row]:
    """One value per seed, beside the same losses without checkpoints."""
    kept = [_useful(_batch(jobs, every=1), seed) for seed in seeds]
    whole = [_useful(_batch(jobs, every=0), seed) for seed in seeds]
    note = f"{jobs} finals, a loss every 10 job-lengths, {_LOAD_SECONDS / _JOB_SECONDS:.0%} of one to load the model again"
    return [
        Row(
            goal="P20",
            what="finished / all device work, nodes lost at random (simulated)",
            ours=kept,
            limit=0.98,
            better="high",
            worst=True,
            baselines={"without checkpoints": whole},
            note=note,
        )
    ]


def _batch(count: int, *, every: int) -> list[Job]:
    return [replace(job, checkpoint_every=every) for job in finals(count)]


def _useful(jobs: Sequence[Job], seed: int) -> float:
    """Device seconds that the jobs need over those that they took, loading included; pictures must be the same."""
    with simulation(FLAT) as world:
        world.run(jobs, at_once=_AT_ONCE)
        needed, pictures = world.time.now, _pictures(world)
    with simulation(FLAT) as world:
        _run_with_losses(world, jobs, random.Random(seed))
        if _pictures(world) != pictures:
            raise RuntimeError("pictures differ after a loss")
        return needed / world.time.now


def _run_with_losses(world: Simulation, jobs: Sequence[Job], rng: random.Random) -> None:
    left = list(jobs)
    while left:
        world.time.lost_at = world.time.now + rng.expovariate(1 / _EVERY_SECONDS)
        try:
            world.run(left, at_once=_AT_ONCE)
        except NodeLost:
            world.time.now += _LOAD_SECONDS
            world.restart()
        left = [job for job in left if job.job_id not in world.seen or world.seen[job.job_id].done < 0]


def _pictures(world: Simulation) -> dict[str, list[bytes]]:
    return {name: seen.frames for name, seen in world.seen.items()}
