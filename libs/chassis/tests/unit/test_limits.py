"""The dead-letter limit: a pour is stopped, a trickle is not, and what is stopped is not lost."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest
from prometheus_client import REGISTRY
from rooms import Hands, toy_room
from storyreel_chassis.errors import Permanent
from storyreel_chassis.limits import Bound, DeadLetterLimit
from storyreel_chassis.service import _limit
from storyreel_chassis.settings import SharedSettings
from storyreel_chassis.testing import FakeClock, RoomHarness, an_event
from storyreel_chassis.work import Record
from storyreel_contracts import Event, FailureKind, FilmApproved, FilmRequested, encode
from storyreel_contracts.brief import Brief

BOUND = Bound(dead=3, records=10, seconds=60)


def at(offset: int, topic: str = "t") -> Record:
    return Record(topic, 0, offset, None, b"", (), 0)


async def admitted(asked: Coroutine[Any, Any, None]) -> bool:
    task = asyncio.ensure_future(asked)
    for _ in range(100):  # nothing here waits for a machine: what is not done by then waits for the limit
        await asyncio.sleep(0)
    task.cancel()
    return task.done()


async def die(limit: DeadLetterLimit, *offsets: int, topic: str = "t") -> list[bool]:
    died = []
    for offset in offsets:
        limit.begin(at(offset, topic))
        died.append(await admitted(limit.admit(at(offset, topic))))
        limit.end(at(offset, topic))
    return died


def live(limit: DeadLetterLimit, offset: int) -> None:
    limit.begin(at(offset))
    limit.end(at(offset))


async def test_the_bound_is_kept_to_the_letter_and_the_probe_and_the_metric_say_so() -> None:
    limit = DeadLetterLimit(BOUND, FakeClock())
    assert await limit.check() == ""
    assert await die(limit, 0, 1, 2, 3, 4) == [True, True, True, False, False]
    assert limit.stopped == {"t"}
    assert "stopped t: more than 3 of the last 10 records died" in await limit.check()
    assert REGISTRY.get_sample_value("storyreel_topic_stopped", {"topic": "t"}) == 1


async def test_another_topic_goes_on() -> None:
    limit = DeadLetterLimit(BOUND, FakeClock())
    await die(limit, 0, 1, 2, 3)
    assert await die(limit, 0, topic="other") == [True]


async def test_deaths_long_ago_do_not_count() -> None:
    clock = FakeClock()
    limit = DeadLetterLimit(BOUND, clock)
    assert all(await die(limit, 0, 1, 2))
    clock.advance(61)
    assert all(await die(limit, 3, 4, 5))
    assert not limit.stopped


async def test_deaths_among_many_that_live_do_not_count() -> None:
    limit = DeadLetterLimit(BOUND, FakeClock())
    for offset in range(30):
        assert all(await die(limit, offset))
        for _ in range(3):
            live(limit, 1000 + offset)
    assert not limit.stopped


async def test_bad_ones_that_end_while_good_ones_wait_do_not_count_as_a_pour() -> None:
    limit = DeadLetterLimit(BOUND, FakeClock())
    for number in range(40):
        limit.begin(at(number))
        if number % 4 == 0:
            assert await admitted(limit.admit(at(number))), "the good ones wait for Redis; none has come to its end"
            limit.end(at(number))
    assert not limit.stopped


async def test_one_record_whose_letter_cannot_be_written_counts_once() -> None:
    limit = DeadLetterLimit(BOUND, FakeClock())
    limit.begin(at(7))
    assert all([await admitted(limit.admit(at(7))) for _ in range(20)])
    assert not limit.stopped


@pytest.mark.parametrize(("dead", "records"), [(0, 10), (10, 10), (11, 10)])
def test_a_bound_that_could_not_be_broken_is_refused(dead: int, records: int) -> None:
    with pytest.raises(ValueError, match="never be exceeded"):
        Bound(dead=dead, records=records, seconds=1)


def test_the_setting_0_is_no_limit_and_the_default_is_one() -> None:
    fixed = {"kafka_bootstrap_servers": "k", "redis_url": "r", "s3_bucket": "b"}
    keys = {"aws_access_key_id": "x", "aws_secret_access_key": "x"}
    assert _limit(SharedSettings(**fixed, **keys, dead_letter_limit=0), FakeClock()) is None
    assert _limit(SharedSettings(**fixed, **keys), FakeClock()) is not None


# The same through delivery: a bad release fails every record.


def bad_release() -> Hands:
    def fail(_: object) -> Any:
        raise Permanent(FailureKind.INTERNAL, "a bad release")

    return Hands(fail)


def record(event: Event, offset: int) -> Record:
    headers, value = encode(event)
    pairs = tuple((k, v.encode()) for k, v in headers.items())
    return Record("gateway-films", 0, offset, event.film_id.encode(), value, pairs, 0)


def films(count: int) -> list[Record]:
    brief = FilmRequested(brief=Brief(prompt="x", duration_s=5), brief_event_id="b", brief_sha256="0" * 64)
    facts = (brief, FilmApproved(version=1, approved_by="ann"))
    events = [an_event(fact, film_id=f"film-{n}") for n in range(count) for fact in facts]
    return [record(event, offset) for offset, event in enumerate(events)]


async def pour(house: RoomHarness, count: int) -> list[bool]:
    return [await admitted(house.deliver(r)) for r in films(count)]


def letters(house: RoomHarness) -> int:
    return sum(topic == "gateway-dlq" for topic, *_ in house.publisher.records)


async def test_a_bad_release_writes_as_many_letters_as_the_bound_allows_and_holds_the_rest() -> None:
    house = RoomHarness(toy_room(bad_release()), bound=Bound(dead=3, records=10, seconds=60))
    done = await pour(house, 10)
    assert letters(house) == 3
    assert done.count(False) == 7, "held, not done: their offsets are not committed"


async def test_without_the_limit_it_pours_everything_into_the_dead_letters() -> None:
    house = RoomHarness(toy_room(bad_release()))
    assert all(await pour(house, 10))
    assert letters(house) == 10


async def test_what_was_held_is_handled_after_a_restart_with_a_good_release() -> None:
    house = RoomHarness(toy_room(bad_release()), bound=Bound(dead=3, records=10, seconds=60))
    held = [r for r, done in zip(films(10), await pour(house, 10), strict=True) if not done]
    better = RoomHarness(toy_room(), bound=Bound(dead=3, records=10, seconds=60))
    better.folds._folds = house.folds._folds
    for r in held:
        await better.deliver(r)
    assert len(better.publisher.events) == 7
    assert not letters(better)


async def test_garbage_that_outsiders_send_does_not_stop_their_topic() -> None:
    async def intake(_: Record) -> list[Event]:
        raise Permanent(FailureKind.CONTRACT_VIOLATION, "not JSON")

    house = RoomHarness(toy_room(raw={"campaign-briefs": intake}), bound=Bound(dead=3, records=10, seconds=60))
    for offset in range(20):
        assert await admitted(house.deliver(at(offset, "campaign-briefs")))
    assert letters(house) == 20


async def test_but_an_intake_that_breaks_does() -> None:
    async def intake(_: Record) -> list[Event]:
        raise Permanent(FailureKind.INTERNAL, "a bad release")

    house = RoomHarness(toy_room(raw={"campaign-briefs": intake}), bound=Bound(dead=3, records=10, seconds=60))
    for offset in range(20):
        await admitted(house.deliver(at(offset, "campaign-briefs")))
    assert letters(house) == 3
