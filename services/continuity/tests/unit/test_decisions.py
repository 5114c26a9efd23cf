"""The room as a whole on twins: order does not matter, nothing waits for good, one bad take does not pull others after it."""

from itertools import permutations
from typing import Any

import pytest
from continuity_fakes import FakeMeasuring, a_plan, a_reading, a_take
from storyreel_chassis.artifacts import MemoryArtifactStore
from storyreel_chassis.errors import Transient
from storyreel_chassis.testing import FakeClock, RoomHarness, an_event
from storyreel_continuity.app import build_room
from storyreel_continuity.domain.readings import Motion, Reading
from storyreel_continuity.domain.thresholds import Thresholds
from storyreel_contracts import Event, FilmCancelled, ShotRenderFailed
from storyreel_contracts.takes import Comparison


class House:
    """The room with its twins."""

    def __init__(self, limits: Thresholds, measuring: FakeMeasuring | None = None) -> None:
        self.store, self.measuring = MemoryArtifactStore(), measuring or FakeMeasuring()
        self.harness = RoomHarness(build_room(limits, self.measuring, self.store, attempts=3), FakeClock())

    async def take(self, shot: int, reading: Reading, **changes: Any) -> Event:
        """A take whose file says what it reads."""
        artifact = await self.store.put(reading.model_dump_json().encode(), "video/mp4")
        return an_event(a_take(artifact, shot, **changes))

    async def says(self, *events: Event) -> list[Event]:
        """Reports of these events, and of the timers that are due at once."""
        said = [*await self.harness.give(*events), *await self.harness.ring()]
        return [e for e in said if isinstance(e.data, Comparison)]


def told(event: Event) -> tuple[str, str, set[str]]:
    return event.data.shot_id, event.envelope.type, {m.against for m in event.data.measures}


@pytest.fixture
def house(limits: Thresholds) -> House:
    return House(limits)


PLAN = an_event(a_plan())


@pytest.mark.parametrize("order", list(permutations(range(3))))
async def test_every_order_of_arrival_gives_the_same_reports(limits: Thresholds, order: tuple[int, ...]) -> None:
    """Ids, numbers, evidence: equal to the bit, whatever came first."""

    async def reports(arrival: tuple[int, ...]) -> dict[str, Comparison]:
        house = House(limits)
        takes = [await house.take(i, a_reading(exposure=0.7 * i, b=3.0 * i)) for i in range(3)]
        said = await house.says(PLAN)
        for i in arrival:
            said += await house.says(takes[i])
        for _ in range(3):
            said += await house.says()
        return {e.event_id: e.data for e in said}

    assert await reports(order) == await reports((0, 1, 2))
    assert [m.against for r in (await reports(order)).values() if r.shot_id == "s02" for m in r.measures] == [
        "bible",
        "s01",
        "s01",
    ]


async def test_a_take_before_its_plan_waits_for_it(house: House) -> None:
    early = await house.take(0, a_reading())
    assert await house.says(early) == []
    assert [told(e) for e in await house.says(PLAN)] == [("s00", "shot.matched.v1", {"bible"})]


async def test_drift_is_reported_with_number_correction_and_both_takes_in_the_picture(house: House) -> None:
    said = await house.says(PLAN, await house.take(0, a_reading()), await house.take(1, a_reading(exposure=1.8)))
    drifted = said[1].data
    assert said[1].envelope.type == "shot.drifted.v1"
    assert [(m.axis, m.value, m.threshold, m.unit) for m in drifted.measures if not m.passed] == [
        ("exposure", 1.8, 1.0, "stops")
    ]
    assert [c.grade for c in drifted.corrections] == [{"exposure_stops": -1.8}]
    assert house.measuring.shown == [("s00 preview", ""), ("s01 preview", "s00 preview")]
    assert (await house.store.get(drifted.evidence)).startswith(b"s01 preview|")


async def test_a_lost_neighbour_is_not_waited_for(house: House) -> None:
    assert await house.says(PLAN, await house.take(2, a_reading())) == []
    lost = ShotRenderFailed(version=1, shot_id="s01", tier="preview", attempt=1, key="a" * 64, kind="model_fault", reason="x")
    assert [told(e) for e in await house.says(an_event(lost))] == [("s02", "shot.matched.v1", {"bible"})]


async def test_a_neighbour_that_never_comes_is_waited_for_only_so_long(house: House, limits: Thresholds) -> None:
    assert await house.says(PLAN, await house.take(1, a_reading())) == []
    house.harness.clock.advance(limits.wait_for_neighbour_s - 1)
    assert await house.says() == []
    house.harness.clock.advance(2)
    assert [told(e) for e in await house.says()] == [("s01", "shot.matched.v1", {"bible"})]


async def test_without_the_wake_the_waiting_take_would_wait_its_whole_time(house: House) -> None:
    """Negative control: the report comes because the neighbour came, not because of the wait's end."""
    waiting = await house.take(1, a_reading())
    assert await house.harness.give(PLAN, waiting) == []
    assert await house.harness.ring() == [], "nothing is due before the neighbour comes"
    assert [told(e)[0] for e in await house.says(await house.take(0, a_reading()))] == ["s00", "s01"]


