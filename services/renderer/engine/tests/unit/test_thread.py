"""The engine on its own thread: jobs handed over from another thread are done without polling by hand."""

import threading
from typing import Any

import pytest
from engine_fakes import Clock, FakePipeline, FakeSender, FakeState, request
from storyreel_engine.engine import Engine
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


class BreaksTheLoop(FakeSender):
    """A client whose question breaks the loop itself, outside any job's own unit."""

    def is_cancelled(self) -> bool:
        raise RuntimeError("planted")


def test_a_loop_that_breaks_tells_its_clients_and_goes_on(engine: Engine[FakeState]) -> None:
    thread = EngineThread(engine, give_up=never)
    thread.start()
    broken, good = BreaksTheLoop(), FakeSender()
    engine.submit(request("broken"), broken)
    assert broken.ended.wait(10)
    engine.submit(request("good"), good)
    assert good.ended.wait(10)
    thread.stop()
    assert (broken.last["failure"], good.kinds[-1]) == ("internal", "result")
    assert "planted" in broken.last["reason"]


def test_an_engine_that_cannot_even_tell_its_clients_gives_up(engine: Engine[FakeState]) -> None:
    class Unreachable(BreaksTheLoop):
        def send(self, event: Event, *, last: bool = False, **more: Any) -> None:
            if last:
                raise OSError("the way back is broken too")
            super().send(event, last=last, **more)

    gave_up = threading.Event()
    thread = EngineThread(engine, give_up=gave_up.set)
    thread.start()
    engine.submit(request(), Unreachable())
    assert gave_up.wait(10)


def test_stop_says_so_when_a_unit_does_not_end(engine: Engine[FakeState]) -> None:
    going_on, release = threading.Event(), threading.Event()

    class Stuck(FakeSender):
        def is_cancelled(self) -> bool:
            going_on.set()
            release.wait(10)
            return False

    thread = EngineThread(engine, give_up=never)
    thread.start()
    engine.submit(request(), Stuck())
    assert going_on.wait(10)
    with pytest.raises(TimeoutError, match="did not end"):
        thread.stop(timeout=0.05)
    release.set()
