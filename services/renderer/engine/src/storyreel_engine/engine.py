"""The step engine: one loop that owns the device and gives it away one unit at a time.

The Triton door calls `submit` and `cancel` from its own thread; `EngineThread` calls `run_once` for ever. A unit is the
preparation, ONE denoise step, or the decoding of ONE job, so a preview never waits for more than one unit of a final.
"""

import itertools
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic

from storyreel_engine.charge import Charge
from storyreel_engine.failures import CapacityError, EngineError, StoppingError
from storyreel_engine.job import Job
from storyreel_engine.pick import pick
from storyreel_engine.ports import Meter, NoMeter, Pipeline, S, Sender
from storyreel_engine.wire import RenderRequest

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class EngineLimits:
    """Admission and liveness.

    A job that waits its turn has its last progress repeated every `heartbeat_seconds`, so for a client silence always
    means a wedged engine, never a busy one. Only ONE unit may be silent for longer: a decode, for example.
    """

    max_jobs: int = 64
    heartbeat_seconds: float = 5.0


class Engine(Generic[S]):
    """Jobs in, events out. Only `submit`, `cancel` and `wait_for_work` may be called from any thread."""

    def __init__(
        self,
        pipeline: Pipeline[S],
        *,
        limits: EngineLimits | None = None,
        meter: Meter | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._pipeline = pipeline
        self._limits = limits or EngineLimits()
        self._meter = meter or NoMeter()
        self._clock = clock
        self._arrivals = itertools.count()
        self._wake = threading.Condition()
        self._inbox: list[Job[S]] = []
        self._to_cancel: set[str] = set()
        self._jobs: list[Job[S]] = []
        self._closed = False

    def submit(self, request: RenderRequest, sender: Sender, checkpoint: bytes | None = None) -> None:
        """Take a job over, or end it at once with `failed` (it cannot be rendered, or there is no room)."""
        job: Job[S] = Job(request, sender, next(self._arrivals), checkpoint, told_at=self._clock())
        try:
            self._pipeline.check(request)
            with self._wake:
                self._admit()
                job.tell("accepted", model=self._pipeline.card.name, version=self._pipeline.card.version)
                self._inbox.append(job)
                self._wake.notify()
        except EngineError as error:
            self._fail(job, error)

    def cancel(self, job_id: str) -> bool:
        """Stop every job with this id before its next unit; False when none is here (it may have ended already)."""
        with self._wake:
            known = any(j.request.job_id == job_id and not j.over for j in [*self._inbox, *self._jobs])
            if known:
                self._to_cancel.add(job_id)
                self._wake.notify()
            return known

    def wait_for_work(self, timeout: float) -> None:
        """Sleep until something is submitted or cancelled, at most `timeout` seconds; no sleep while jobs are open."""
        with self._wake:
            self._wake.wait_for(lambda: bool(self._inbox or self._jobs or self._to_cancel), timeout)

    def run_once(self) -> bool:
        """Drain what is new, drop what is cancelled, do one unit of one job. False when there was nothing to do."""
        self._absorb()
        self._drop_cancelled()
        job = pick(self._jobs)
        if job is not None:
            self._advance(job)
        self._set_jobs([j for j in self._jobs if not j.over])
        self._heartbeat()
        self._meter.live(len(self._jobs))
        return job is not None

    def close(self) -> None:
        """Refuse new jobs; end each open one as `device_lost` after a checkpoint, so that it can go on elsewhere."""
        with self._wake:
            self._closed = True
        self._absorb()
        for job in self._jobs:
            self._hand_out_checkpoint(job)
            self._fail(job, StoppingError("the server is stopping; resume from the last checkpoint"))
        self._set_jobs([])

    def fail_all(self, reason: str) -> None:
        """End every open job as `internal`: the loop itself broke, and no client may be left waiting."""
        self._absorb()
        for job in self._jobs:
            self._fail(job, EngineError(reason))
        self._set_jobs([])

    def _admit(self) -> None:
        if self._closed:
            raise StoppingError("the server is stopping")
        held = len(self._inbox) + len(self._jobs)
        if held >= self._limits.max_jobs:
            raise CapacityError(f"{held} jobs are held, at most {self._limits.max_jobs} are admitted")

    def _absorb(self) -> None:
        with self._wake:
            arrived, self._inbox = self._inbox, []
            self._jobs = self._jobs + arrived

    def _drop_cancelled(self) -> None:
        with self._wake:
            named, self._to_cancel = self._to_cancel, set()
        for job in self._jobs:
            if job.request.job_id in named or job.is_cancelled():
                job.end("cancelled")
                self._meter.finished(job.request.tier, "cancelled")
        self._set_jobs([j for j in self._jobs if not j.over])

    def _set_jobs(self, jobs: list[Job[S]]) -> None:
        # Replaced, never changed in place: `cancel` reads the list from another thread.
        with self._wake:
            self._jobs = jobs

    def _advance(self, job: Job[S]) -> None:
        try:
            if job.state is None:
                self._prepare(job)
            elif job.step < job.steps:
                self._step(job, job.state)
            else:
                self._finish(job, job.state)
        except EngineError as error:
            self._fail(job, error)
        except Exception as error:
            # One job's fault must not stop the others, and its client must hear of it.
            log.exception("job %s broke at step %d", job.request.job_id, job.step)
            self._fail(job, EngineError(f"{type(error).__name__}: {error}"))

    def _prepare(self, job: Job[S]) -> None:
        with self._timed(job, "prepare"):
            if job.checkpoint is None:
                job.state = self._pipeline.prepare(job.request)
            else:
                job.state = self._pipeline.restore(job.request, job.checkpoint)
                job.checkpoint = None
        self._tell_progress(job)

    def _step(self, job: Job[S], state: S) -> None:
        with self._timed(job, "step"):
            self._pipeline.step(state)
        self._tell_progress(job)
        every = job.request.checkpoint_every
        if every and job.step % every == 0 and job.step < job.steps:
            self._hand_out_checkpoint(job)

    def _finish(self, job: Job[S], state: S) -> None:
        with self._timed(job, "decode"):
            frames = self._pipeline.decode(state)
        count, height, width, _ = frames.shape
        job.end("result", frames=frames, count=count, height=height, width=width, fps=job.request.fps)
        self._meter.finished(job.request.tier, "result")

    def _hand_out_checkpoint(self, job: Job[S]) -> None:
        if job.state is None or job.over:
            return
        with self._timed(job, "checkpoint"):
            data = self._pipeline.save(job.state)
        job.tell("checkpoint", checkpoint=data)

    def _tell_progress(self, job: Job[S]) -> None:
        job.told_at = self._clock()
        job.tell("progress")

    def _heartbeat(self) -> None:
        now = self._clock()
        for job in self._jobs:
            if now - job.told_at >= self._limits.heartbeat_seconds:
                self._tell_progress(job)

    def _fail(self, job: Job[S], error: EngineError) -> None:
        job.end("failed", failure=error.kind, reason=str(error))
        job.state = None
        self._meter.finished(job.request.tier, error.kind)

    def _timed(self, job: Job[S], phase: str) -> Charge[S]:
        return Charge(job, phase, self._clock, self._meter)
