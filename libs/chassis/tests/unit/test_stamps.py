"""Stamps of delivery: what the writer sent stays as it was, and nobody but delivery can stamp."""

from rooms import toy_room
from storyreel_chassis.errors import TooLarge
from storyreel_chassis.stamps import attempt_of, due_of, origin_of, stamped
from storyreel_chassis.testing import RoomHarness
from storyreel_chassis.work import Record
from storyreel_contracts import Event

FORGED = (("x-attempt", b"many"), ("x-origin-topic", b"gateway-films"), ("x-origin-headers", b"0"), ("x-not-before", b"soon"))


def record(topic: str, *headers: tuple[str, bytes], value: bytes = b"v") -> Record:
    return Record(topic, 2, 9, b"k", value, headers, 0)


def test_stamps_count_only_on_a_retry_topic() -> None:
    came = record("campaign-briefs", *FORGED)
    assert (attempt_of(came), origin_of(came), due_of(came)) == (1, "campaign-briefs", None)
    parked = record("gateway-retry-10s", *stamped(came, {"x-attempt": "2"}))
    assert (attempt_of(parked), origin_of(parked)) == (2, "campaign-briefs")


def test_the_writers_headers_stay_in_front_with_doubles_and_forged_ones() -> None:
    own = (("a", b"1"), ("a", b"2"), *FORGED)
    once = stamped(record("planner-films", *own), {"x-attempt": "2"})
    twice = dict(stamped(record("safety-retry-10s", *once), {"x-attempt": "3"}))
    assert tuple(once[: len(own)]) == own
    assert (twice["x-attempt"], twice["x-origin-headers"]) == (b"3", b"6")
    again = stamped(record("safety-retry-10s", *once), {"x-attempt": "3"})
    assert tuple(again[: len(own)]) == own
    assert len(again) == len(once), "the stamps of the attempt before are gone"
    assert (twice["x-origin-topic"], twice["x-origin-partition"], twice["x-origin-offset"]) == (b"planner-films", b"2", b"9")


async def test_a_forged_origin_does_not_lead_past_the_check_of_signatures() -> None:
    asked = []

    async def intake(came: Record) -> list[Event]:
        asked.append(came)
        return []

    house = RoomHarness(toy_room(raw={"campaign-briefs": intake}))
    await house.deliver(record("campaign-briefs", *FORGED))
    assert len(asked) == 1


async def test_a_forged_attempt_does_not_hold_the_lane_for_ever() -> None:
    house = RoomHarness(toy_room())
    await house.deliver(record("gateway-films", *FORGED))
    (letter,) = house.publisher.records
    assert letter[0] == "gateway-dlq"
    assert house.clock.monotonic() == 0, "it was not tried again and again"


async def test_a_tombstone_is_buried_as_one() -> None:
    house = RoomHarness(toy_room())
    await house.deliver(Record("gateway-films", 0, 0, b"k", b"", (), 0, null=True))
    await house.deliver(Record("gateway-films", 0, 1, b"k", b"", (), 0))
    await house.deliver(Record("gateway-films", 0, 2, None, b"", (), 0, null=True))
    letters = [(value, headers.get("x-origin-value")) for _, _, value, headers in house.publisher.records]
    assert letters == [(None, b"null"), (b"", None), (b"", b"null")]


async def test_a_record_too_large_for_the_dead_letters_leaves_a_letter_that_says_where_it_lies() -> None:
    house = RoomHarness(toy_room())
    write = house.publisher.write

    async def small(topic: str, key: bytes | None, value: bytes | None, headers: object) -> None:
        if value is not None and len(value) > 100:
            raise TooLarge("too large")
        await write(topic, key, value, headers)  # type: ignore[arg-type]

    house.publisher.write = small  # type: ignore[method-assign]
    await house.deliver(record("gateway-films", value=b"x" * 101))
    ((_, _, value, headers),) = house.publisher.records
    assert value == b""
    assert headers["x-dlq-body-size"] == b"101"
    assert (headers["x-origin-topic"], headers["x-origin-offset"]) == (b"gateway-films", b"9")
