"""The real engine and the virtual device in simulated time: hours in seconds, with nothing that the machine could disturb.

For what needs many runs: comparing with fixed policies (P4), long fairness (P17) and random losses (P20).
"""

import json
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from storyreel_engine.admission import EngineLimits
from storyreel_engine.engine import Engine
from storyreel_engine.ports import Frames, Inputs
from storyreel_engine.virtual import VirtualPipeline, VirtualState
from storyreel_engine.virtual_device import Unit, VirtualDevice, read_ledger
from storyreel_engine.virtual_folder import make_virtual
from storyreel_engine.wire import Event, RenderRequest, parse_request

from engine.workloads import Job, Table


class NodeLost(BaseException):
    """The node died in the middle of a unit."""


class Time:
    """A clock that only sleeping moves. At `lost_at` the node dies: a sleep that would go beyond ends there.

    At `alarm_at` the alarm is called, in the middle of a sleep if need be; it has to set the next one.
    """

    def __init__(self) -> None:
        self.now = 0.0
        self.lost_at = self.alarm_at = math.inf
        self.alarm: Callable[[], None] = lambda: None

    def clock(self) -> float:
        """Seconds since the beginning."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Move the clock on. Raises NodeLost."""
        end = self.now + seconds
        while self.alarm_at <= min(end, self.lost_at):
            self.now = max(self.now, self.alarm_at)
            self.alarm()
        if end >= self.lost_at:
            self.now, self.lost_at, self.alarm_at = self.lost_at, math.inf, math.inf
            raise NodeLost
        self.now = end


@dataclass
class Seen:
    """What the client of one job got; `done` is negative until its end, `lost` says that its server died meanwhile."""

    sent: float
    done: float = -1.0
    kind: str = ""
    lost: bool = False
    checkpoint: bytes | None = None
    frames: list[bytes] = field(default_factory=list)


class _Inbox:
    """`ports.Sender` to a `Seen`."""

    def __init__(self, seen: Seen, time: Time) -> None:
        self._seen, self._time = seen, time

    def send(self, event: Event, *, frames: Frames | None = None, checkpoint: bytes | None = None, last: bool = False) -> None:
        """Keep what came."""
        if checkpoint is not None:
            self._seen.checkpoint = checkpoint
        if frames is not None:
            self._seen.frames.append(frames.tobytes())
        if last:
            self._seen.done, self._seen.kind = self._time.now, event.kind

    def is_cancelled(self) -> bool:
        """Nobody leaves."""
        return False


class Simulation:
    """One device with one engine on it; a new engine on the same device is a restarted server."""

    def __init__(self, table: Table, ledger: Path) -> None:
        self.time = Time()
        self.seen: dict[str, Seen] = {}
        self._ledger = ledger
        self._spec = replace(table.spec, latent_bytes=64)
        self._card = make_virtual(ledger.parent / "model", self._spec, max_batch=table.max_batch)
        self._device = VirtualDevice(ledger, clock=self.time.clock, sleep=self.time.sleep)
        self.engine = self._new_engine()

    def restart(self) -> None:
        """The server dies and comes back: everything that it knew is gone."""
        for seen in self.seen.values():
            seen.lost = seen.done < 0
        self.engine = self._new_engine()

    def submit(self, job: Job) -> None:
        """Send a job now, from its last checkpoint if it has one."""
        seen = self.seen.setdefault(job.job_id, Seen(self.time.now))
        seen.frames.clear()
        seen.lost = False
        self.engine.submit(request_of(job), _Inbox(seen, self.time), Inputs(checkpoint=seen.checkpoint))

    def run(self, jobs: Sequence[Job], *, until: float | None = None, at_once: int = 1_000) -> None:
        """Send each job at its time, counted from now, and work until all is done (or for `until` seconds at least).

        No more than `at_once` jobs are open at any time; a job waits for its place.
        """
        began = self.time.now
        waiting = sorted(jobs, key=lambda job: job.at)

        def arrive() -> None:
            while waiting and began + waiting[0].at <= self.time.now and self._open < at_once:
                self.submit(waiting.pop(0))
            self.time.alarm_at = began + waiting[0].at if waiting and self._open < at_once else math.inf

        self.time.alarm = arrive
        while until is None or self.time.now - began < until:
            arrive()
            if not self.engine.run_once():
                if not waiting:
                    break
                self.time.sleep(began + waiting[0].at - self.time.now)
        self.time.alarm_at = math.inf

    def units(self, *, since: float = 0.0) -> list[Unit]:
        """What the device did."""
        return read_ledger(self._ledger, since=since)

    @property
    def _open(self) -> int:
        return sum(seen.done < 0 and not seen.lost for seen in self.seen.values())

    def _new_engine(self) -> Engine[VirtualState]:
        pipeline = VirtualPipeline(self._spec, self._card, self._device)
        limits = EngineLimits(max_jobs=100_000, heartbeat_seconds=1e9)
        return Engine(pipeline, limits=limits, clock=self.time.clock, wall=self.time.clock)


@contextmanager
def simulation(table: Table) -> Iterator[Simulation]:
    """A simulation with a ledger that is deleted afterwards."""
    with TemporaryDirectory(prefix="storyreel-sim-") as folder:
        yield Simulation(table, Path(folder) / "ledger")


def request_of(job: Job) -> RenderRequest:
    """The job's request, through the real parser."""
    request = parse_request(json.dumps(job.body()).encode())
    assert isinstance(request, RenderRequest)
    return request
