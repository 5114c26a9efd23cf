"""Bad events among good ones, few of them here; `python tests/e2e/bad_events.py` pours fifty thousand."""

from collections import Counter

import pytest
from bad_events import Found, Pour, judge, pour, print_of
from storyreel_client.testing import MemoryBroker
from storyreel_local.testing import KafkaPlace
from toy_service import DLQ, OUT

pytestmark = pytest.mark.connected


async def test_every_good_event_is_handled_once_and_every_bad_one_buried_as_it_was(
    real_kafka: KafkaPlace, real_redis: str
) -> None:
    found = await pour(real_kafka.bootstrap_servers, real_redis, 500)
    assert found.well, found
    assert found.written == {"handled": 1000, "dead": 400, "skipped": 100}


def test_a_pour_holds_every_kind_of_bad_event_and_is_the_same_again() -> None:
    made, again = Pour(500, seed=3), Pour(500, seed=3)
    again.name = made.name
    records = list(made.records())
    assert records == list(again.records())
    dead = [r for r in records if r.fate == "dead"]
    assert max(len(r.value or b"") for r in dead) > 10_000_000
    assert any(r.value is None for r in dead)
    assert any(r.key is None for r in dead)
    assert any(len(r.headers) > len(dict(r.headers)) for r in dead)


def test_memory_that_grows_is_not_well() -> None:
    assert Found(seconds=300, memory_mb=[90, 100, 110, 120, 125]).well
    assert not Found(seconds=300, memory_mb=[90, 100, 110, 120, 126]).well


async def test_the_judge_sees_what_is_lost_doubled_or_changed() -> None:
    made, broker, dead = Pour(5), MemoryBroker(), Counter[bytes]()
    for number in [*range(1, made.good), 1]:
        await broker.send(OUT, b"k", b"{}", [("ce_causeid", f"{made.name}-{number}".encode())])
    for letter in (r for r in made.records() if r.fate == "dead"):
        dead[print_of(letter.key, letter.value, letter.headers)] += 1
        stamps = [("x-origin-topic", b"t"), ("x-origin-headers", str(len(letter.headers)).encode())]
        await broker.send(DLQ, letter.key, (letter.value or b"") + b"!", [*letter.headers, *stamps])
    found = Found()
    await judge(broker, made, dead, found, "t")
    assert (found.good_lost, found.good_doubled) == (1, 1)
    assert found.dead_missing == found.dead_unexpected == dead.total() > 0
    assert not found.well
