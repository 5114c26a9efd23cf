"""The supervisor with parts made of tiny processes: order, what is left alone, what is said when one dies."""

import socket
from collections.abc import Callable

import pytest
from fakes import FakePart
from storyreel_local.errors import TroubleError
from storyreel_local.stack import Stack

MakeStack = Callable[..., Stack]


def test_a_part_starts_only_when_what_it_needs_is_ready_and_prepared(make_stack: MakeStack) -> None:
    diary: list[str] = []
    make_stack(FakePart("kafka", diary, asks=3), FakePart("planner", diary, needs=("kafka",))).up()
    assert diary.index("prepare kafka") < diary.index("start planner")


def test_without_the_need_both_start_at_once(make_stack: MakeStack) -> None:
    diary: list[str] = []
    make_stack(FakePart("kafka", diary, asks=3), FakePart("planner", diary)).up()
    assert diary.index("start planner") < diary.index("prepare kafka")


def test_a_second_up_starts_only_what_is_missing(make_stack: MakeStack) -> None:
    diary: list[str] = []
    parts = FakePart("kafka", diary), FakePart("redis", diary)
    make_stack(*parts).up()
    make_stack(*parts).kill("redis")
    make_stack(*parts).up()
    assert diary.count("start kafka") == 1
    assert diary.count("start redis") == 2


def test_a_part_that_dies_is_reported_with_its_last_words_and_its_log(make_stack: MakeStack) -> None:
    stack = make_stack(FakePart("redis", code="raise SystemExit('Error: port in use')", asks=10**6))
    with pytest.raises(TroubleError, match=r"redis died after .* Error: port in use.*logs/redis\.log"):
        stack.up()


def test_a_part_that_never_gets_ready_is_given_up_after_its_patience(make_stack: MakeStack) -> None:
    with pytest.raises(TroubleError, match="triton was not ready after 0 s"):
        make_stack(FakePart("triton", asks=10**6, patience=0.3)).up()


def test_when_one_part_fails_those_just_started_are_stopped_and_older_ones_stay(make_stack: MakeStack) -> None:
    make_stack(FakePart("kafka")).up()
    broken = FakePart("planner", code="raise SystemExit(1)", asks=10**6)
    stack = make_stack(FakePart("kafka"), FakePart("redis"), broken)
    with pytest.raises(TroubleError):
        stack.up()
    assert stack.running() == ["kafka"]


def test_down_stops_everything_on_record_even_parts_that_today_are_not_named(make_stack: MakeStack) -> None:
    make_stack(FakePart("kafka"), FakePart("planner-2")).up()
    stack = make_stack()
    assert stack.down() == ["kafka", "planner-2"]
    assert stack.running() == []
    assert stack.endpoints == {}


def test_status_tells_ready_dead_and_stopped_apart(make_stack: MakeStack) -> None:
    parts = FakePart("kafka"), FakePart("redis")
    make_stack(*parts).up()
    make_stack(*parts).kill("redis")
    rows = make_stack(*parts, FakePart("s3")).status()
    assert [(name, state) for name, state, _ in rows] == [("kafka", "ready"), ("redis", "dead"), ("s3", "stopped")]


def test_a_restart_gives_the_part_a_new_process_and_leaves_the_others(make_stack: MakeStack) -> None:
    stack = make_stack(FakePart("kafka"), FakePart("redis")).up()
    before = {name: stack.state.process(name) for name in ("kafka", "redis")}
    stack.restart("kafka")
    assert stack.state.process("kafka") != before["kafka"]
    assert stack.state.process("redis") == before["redis"]


def test_starting_part_of_a_stack_keeps_the_endpoints_of_the_rest(make_stack: MakeStack) -> None:
    make_stack(FakePart("kafka"), FakePart("redis")).up()
    assert set(make_stack(FakePart("kafka")).up().endpoints) >= {"kafka", "redis", "tenant"}


def test_endpoints_of_a_stack_that_was_killed_are_forgotten(make_stack: MakeStack) -> None:
    make_stack(FakePart("kafka")).up().kill("kafka")
    endpoints = make_stack(FakePart("redis")).up().endpoints
    assert "redis" in endpoints
    assert "kafka" not in endpoints


def test_a_taken_port_is_chosen_anew_while_nobody_knows_it(make_stack: MakeStack) -> None:
    stack = make_stack(FakePart("kafka", ports=("kafka",)))
    taken = stack.state.port("kafka")
    with socket.create_server(("127.0.0.1", taken)):
        stack.up()
    assert stack.state.port("kafka") != taken


def test_a_taken_port_that_running_parts_rely_on_is_said_with_the_remedy(make_stack: MakeStack) -> None:
    make_stack(FakePart("redis")).up()
    stack = make_stack(FakePart("redis"), FakePart("kafka", ports=("kafka",)))
    taken = stack.state.port("kafka")
    with (
        socket.create_server(("127.0.0.1", taken)),
        pytest.raises(TroubleError, match=rf"Port {taken}.*kafka.*taken by another program.*make down"),
    ):
        stack.up()


def test_an_unknown_part_is_refused_with_the_names_that_exist(make_stack: MakeStack) -> None:
    with pytest.raises(TroubleError, match="Choose one of: kafka"):
        make_stack(FakePart("kafka")).restart("kafak")


def test_as_a_context_manager_it_stops_everything_when_the_body_fails(make_stack: MakeStack) -> None:
    stack = make_stack(FakePart("kafka"))
    seen: list[list[str]] = []

    def body() -> None:
        with stack:
            seen.append(stack.running())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        body()
    assert (seen, stack.running()) == ([["kafka"]], [])
