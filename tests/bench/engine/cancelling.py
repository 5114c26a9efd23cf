"""P18: how soon a cancel gives the device back, and that a late one takes nothing away."""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Any

from storyreel_engine.virtual_device import Unit
from storyreel_engine.virtual_folder import VirtualSpec

from engine.clients import Outcome
from engine.pairs import Plan, interleaved
from engine.rows import Row
from engine.runs import Rig
from engine.serving import Device
from engine.workloads import Job, finals, renamed

CANCELLED = Device("cancelled", VirtualSpec(0.02, {1: 1.0, 4: 1.0}, 0.002, 0.005, decode_chunks=2), 4)
_STEPS, _CANCEL_AT = 20, 7


async def bench(rig: Rig, plan: Plan) -> list[Row]:
    """Of eight finals one is cancelled by message and one by leaving; their passes that begin afterwards are counted."""
    by_message: list[float] = []
    by_leaving: list[float] = []
    lost: list[float] = []
    for number, _ in interleaved("cancel", ("ours",), plan):
        trial = _Trial(rig, renamed(finals(8, steps=_STEPS), f"c{number}"))
        await trial.run()
        if number:
            by_message.append(trial.passes_after(0))
            by_leaving.append(trial.passes_after(1))
            lost.append(trial.lost)
    return [
        Row(goal="P18", what="steps begun after a cancel by message", ours=by_message, limit=1, worst=True),
        Row(goal="P18", what="steps begun after the client left", ours=by_leaving, limit=1, worst=True),
        Row(goal="P18", what="finished results lost to a late cancel", ours=lost, limit=0, worst=True),
    ]


class _Trial:
    """One run: the first job is cancelled by message, the second by its client's leaving, both at step 7."""

    def __init__(self, rig: Rig, jobs: Sequence[Job]) -> None:
        self._rig, self._jobs = rig, jobs
        self._model = CANCELLED.model("ours")
        self._tasks: list[asyncio.Task[Outcome]] = []
        self._messages: list[asyncio.Task[bool]] = []
        self._cancelled_at: dict[str, float] = {}
        self._units: list[Unit] = []
        self.lost = 0.0

    async def run(self) -> None:
        """Raises RuntimeError when a job that should have been stopped in the middle went on to its end."""
        began = time.monotonic()
        ways = [self._by_message, self._by_leaving, *[None] * (len(self._jobs) - 2)]
        for job, way in zip(self._jobs, ways, strict=True):
            watch = self._at_step(way) if way else None
            self._tasks.append(asyncio.create_task(self._rig.client.ours(self._model, job, watch=watch)))
        outcomes = await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*self._messages)
        rest = outcomes[2:]
        # The last one has ended: a cancel finds nobody, and its pictures stay.
        found = await self._rig.client.cancel(self._model, self._jobs[-1].job_id)
        self.lost = float(found + sum(not isinstance(o, Outcome) or o.kind != "result" for o in rest))
        self._units = [unit for unit in self._rig.server.units(CANCELLED.name, since=began) if unit.kind == "pass"]
        self._check()

    def passes_after(self, number: int) -> float:
        """Passes of that job that began after its cancel."""
        job = self._jobs[number].job_id
        return float(sum(job in unit.jobs and unit.start > self._cancelled_at[job] for unit in self._units))

    def _check(self) -> None:
        for job in self._jobs[:2]:
            done = sum(job.job_id in unit.jobs for unit in self._units)
            if job.job_id not in self._cancelled_at or done >= _STEPS:
                raise RuntimeError(f"{job.job_id} was to be cancelled in the middle and did {done} steps")

    def _at_step(self, end: Callable[[str], None]) -> Callable[[Outcome, dict[str, Any]], None]:
        def see(outcome: Outcome, event: dict[str, Any]) -> None:
            name = outcome.job.job_id
            if event.get("step") == _CANCEL_AT and name not in self._cancelled_at:
                self._cancelled_at[name] = time.monotonic()
                end(name)

        return see

    def _by_message(self, name: str) -> None:
        self._messages.append(asyncio.create_task(self._rig.client.cancel(self._model, name)))

    def _by_leaving(self, name: str) -> None:
        self._tasks[[job.job_id for job in self._jobs].index(name)].cancel()
