"""Lanes: order per film, work side by side, commits that never pass unfinished work."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st
from storyreel_chassis.lanes import MAX_IN_FLIGHT, Lanes, Partition
from storyreel_chassis.offsets import OffsetTracker
from storyreel_chassis.work import Lane, Record


@given(st.permutations(range(8)), st.integers(0, 8))
def test_the_mark_never_passes_unfinished_work(order: list[int], done: int) -> None:
    tracker = OffsetTracker()
    for offset in range(8):
        tracker.take(offset + 100)
    for offset in order[:done]:
        tracker.done(offset + 100)
    unfinished = set(order[done:])
    assert tracker.mark == 100 + min(unfinished, default=8)


def test_a_commit_of_the_position_would_pass_unfinished_work() -> None:
    tracker = OffsetTracker()
    tracker.take(0)
    tracker.take(1)
    tracker.done(1)
    assert tracker.next_offset == 2, "what a bare ack commits"
    assert tracker.mark == 0, "what we commit"


def record(offset: int, key: bytes) -> Record:
    return Record("t", 0, offset, key, b"", (), 0)


async def test_records_of_one_film_are_worked_in_order_and_films_side_by_side() -> None:
    log: list[tuple[str, int]] = []
    gates = {offset: asyncio.Event() for offset in range(4)}

    async def deliver(r: Record) -> None:
        log.append(("start", r.offset))
        await gates[r.offset].wait()
        log.append(("end", r.offset))

    lanes = Lanes(lambda _: Lane(concurrency=4), deliver)
    lane = lanes[Partition("t", 0)]
    for offset, key in enumerate((b"a", b"a", b"b", b"a")):
        lane.take(record(offset, key))
    await asyncio.sleep(0.01)
    assert log == [("start", 0), ("start", 2)]
    gates[2].set()
    await asyncio.sleep(0.01)
    assert lanes.marks() == {Partition("t", 0): 0}
    for gate in gates.values():
        gate.set()
    await lanes.finish()
    assert [o for what, o in log if what == "start" and o != 2] == [0, 1, 3]
    assert lanes.marks() == {Partition("t", 0): 4}


async def test_unordered_lanes_work_the_shots_of_one_film_side_by_side_up_to_the_limit() -> None:
    running, most = 0, 0

    async def deliver(_: Record) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.001)
        running -= 1

    lanes = Lanes(lambda _: Lane(concurrency=3, ordered=False), deliver)
    for offset in range(20):
        lanes[Partition("t", offset % 2)].take(record(offset, b"film"))
    await lanes.finish()
    assert most == 3


async def test_records_without_a_key_do_not_queue_behind_one_another() -> None:
    started: list[int] = []

    async def deliver(r: Record) -> None:
        started.append(r.offset)
        await asyncio.Event().wait()

    lanes = Lanes(lambda _: Lane(), deliver)
    for offset in range(3):
        lanes[Partition("t", 0)].take(record(offset, b"")._replace(key=None))
        lanes[Partition("t", 1)].take(record(offset, b"film"))
    await asyncio.sleep(0.01)
    assert sorted(started) == [0, 0, 1, 2], "three without a key, and the first of the film"
    await lanes.keep_only(set())


async def test_cancelled_work_is_not_done_and_a_full_lane_says_so() -> None:
    async def deliver(_: Record) -> None:
        await asyncio.Event().wait()

    lanes = Lanes(lambda _: Lane(), deliver)
    lane = lanes[Partition("t", 0)]
    for offset in range(MAX_IN_FLIGHT):
        assert not lane.full
        lane.take(record(offset, str(offset).encode()))
    assert lane.full
    await lanes.keep_only(set())
    assert lane.offsets.mark == 0
    assert lanes.items() == []
