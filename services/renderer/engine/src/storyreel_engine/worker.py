"""Does one turn on the pipeline: measures it, charges it, tells the clients, and keeps one job's fault away from the others.

Called by the engine's loop, on its thread only.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic

from storyreel_engine.charge import Charge
from storyreel_engine.costs import StepCosts
from storyreel_engine.failures import EngineError, OutOfMemoryError, StoppingError
from storyreel_engine.job import Job
from storyreel_engine.policy import Phase
from storyreel_engine.ports import Inputs, Meter, Pipeline, S, Unit
from storyreel_engine.shares import Shares
from storyreel_engine.wire import Tier

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Books:
    """What work is written into: learned costs, shares' counters, metrics, and the clock that it is measured with."""

    costs: StepCosts
    shares: Shares
    meter: Meter
    clock: Callable[[], float]


class Worker(Generic[S]):
    """`caps[key]` is the largest batch of a key since one of it ran out of memory; `units` were begun so far."""

    def __init__(self, pipeline: Pipeline[S], books: Books) -> None:
        self._pipeline = pipeline
        self._books = books
        self.caps: dict[str, int] = {}
        self.units = 0

    def do(self, phase: Phase, jobs: Sequence[Job[S]]) -> None:
        """One unit; whatever goes wrong ends at most the jobs that it is true of."""
        self.units += 1
        for job in jobs:
            self._begin(job)
        match phase:
            case Phase.PREPARE:
                self._guarded(jobs[0], self._prepare)
            case Phase.DECODE:
                self._guarded(jobs[0], self._decode)
            case Phase.PASS if len(jobs) == 1:
                self._guarded(jobs[0], self._pass_alone)
            case Phase.PASS:
                self._pass_together(jobs)

    def save(self, job: Job[S]) -> None:
        """Hand out a checkpoint of a prepared job."""
        if job.state is not None and not job.over:
            self._guarded(job, self._checkpoint)

    def fail(self, job: Job[S], error: EngineError) -> None:
        """End the job as failed, once."""
        if job.over:
            return
        drained = {"drained": True} if isinstance(error, StoppingError) else {}
        self._books.meter.finished(job.request.tier, error.kind, job.device_seconds)
        job.end("failed", failure=error.kind, reason=str(error), **drained)
        job.state = None

    def tell_progress(self, job: Job[S]) -> None:
        """Say how far the job is."""
        job.told_at = self._books.clock()
        job.tell("progress")

    def _guarded(self, job: Job[S], work: Callable[[Job[S]], None]) -> None:
        try:
            work(job)
        except EngineError as error:
            self.fail(job, error)
        except Exception as error:
            # One job's fault must not stop the others, and its client must hear of it.
            log.exception("job %s broke at step %d", job.request.job_id, job.step)
            self.fail(job, EngineError(f"{type(error).__name__}: {error}"))

    def _prepare(self, job: Job[S]) -> None:
        with self._charged([job], Phase.PREPARE) as spent:
            job.state = self._pipeline.prepare(job.request, job.inputs)
        job.inputs = Inputs()  # a checkpoint's bytes are not needed twice
        self._books.costs.learn_phase(job.key, Phase.PREPARE, spent.seconds)
        job.passes = job.state.passes_left
        job.key = self._pipeline.key(job.request, job.state)
        self.tell_progress(job)

    def _pass_alone(self, job: Job[S]) -> None:
        step = job.step
        self._advance([job])
        self._passed(job, step)

    def _pass_together(self, jobs: Sequence[Job[S]]) -> None:
        before = {job.arrival: (job.step, job.passes_left) for job in jobs}
        try:
            self._advance(jobs)
        except OutOfMemoryError as error:
            self.caps[jobs[0].key] = len(jobs) // 2
            log.warning("a batch of %d ran out of memory, %d are tried from now on: %s", len(jobs), len(jobs) // 2, error)
        except Exception:
            log.exception("a batch of %d broke, its jobs go on one by one", len(jobs))
            for job in jobs:
                job.alone = True
        for job in jobs:
            step, left = before[job.arrival]
            if job.passes_left != left:
                self._guarded(job, lambda job, step=step: self._passed(job, step))  # type: ignore[misc]

    def _advance(self, jobs: Sequence[Job[S]]) -> None:
        key, states = jobs[0].key, [job.state for job in jobs if job.state is not None]
        with self._charged(jobs, Phase.PASS) as spent:
            self._pipeline.advance(states)
        self._books.costs.learn_pass(key, len(jobs), spent.seconds)

    def _passed(self, job: Job[S], step_before: int) -> None:
        job.key = self._pipeline.key(job.request, job.state)
        if job.step == step_before:
            return  # a step of a shot in windows takes several passes
        self.tell_progress(job)
        every = job.request.checkpoint_every
        if every and job.step % every == 0 and job.passes_left:
            self._checkpoint(job)

    def _decode(self, job: Job[S]) -> None:
        state = job.state
        assert state is not None, "a job is prepared before it is decoded"  # noqa: S101 - for the type checker
        if job.request.stop_after and not job.draft_told:
            job.draft_told = True
            self._checkpoint(job)  # where its final goes on; before the frames, so that who has those has this
        if state.unit is Unit.DECODE:
            with self._charged([job], Phase.DECODE) as spent:
                frames = self._pipeline.decode(state)
            job.decode_seconds += spent.seconds
            job.tell("frames", frames=frames, first=job.frames_told, count=len(frames))
            job.frames_told += len(frames)
        if state.unit is Unit.NONE:
            self._finish(job)

    def _finish(self, job: Job[S]) -> None:
        request, costs = job.request, self._books.costs
        made = {"windows": job.state.window_count, "seams": list(job.state.seams)} if job.state else {}
        self._books.meter.finished(request.tier, "result", 0.0)  # before the event: who has that may look at the metrics
        job.end("result", count=job.frames_told, height=request.height, width=request.width, fps=request.fps, **made)
        job.state = None
        for key in {job.key, self._pipeline.key(request, None)}:  # with two experts a job ends with another key
            costs.learn_phase(key, Phase.DECODE, job.decode_seconds)
        one = costs.pass_seconds(job.key, 1)
        if request.tier is Tier.PREVIEW and one is not None:
            around = costs.phase_seconds(job.key, Phase.PREPARE) + costs.phase_seconds(job.key, Phase.DECODE)
            costs.learn_preview(around + job.passes * one)

    def _checkpoint(self, job: Job[S]) -> None:
        if job.state is None:
            return
        with self._charged([job], "checkpoint"):
            pack = self._pipeline.save(job.state)
        job.tell("checkpoint", checkpoint=pack)

    def _begin(self, job: Job[S]) -> None:
        if not job.begun:
            job.begun = True
            self._books.meter.waited(job.request.tier, self._books.clock() - job.submitted)

    def _charged(self, jobs: Sequence[Job[S]], phase: str) -> Charge[S]:
        return Charge(jobs, phase, self._books.clock, self._books.meter, self._books.shares)