async def test_a_take_that_drifts_from_the_bible_is_nobodys_model(house: House) -> None:
    dark = await house.take(1, a_reading(exposure=-6.0))
    said = await house.says(PLAN, await house.take(0, a_reading()), dark, await house.take(2, a_reading()))
    assert [told(e) for e in said] == [
        ("s00", "shot.matched.v1", {"bible"}),
        ("s01", "shot.drifted.v1", {"bible", "s00"}),
        ("s02", "shot.matched.v1", {"bible", "s00"}),
    ]  # fmt: skip


async def test_the_last_attempt_is_the_one_that_others_are_compared_with(house: House) -> None:
    second = await house.take(0, a_reading(exposure=-1.5), attempt=2)
    said = await house.says(PLAN, await house.take(0, a_reading()), second, await house.take(1, a_reading(exposure=-1.5)))
    assert [told(e)[:2] for e in said] == [("s00", "shot.matched.v1"), ("s00", "shot.matched.v1"), ("s01", "shot.matched.v1")]


async def test_tiers_are_compared_among_themselves(house: House) -> None:
    final = await house.take(1, a_reading(exposure=1.8), tier="final")
    assert await house.says(PLAN, await house.take(0, a_reading()), final) != []
    said = await house.says(await house.take(0, a_reading(exposure=1.8), tier="final"))
    assert {(e.data.tier.value, e.envelope.type) for e in said} == {("final", "shot.matched.v1")}


async def test_an_edit_compares_with_untouched_takes_of_the_version_before(house: House) -> None:
    await house.says(PLAN, await house.take(0, a_reading()), await house.take(1, a_reading()))
    edited = an_event(a_plan(2, [{"caption": "new words change no picture"}, {"prompt": "a boot"}, {}]))
    said = await house.says(edited, await house.take(1, a_reading(exposure=1.8), version=2))
    assert [told(e) for e in said] == [("s01", "shot.drifted.v1", {"bible", "s00"})]


async def test_an_edit_waits_for_a_neighbour_that_is_rendered_anew(house: House) -> None:
    await house.says(PLAN, await house.take(0, a_reading()), await house.take(1, a_reading()))
    edited = an_event(a_plan(2, [{"prompt": "at night"}, {"prompt": "a boot"}, {}]))
    assert await house.says(edited, await house.take(1, a_reading(exposure=-1.8), version=2)) == []
    said = await house.says(await house.take(0, a_reading(exposure=-1.8), version=2))
    assert [told(e)[:2] for e in said] == [("s00", "shot.matched.v1"), ("s01", "shot.matched.v1")]


async def test_an_end_card_is_compared_with_nobody(house: House) -> None:
    plan = an_event(a_plan(1, [{}, {"end_card": True}]))
    moving = Motion(right=40, down=0, zoom=0, support=1)
    said = await house.says(plan, await house.take(1, a_reading(exposure=1.8, b=60, motion=moving)))
    assert [told(e) for e in said] == [("s01", "shot.matched.v1", {"bible"})]


async def test_twice_the_same_event_and_the_same_bytes(house: House) -> None:
    take = await house.take(0, a_reading())
    assert len(await house.says(PLAN, take, take)) == 1
    await house.says(await house.take(0, a_reading(), attempt=2))
    assert house.measuring.asked == 1, "the second attempt has the bytes of the first"


async def test_measuring_is_tried_again_and_then_its_failure_is_reported(limits: Thresholds) -> None:
    house = House(limits, FakeMeasuring(failures=99))
    take = await house.take(0, a_reading())
    await house.says(PLAN)
    with pytest.raises(ExceptionGroup) as caught:
        await house.harness.runtime.handle(take, 1)
    assert isinstance(caught.value.exceptions[0], Transient)
    await house.harness.runtime.handle(take, 3)
    said = house.harness.publisher.events[-1]
    assert said.envelope.type == "shot.drifted.v1"
    assert "could not be measured" in said.data.corrections[0].explanation


async def test_an_undecodable_take_is_reported_at_once_and_blocks_nobody(limits: Thresholds) -> None:
    house = House(limits, FakeMeasuring(failures=1, lasting=True))
    said = await house.says(PLAN, await house.take(0, a_reading()), await house.take(1, a_reading()))
    assert [told(e)[:2] for e in said] == [("s00", "shot.drifted.v1"), ("s01", "shot.matched.v1")]


async def test_a_version_that_ended_gets_no_more_reports(house: House) -> None:
    await house.says(PLAN, await house.take(1, a_reading()))
    end = FilmCancelled(version=1, reason="enough", requested_by="bo")
    assert await house.says(an_event(end), await house.take(0, a_reading())) == []
    house.harness.clock.advance(100_000)
    assert await house.says() == []
