"""Running a function in a child process with a wall clock and a memory limit. A child that overruns is killed.

For work on bytes that outsiders made: children are forked from a server process that has loaded the heavy modules once, so
one starts in some milliseconds, and a crash, a leak or a hang in a decoder stays in the child.
"""

import asyncio
import multiprocessing
import resource
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from typing import Any, TypeVar

T = TypeVar("T")


class ChildLost(Exception):  # noqa: N818 - named after what happened
    """The child gave no answer: it overran, crashed or raised."""


class Children:
    """At most `workers` children at once; callers wait for a place without blocking the loop."""

    def __init__(self, workers: int, memory_mib: int, preload: list[str]) -> None:
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(preload)
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="child")
        self._memory = memory_mib * 2**20
        self._running: set[ForkServerProcess] = set()
        self._closed = False

    def close(self) -> None:
        """End all children; whoever waits for one gets ChildLost."""
        self._closed = True
        for child in list(self._running):
            child.kill()
        self._threads.shutdown(wait=True, cancel_futures=True)

    async def run(self, limit_s: float, work: Callable[..., T], *args: Any) -> T:
        """The function's result. Raises ChildLost. `work`, its arguments and its result must be picklable."""
        loop = asyncio.get_running_loop()
        result: T = await loop.run_in_executor(self._threads, self._supervise, limit_s, work, args)
        return result

    def _supervise(self, limit_s: float, work: Callable[..., T], args: tuple[Any, ...]) -> T:
        ours, theirs = self._context.Pipe(duplex=False)
        child = self._context.Process(target=_serve, args=(theirs, self._memory, work, args), daemon=True)
        child.start()
        theirs.close()
        self._running.add(child)
        if self._closed:  # it started while `close` was ending the others
            child.kill()
        try:
            done, answer = _answer(ours, limit_s)
        finally:
            self._running.discard(child)
            child.kill()
            child.join()
            ours.close()
        if not done:
            raise ChildLost(answer)
        result: T = answer
        return result


def _answer(ours: Connection, limit_s: float) -> tuple[bool, Any]:
    """Whether the child did its work, and the result or the reason."""
    try:
        answer: tuple[bool, Any] = ours.recv() if ours.poll(limit_s) else (False, f"no answer within {limit_s:g} s")
    except EOFError:
        return False, "the child died"
    return answer


def _serve(answer: Connection, memory: int, work: Callable[..., Any], args: tuple[Any, ...]) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    with ThreadPoolExecutor(1) as inside:
        future = inside.submit(work, *args)
        error = future.exception()
    answer.send((True, future.result()) if error is None else (False, f"{type(error).__name__}: {error}"))
    answer.close()
