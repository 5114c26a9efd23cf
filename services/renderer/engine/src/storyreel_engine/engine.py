"""The step engine: one loop that owns the device and gives it away one unit at a time.

The Triton door calls `submit`, `cancel` and `describe` from its own thread; `EngineThread` calls `run_once` for ever. A unit is
the preparation of one job, ONE forward pass of a batch of compatible jobs, or the decoding of one chunk of one job, so a
preview never waits for more than one unit of a final.
"""

import itertools
import logging
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Generic

from storyreel_engine.admission import EngineLimits, admit, reserved, resident
from storyreel_engine.batching import Turn, choose
from storyreel_engine.costs import StepCosts
from storyreel_engine.failures import EngineError, StoppingError
from storyreel_engine.job import Job
from storyreel_engine.mail import DirectMail, Mail
from storyreel_engine.policy import Candidate, Phase, World
from storyreel_engine.ports import Footprint, Inputs, Meter, NoMeter, Pipeline, S, Sender
from storyreel_engine.shares import Shares
from storyreel_engine.wire import RenderRequest
from storyreel_engine.worker import Books, Worker

__all__ = ["Engine", "EngineLimits"]

log = logging.getLogger(__name__)

_ASK_SECONDS = 1.0
"""How often the clients of waiting jobs are asked whether they are still there; those of working jobs are after each step."""


