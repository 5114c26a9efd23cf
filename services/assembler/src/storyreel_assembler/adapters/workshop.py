"""Where the heavy work is done: a pool of processes, so that the event loop never waits for a codec."""

import asyncio
import ctypes
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.process import BaseProcess
from typing import ParamSpec, Self, TypeVar

import av
import cv2
from storyreel_chassis.errors import Transient
from storyreel_contracts import FailureKind

from storyreel_assembler import metrics

P = ParamSpec("P")
T = TypeVar("T")
_PR_SET_PDEATHSIG = 1
GOODBYE_S = 5.0
NICENESS = 5  # encoding gives way to event loops, this room's and its neighbours'


class Workshop:
    """An async context manager around the pool. A worker that dies takes its job with it, never the service."""

    def __init__(self, workers: int = 0) -> None:
        self._workers = workers or len(os.sched_getaffinity(0))
        self._pool: ProcessPoolExecutor | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        ended = self._discard()
        for process in ended:
            await asyncio.to_thread(process.join, GOODBYE_S)

    async def run(self, step: str, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `work` in a worker. Raises what it raises, or Transient when the worker died (out of memory, a crash)."""
        if kwargs:
            raise TypeError("work in the pool takes positional arguments")
        if self._pool is None:
            self._pool = ProcessPoolExecutor(
                self._workers, mp_context=multiprocessing.get_context("spawn"), initializer=_prepare
            )
        pool = self._pool
        with metrics.STEP_SECONDS.labels(step).time():
            try:
                return await asyncio.get_running_loop().run_in_executor(pool, work, *args)
            except BrokenProcessPool as error:
                if self._pool is pool:
                    self._discard()
                raise Transient(FailureKind.OUT_OF_MEMORY, f"the worker doing {step} died") from error

    def _discard(self) -> list[BaseProcess]:
        """Forget the pool and end its processes, busy or not; a job is safe to repeat."""
        if self._pool is None:
            return []
        pool, self._pool = self._pool, None
        running: list[BaseProcess] = list((pool._processes or {}).values())
        pool.shutdown(wait=False, cancel_futures=True)
        for process in running:
            process.terminate()
        return running


def _prepare() -> None:
    """In each worker: one thread per job, quiet codecs, Ctrl-C left to the service, and an end with the service's own."""
    os.nice(NICENESS)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    cv2.setNumThreads(1)
    av.logging.set_level(av.logging.ERROR)
