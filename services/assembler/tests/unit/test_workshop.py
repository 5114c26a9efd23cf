"""The pool: work is done elsewhere, and a worker that dies takes only its job with it."""

import asyncio
import multiprocessing
import os
import time
from multiprocessing.connection import wait

import pytest
from storyreel_assembler.adapters.workshop import Workshop
from storyreel_chassis.errors import Transient


async def test_work_is_done_in_another_process(workshop: Workshop) -> None:
    assert await workshop.run("probe", os.getpid) != os.getpid()


async def test_a_dead_worker_fails_its_job_for_now_and_the_next_one_is_done(workshop: Workshop) -> None:
    with pytest.raises(Transient, match="died"):
        await workshop.run("crash", os.abort)
    assert await workshop.run("probe", abs, -3) == 3


async def test_what_the_work_raises_comes_back_as_it_is(workshop: Workshop) -> None:
    with pytest.raises(ZeroDivisionError):
        await workshop.run("divide", divmod, 1, 0)


async def test_leaving_ends_a_busy_worker() -> None:
    async with Workshop(1) as shop:
        worker = await shop.run("probe", os.getpid)
        [child] = [child for child in multiprocessing.active_children() if child.pid == worker]
        job = asyncio.create_task(shop.run("probe", time.sleep, 60))
        await asyncio.sleep(0.2)
    # The sentinel is the process itself; `is_alive` may still say yes while the pool's thread is collecting the exit status.
    assert wait([child.sentinel], 10)
    with pytest.raises(Transient):
        await job
