"""What becomes of records that cannot be handled: nothing is lost, nothing loops."""

from typing import Any

from rooms import Hands, toy_room
from storyreel_chassis.errors import Permanent, Transient, Unavailable
from storyreel_chassis.folds import Fold, Held
from storyreel_chassis.stamps import attempt_of
from storyreel_chassis.testing import RoomHarness, an_event
from storyreel_chassis.work import Lane, Record
from storyreel_contracts import Brief, Event, FailureKind, FilmApproved, FilmRequested, encode

REQUEST = an_event(FilmRequested(brief=Brief(prompt="x", duration_s=5), brief_event_id="b", brief_sha256="0" * 64))


def record(event: Event, topic: str = "gateway-films", offset: int = 0) -> Record:
    headers, value = encode(event)
    return Record(topic, 0, offset, event.film_id.encode(), value, tuple((k, v.encode()) for k, v in headers.items()), 0)


def approval(name: str) -> Event:
    return an_event(FilmApproved(version=1, approved_by=name))


def written(house: RoomHarness, topic: str) -> list[Record]:
    rows = [r for r in house.publisher.records if r[0] == topic]
    return [Record(t, 0, i, k, v, tuple(h.items()), 0) for i, (t, k, v, h) in enumerate(rows)]


def failing(error: Exception) -> Hands:
    def fail(_: object) -> Any:
        raise error

    return Hands(fail)


async def test_transient_failures_climb_the_retry_topics_and_end_as_dead_letters() -> None:
    house = RoomHarness(toy_room(failing(Transient(FailureKind.TIMEOUT, "slow"))))
    await house.deliver(record(REQUEST))
    sent = record(approval("ann"))
    await house.deliver(sent)
    for topic in ("gateway-retry-10s", "gateway-retry-1m", "gateway-retry-10m"):
        (parked,) = written(house, topic)
        before = house.clock.monotonic()
        await house.deliver(parked)
        assert house.clock.monotonic() - before >= {"10s": 9, "1m": 59, "10m": 599}[topic.rsplit("-", 1)[1]]
    (dead,) = written(house, "gateway-dlq")
    headers = dict(dead.headers)
    assert (dead.key, dead.value) == (sent.key, sent.value)
    assert set(sent.headers) <= set(dead.headers)
    assert headers["x-dlq-reason"] == b"timeout"
    assert headers["x-dlq-attempts"] == b"4"
    assert (headers["x-origin-topic"], headers["x-origin-offset"]) == (b"gateway-films", b"0")


async def test_a_permanent_failure_goes_to_the_dead_letters_at_once() -> None:
    house = RoomHarness(toy_room(failing(Permanent(FailureKind.INVALID_INPUT, "never"))))
    await house.deliver(record(REQUEST))
    await house.deliver(record(approval("ann")))
    assert len(written(house, "gateway-dlq")) == 1
    assert not written(house, "gateway-retry-10s")


async def test_bytes_that_are_no_event_reach_the_dead_letters_byte_exact() -> None:
    house = RoomHarness(toy_room())
    raw = (("ce_specversion", b"1.0"), ("ce_id", b"\xff\xfe"), ("odd", b"\x00\xff"))
    await house.deliver(Record("gateway-films", 3, 9, b"\xff", b"\x00not json", raw, 0))
    (dead,) = written(house, "gateway-dlq")
    assert (dead.key, dead.value) == (b"\xff", b"\x00not json")
    assert set(raw) <= set(dead.headers)
    assert dict(dead.headers)["x-dlq-reason"] == b"contract_violation"


async def test_unknown_types_are_skipped_and_the_next_record_is_handled() -> None:
    house = RoomHarness(toy_room())
    good = record(REQUEST)
    odd = good._replace(headers=tuple((k, b"film.dreamt.v9" if k == "ce_type" else v) for k, v in good.headers))
    await house.deliver(odd)
    await house.deliver(good)
    assert not house.publisher.records
    assert (await house.folds.load("film")).fold.seen == [REQUEST.event_id]


async def test_later_events_of_a_film_wait_behind_a_parked_one() -> None:
    hands = Hands(_fails_once())
    house = RoomHarness(toy_room(hands))
    for offset, event in enumerate((REQUEST, approval("first"), approval("second"))):
        await house.deliver(record(event, offset=offset))
    assert hands.performed == ["first"], "the second waits"
    for parked in written(house, "gateway-retry-10s"):
        await house.deliver(parked)
    assert hands.performed == ["first", "first", "second"]
    assert [e.data.requested_by for e in house.publisher.events] == ["first", "second"]
    assert (await house.folds.load("film")).fold.parked == []


async def test_in_an_unordered_lane_they_do_not_wait() -> None:
    hands = Hands(_fails_once())
    house = RoomHarness(toy_room(hands, lanes={"gateway-films": Lane(ordered=False)}))
    for offset, event in enumerate((REQUEST, approval("first"), approval("second"))):
        await house.deliver(record(event, offset=offset))
    assert hands.performed == ["first", "second"]


async def test_while_a_part_is_away_the_record_waits_and_is_not_parked() -> None:
    house = RoomHarness(toy_room())
    down = [True, True, True]
    load = house.folds.load

    async def flaky(film_id: str) -> Any:
        if down:
            down.pop()
            raise Unavailable("Redis is away")
        return await load(film_id)

    house.folds.load = flaky  # type: ignore[method-assign]
    await house.deliver(record(REQUEST))
    assert not house.publisher.records
    assert (await load("film")).fold.seen == [REQUEST.event_id]
    assert house.clock.monotonic() > 0


async def test_a_fold_store_that_goes_away_at_a_burial_does_not_multiply_the_letter() -> None:
    house = RoomHarness(toy_room(failing(Permanent(FailureKind.INVALID_INPUT, "never"))))
    await house.deliver(record(REQUEST))
    load, calls = house.folds.load, 0

    async def flaky(film_id: str) -> Any:
        nonlocal calls
        calls += 1
        if 3 <= calls < 6:
            raise Unavailable("Redis is away")
        return await load(film_id)

    house.folds.load = flaky  # type: ignore[method-assign]
    await house.deliver(record(approval("ann")))
    assert calls > 6, "it was away in the middle of it"
    assert len(written(house, "gateway-dlq")) == 1


def test_attempts_are_counted_from_one() -> None:
    assert attempt_of(record(REQUEST)) == 1


def _fails_once() -> Any:
    failures = [Transient(FailureKind.TIMEOUT, "slow")]

    def work(_: object) -> str:
        if failures:
            raise failures.pop()
        return "done"

    return work


async def test_an_event_noted_as_parked_after_it_was_done_or_held_blocks_nobody() -> None:
    held = Held(headers={"ce_id": "held"}, value="")
    fold = Fold(seen=["done"], held=[held], parked=["done", "held", "waiting"])
    assert fold.blocking == ["waiting"]
