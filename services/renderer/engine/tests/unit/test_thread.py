"""The engine on its own thread: jobs handed over from another thread are done without polling by hand."""

import threading
from collections.abc import Sequence
from typing import Any

import pytest
from engine_fakes import Clock, FakePipeline, FakeSender, FakeState, request
from storyreel_engine.batching import Turn
from storyreel_engine.engine import Engine
from storyreel_engine.policy import Candidate, World
from storyreel_engine.thread import EngineThread
from storyreel_engine.wire import Event


def never() -> None:
    """For threads that must not give up: the default would end the test's own process."""
    pytest.fail("gave up")


@pytest.fixture
def engine() -> Engine[FakeState]:
    clock = Clock()
    return Engine(FakePipeline(clock), clock=clock)


def test_jobs_from_other_threads_are_rendered_and_the_thread_stops(engine: Engine[FakeState]) -> None:
    thread = EngineThread(engine, give_up=never)
    thread.start()
    clients = [FakeSender() for _ in range(5)]
    for index, client in enumerate(clients):
        engine.submit(request(str(index)), client)
    assert all(client.ended.wait(10) for client in clients)
    thread.stop()
    assert {client.kinds[-1] for client in clients} == {"result"}


class BreaksOnce(Engine[FakeState]):
    """Its loop breaks at the first choice, outside any job's own unit."""

    broken = False

    def _choose(self, candidates: Sequence[Candidate], world: World) -> Turn | None:
        if candidates and not self.broken:
            self.broken = True
            raise RuntimeError("planted")
        return super()._choose(candidates, world)


@pytest.fixture
def breaking() -> BreaksOnce:
    clock = Clock()
    return BreaksOnce(FakePipeline(clock), clock=clock)


def test_a_loop_that_breaks_tells_its_clients_and_goes_on(breaking: BreaksOnce) -> None:
    thread = EngineThread(breaking, give_up=never)
    thread.start()
    broken, good = FakeSender(), FakeSender()
    breaking.submit(request("broken"), broken)
    assert broken.ended.wait(10)
    breaking.submit(request("good"), good)
    assert good.ended.wait(10)
    thread.stop()
    assert (broken.last["failure"], good.kinds[-1]) == ("internal", "result")
    assert "planted" in broken.last["reason"]


def test_an_engine_that_cannot_even_tell_its_clients_gives_up(breaking: BreaksOnce) -> None:
    class Unreachable(FakeSender):
        def send(self, event: Event, *, last: bool = False, **more: Any) -> None:
            if last:
                raise OSError("the way back is broken too")
            super().send(event, last=last, **more)

    gave_up = threading.Event()
    thread = EngineThread(breaking, give_up=gave_up.set)
    thread.start()
    breaking.submit(request(), Unreachable())
    assert gave_up.wait(10)


def test_stop_says_so_when_a_unit_does_not_end() -> None:
    clock, going_on, release = Clock(), threading.Event(), threading.Event()
    pipeline = FakePipeline(clock)
    pipeline.during["prepare", "job"] = lambda: (going_on.set(), release.wait(10))
    engine = Engine(pipeline, clock=clock)
    thread = EngineThread(engine, give_up=never)
    thread.start()
    engine.submit(request("job"), FakeSender())
    assert going_on.wait(10)
    with pytest.raises(TimeoutError, match="did not end"):
        thread.stop(timeout=0.05)
    release.set()