class Engine(Generic[S]):
    """Jobs in, events out. Only `submit`, `cancel`, `describe` and `wait_for_work` may be called from any thread."""

    def __init__(
        self,
        pipeline: Pipeline[S],
        *,
        limits: EngineLimits | None = None,
        meter: Meter | None = None,
        mail: Mail | None = None,
        clock: Callable[[], float] = time.perf_counter,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._pipeline = pipeline
        self._limits = limits or EngineLimits()
        self._mail = mail or DirectMail()
        self._clock = clock
        self._wall = wall
        self._books = Books(StepCosts(), Shares(), meter or NoMeter(), clock)
        self._worker = Worker(pipeline, self._books)
        self._arrivals = itertools.count()
        self._wake = threading.Condition()
        self._inbox: list[Job[S]] = []
        self._to_cancel: set[str] = set()
        self._jobs: list[Job[S]] = []
        self._asked_at = clock()
        self._closed = False

    def submit(self, request: RenderRequest, sender: Sender, inputs: Inputs | None = None) -> None:
        """Take a job over, or end it at once with `failed` (it cannot be rendered, or there is no room)."""
        job = self._job(request, sender, inputs or Inputs())
        try:
            self._pipeline.check(request)
            job.key = self._pipeline.key(request, None)
            job.footprint = self._pipeline.footprint(request)
            with self._wake:
                if self._closed:
                    raise StoppingError("the server is stopping")
                admit(job.footprint, self._held(), self._limits)
                job.tell("accepted", model=self._pipeline.card.name, version=self._pipeline.card.version)
                self._inbox.append(job)
                self._wake.notify()
        except EngineError as error:
            self._worker.fail(job, error)

    def cancel(self, job_id: str) -> bool:
        """Stop every job with this id before its next unit; False when none is here (it may have ended already)."""
        with self._wake:
            known = any(j.request.job_id == job_id and not j.over for j in [*self._inbox, *self._jobs])
            if known:
                self._to_cancel.add(job_id)
                self._wake.notify()
            return known

    def describe(self) -> dict[str, Any]:
        """For operators: learned costs, memory in bytes, open jobs, and whether this server is stopping."""
        with self._wake:
            held = self._held()
            return {
                "costs": self._books.costs.to_json(),
                "max_batch": self._max_batch(),
                "batch_caps": dict(self._worker.caps),
                "memory": {"limit": self._limits.memory_bytes, "reserved": reserved(held)},
                "live_jobs": len(held),
                "max_jobs": self._limits.max_jobs,
                "tiers": dict(Counter(job.request.tier for job in [*self._inbox, *self._jobs])),
                "mail_waiting": self._mail.waiting,
                "units": self._worker.units,
                "stopping": self._closed,
            }

    def live(self) -> tuple[int, int]:
        """Open jobs, and the bytes of device memory that are set aside for them."""
        with self._wake:
            held = self._held()
        return len(held), reserved(held)

    def wait_for_work(self, timeout: float) -> None:
        """Sleep until something is submitted or cancelled, at most `timeout` seconds; no sleep while jobs are open."""
        with self._wake:
            self._wake.wait_for(lambda: bool(self._inbox or self._jobs or self._to_cancel), timeout)

    def run_once(self) -> bool:
        """Drain what is new, drop what is cancelled, do one unit. False when there was nothing to do."""
        self._absorb()
        self._drop_cancelled()
        turn, jobs = self._next_turn()
        self._mail.nudge()
        if turn is not None:
            self._worker.do(turn.phase, jobs)
            self._settle(turn, jobs)
        self._sweep()
        self._heartbeat()
        return turn is not None

    def close(self, timeout: float = 30.0) -> None:
        """Refuse new jobs; end each open one as `device_lost` after a checkpoint; return when all of it is sent.

        Raises:
            TimeoutError: the mail was not out within `timeout` seconds.
        """
        with self._wake:
            self._closed = True
        self._absorb()
        for job in self._jobs:
            self._worker.save(job)
            self._worker.fail(job, StoppingError("the server is stopping; resume from the last checkpoint"))
        self._sweep()
        self._mail.close(timeout)

    def fail_all(self, reason: str) -> None:
        """End every open job as `internal`: the loop itself broke, and no client may be left waiting."""
        self._absorb()
        for job in self._jobs:
            self._worker.fail(job, EngineError(reason))
        self._sweep()

    def _job(self, request: RenderRequest, sender: Sender, inputs: Inputs) -> Job[S]:
        now = self._clock()
        job: Job[S] = Job(request, sender, self._mail, next(self._arrivals), inputs, now, told_at=now)
        if request.deadline_unix is not None:
            job.deadline = now + request.deadline_unix - self._wall()
        return job

    def _held(self) -> list[Footprint]:
        return [job.footprint for job in [*self._inbox, *self._jobs] if not job.over]

    def _absorb(self) -> None:
        with self._wake:
            arrived, self._inbox = self._inbox, []
            self._jobs = self._jobs + arrived
            for job in arrived:
                self._books.shares.arrive(job.request.share)

    def _drop_cancelled(self) -> None:
        with self._wake:
            named, self._to_cancel = self._to_cancel, set()
        ask = self._clock() - self._asked_at >= _ASK_SECONDS
        if ask:
            self._asked_at = self._clock()
        for job in self._jobs:
            if job.fault is not None and not job.over:
                self._worker.fail(job, EngineError(f"{type(job.fault).__name__}: {job.fault}"))
            elif job.request.job_id in named or job.gone:
                self._cancelled(job)
            elif ask:
                job.ask()
        self._sweep()

    def _next_turn(self) -> tuple[Turn | None, list[Job[S]]]:
        while True:
            turn = self._choose([job.candidate() for job in self._jobs], self._world())
            if turn is None:
                return None, []
            by_arrival = {job.arrival: job for job in self._jobs}
            jobs = [by_arrival[candidate.arrival] for candidate in turn.jobs]
            left = [job for job in jobs if job.is_cancelled()]
            if not left:
                return turn, jobs
            for job in left:
                self._cancelled(job)
            self._sweep()

    def _choose(self, candidates: Sequence[Candidate], world: World) -> Turn | None:
        return choose(candidates, world)

    def _world(self) -> World:
        limit = self._max_batch()
        free = self._limits.memory - resident([job.footprint for job in self._jobs])
        caps = {key: min(cap, limit) for key, cap in self._worker.caps.items()}
        return World(self._clock(), self._books.costs, self._books.shares.seconds, limit, caps, free)

    def _max_batch(self) -> int:
        card = self._pipeline.card.max_batch
        return min(card, self._limits.max_batch or card)

    def _settle(self, turn: Turn, jobs: list[Job[S]]) -> None:
        if turn.trial:
            self._books.costs.tried(turn.jobs[0].key)
        served = {job.request.share for job in jobs}
        if turn.phase is Phase.PASS and len(served) > 1:
            waiting = {job.request.share for job in self._jobs if job not in jobs and not job.over}
            self._books.shares.lift(served - waiting, waiting)

    def _sweep(self) -> None:
        # Replaced, never changed in place: other threads read the list.
        with self._wake:
            for job in self._jobs:
                if job.over:
                    self._books.shares.leave(job.request.share)
            self._jobs = [job for job in self._jobs if not job.over]

    def _cancelled(self, job: Job[S]) -> None:
        self._books.meter.finished(job.request.tier, "cancelled", job.device_seconds)
        job.end("cancelled")
        job.state = None

    def _heartbeat(self) -> None:
        now = self._clock()
        for job in self._jobs:
            if now - job.told_at >= self._limits.heartbeat_seconds:
                self._worker.tell_progress(job)
