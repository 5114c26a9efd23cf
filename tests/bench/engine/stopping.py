"""P5: what a kill and a polite eviction cost, on a real server that really dies."""

import asyncio
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Sequence

from storyreel_engine.virtual_device import Unit
from storyreel_engine.virtual_folder import VirtualSpec

from engine.clients import Client
from engine.pairs import Plan
from engine.rows import Row, say
from engine.serving import Device, Server
from engine.workloads import Job, renamed

KILLED = Device("killed", VirtualSpec(0.1, {1: 1.0, 4: 1.0}, 0.002, 0.005, decode_chunks=2, latent_bytes=1 << 20), 4)
_JOBS, _STEPS = 4, 20


async def bench(server: Server, plan: Plan) -> list[Row]:
    """Kill the server, or ask it to stop, in the middle of four finals; count the steps that are done again."""
    whole = await _uninterrupted(server)
    lost: dict[str, list[float]] = {"killed": [], "asked": []}
    rng = random.Random(plan.seed)
    for number in range(plan.pairs):
        for how in lost:
            lost[how] += await _interrupted(server, renamed(_jobs(), f"{how}{number}"), how, rng.uniform(0.3, 1.7), whole)
            worst = max(lost[how][-_JOBS:])
            say(f"{how} in the middle, {number + 1} of {plan.pairs}: at most {worst:.2f} steps lost by a job")
    note = f"{_JOBS} jobs a pass, checkpoints of 1 MiB every step, 0.1 s a step; pictures equal bit for bit"
    return [
        Row(goal="P5", what="steps lost by each running job per SIGKILL", ours=lost["killed"], limit=1, worst=True, note=note),
        Row(goal="P5", what="steps lost by each running job per SIGTERM", ours=lost["asked"], limit=0, worst=True),
    ]


def _jobs() -> list[Job]:
    return [Job(f"final-{n}", "final", _STEPS, seed=n, checkpoint_every=1) for n in range(_JOBS)]


async def _uninterrupted(server: Server) -> dict[int, str]:
    client = Client(server.url)
    outcomes = await asyncio.gather(*(client.ours(KILLED.model("ours"), job) for job in renamed(_jobs(), "whole")))
    await client.close()
    return {outcome.job.seed: outcome.pictures for outcome in outcomes}


async def _interrupted(server: Server, jobs: Sequence[Job], how: str, after: float, whole: dict[int, str]) -> list[float]:
    """Steps lost by each job. Raises RuntimeError when pictures differ from those of renders that nobody disturbed."""
    began, client = time.monotonic(), Client(server.url)
    renders = [asyncio.create_task(client.ours(KILLED.model("ours"), job)) for job in jobs]
    await asyncio.sleep(after)
    died = await asyncio.to_thread(_kill if how == "killed" else _ask, server)
    broken = await asyncio.gather(*renders)
    await client.close()
    if all(outcome.kind == "result" for outcome in broken):
        raise RuntimeError(f"{how}: every render ended before the server did, nothing was interrupted")
    await asyncio.to_thread(server.stack.restart, "triton")
    client = Client(server.url)
    ended = await asyncio.gather(*(client.ours(KILLED.model("ours"), o.job, checkpoint=o.checkpoint) for o in broken))
    await client.close()
    different = [o.job.job_id for o in ended if o.kind != "result" or o.pictures != whole[o.job.seed]]
    if different:
        raise RuntimeError(f"not what an undisturbed render gives: {different}")
    return _lost(jobs, server.units(KILLED.name, since=began), died)


def _kill(server: Server) -> float:
    died = time.monotonic()
    server.stack.kill("triton")
    return died


def _ask(server: Server) -> float:
    process = server.stack.state.process("triton")
    assert process is not None
    os.kill(process.pid, signal.SIGTERM)
    process.stop()
    return time.monotonic()


def _lost(jobs: Sequence[Job], units: Sequence[Unit], died: float) -> list[float]:
    """Passes done twice, and the part of a pass that had run when the process died, in steps."""
    done: Counter[str] = Counter()
    for unit in units:
        share = 1.0 if unit.end <= died or unit.woke is not None else max(0.0, died - unit.start) / unit.seconds
        for job in unit.jobs if unit.kind == "pass" else ():
            done[job] += share  # type: ignore[assignment]  # a counter of parts
    return [done[job.job_id] - job.steps for job in jobs]
