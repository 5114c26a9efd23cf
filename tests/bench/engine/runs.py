"""One side renders one list of jobs, and what came of it: what clients saw, and what the device did meanwhile."""

import asyncio
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

from storyreel_engine.virtual_device import Unit

from engine.clients import Client, Outcome
from engine.serving import Device, Server
from engine.workloads import Job, renamed

_PATIENCE_SECONDS = 120.0


@dataclass(frozen=True)
class Run:
    """One side's run. `units` are the device's, in order."""

    side: str
    outcomes: list[Outcome]
    units: list[Unit]

    def of(self, tier: str) -> list[Outcome]:
        """Only the renders of that tier."""
        return [outcome for outcome in self.outcomes if outcome.job.tier == tier]

    @property
    def makespan(self) -> float:
        """Seconds from the first request to the last picture, at the client."""
        return max(o.done for o in self.outcomes) - min(o.sent for o in self.outcomes)

    def busy(self, start: float, end: float) -> float:
        """Share of that time in which the device worked."""
        return sum(max(0.0, min(u.end, end) - max(u.start, start)) for u in self.units) / (end - start)

    @property
    def pictures(self) -> dict[str, str]:
        """Hash of the pictures by render, without what tells runs apart."""
        return {o.job.job_id.split(".")[0]: o.pictures for o in self.outcomes}


class Rig:
    """Runs sides on one server from one client."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.client = Client(server.url)
        self._runs = 0

    async def run(self, device: Device, side: str, jobs: Sequence[Job], *, checkpoint: bytes | None = None) -> Run:
        """Send each job at its time and wait for all; ours go on from the checkpoint, if there is one.

        Raises RuntimeError when a job does not end with a result.
        """
        self._runs += 1
        began = time.monotonic()
        mine = renamed(list(jobs), f"{self._runs}")
        async with asyncio.timeout(_PATIENCE_SECONDS):
            outcomes = await asyncio.gather(*(self._one(device, side, job, began, checkpoint) for job in mine))
        lost = [f"{o.job.job_id}: {o.kind} {o.reason}" for o in outcomes if o.kind != "result"]
        if lost:
            raise RuntimeError(f"{side} on {device.name}: {'; '.join(lost)}")
        return Run(side, outcomes, self.server.units(device.name, since=began))

    async def _one(self, device: Device, side: str, job: Job, began: float, checkpoint: bytes | None) -> Outcome:
        await asyncio.sleep(max(0.0, began + job.at - time.monotonic()))
        model = device.model(side)
        if side == "ours":
            return await self.client.ours(model, job, checkpoint=checkpoint)
        return await self.client.whole(model, job)


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of the values does not exceed."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def packed_bound(device: Device, jobs: Sequence[Job]) -> float:
    """Device seconds that nobody can go below: every pass in the cheapest batch, every other unit one after another.

    Raises no claim about the order: it ignores that one job's passes cannot share a batch, so it may be out of reach.
    """
    spec = device.spec
    passes = sum(job.goal for job in jobs) * spec.table.best_share(device.max_batch)
    return passes + len(jobs) * (spec.prepare_seconds + spec.decode_chunks * spec.decode_seconds)


def check_costs(device: Device, units: Sequence[Unit]) -> None:
    """What the ledger measured is what the bound is made of. Raises RuntimeError when it is not."""
    for unit in units:
        if unit.kind == "pass" and not math.isclose(unit.seconds, device.spec.table.seconds(len(unit.jobs)), rel_tol=1e-3):
            raise RuntimeError(f"{device.name}: a pass of {len(unit.jobs)} took {unit.seconds} s, not what the table says")
