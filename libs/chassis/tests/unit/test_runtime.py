"""What the runtime promises: once, in any order, under derived ids, whatever replica is first."""

import pytest
from rooms import Count, Hands, toy_room
from storyreel_chassis.errors import Unavailable
from storyreel_chassis.folds import Loaded, MemoryFoldStore, TimerKey
from storyreel_chassis.testing import RoomHarness, an_event
from storyreel_contracts import Brief, FilmApproved, FilmRequested, ReviewDecided

REQUEST = an_event(FilmRequested(brief=Brief(prompt="x", duration_s=5), brief_event_id="b", brief_sha256="0" * 64))
APPROVAL = an_event(FilmApproved(version=1, approved_by="ann"))


async def test_an_event_that_comes_twice_is_answered_once() -> None:
    hands = Hands()
    house = RoomHarness(toy_room(hands))
    first = await house.give(REQUEST, APPROVAL)
    assert len(first) == 1
    assert await house.give(APPROVAL) == []
    assert hands.performed == ["ann"]


async def test_without_the_seen_mark_the_second_coming_would_be_answered_again() -> None:
    house = RoomHarness(toy_room())
    await house.give(REQUEST, APPROVAL)
    fold, version = await house.folds.load("film")
    await house.folds.save(TimerKey("film", "acme"), Loaded(fold.model_copy(update={"seen": []}), version), ())
    assert len(await house.give(APPROVAL)) == 1


async def test_deciding_again_after_a_lost_store_gives_the_same_ids() -> None:
    house = RoomHarness(toy_room())
    first = await house.give(REQUEST, APPROVAL)
    house.folds.lose_everything()
    again = await house.give(REQUEST, APPROVAL)
    assert [e.event_id for e in first] == [e.event_id for e in again]


async def test_an_event_before_its_prerequisite_is_answered_when_that_comes() -> None:
    house = RoomHarness(toy_room())
    assert await house.give(APPROVAL) == []
    late = await house.give(REQUEST)
    in_order = await RoomHarness(toy_room()).give(REQUEST, APPROVAL)
    assert [e.event_id for e in late] == [e.event_id for e in in_order]


async def test_a_crash_between_publish_and_save_repeats_the_same_fact() -> None:
    class DiesBeforeSave(MemoryFoldStore):
        armed = False

        async def save(self, *args: object) -> bool:
            if self.armed:
                self.armed = False
                raise Unavailable("power cut")
            return await super().save(*args)  # type: ignore[arg-type]

    house = RoomHarness(toy_room())
    store = DiesBeforeSave()
    object.__setattr__(house.runtime, "folds", store)
    await house.give(REQUEST)
    store.armed = True
    with pytest.raises(Unavailable):
        await house.give(APPROVAL)
    await house.give(APPROVAL)
    ids = [e.event_id for e in house.publisher.events]
    assert len(ids) == 2
    assert len(set(ids)) == 1


async def test_work_is_done_once_though_another_replica_changes_the_fold_meanwhile() -> None:
    house: RoomHarness

    async def other_replica_steps_in(_: object) -> str:
        fold, version = await house.folds.load("film")
        changed = fold.model_copy(update={"state": Count(begun=True, approvals=7).model_dump()})
        await house.folds.save(TimerKey("film", "acme"), Loaded(changed, version), ())
        return "done"

    hands = Hands(other_replica_steps_in)
    house = RoomHarness(toy_room(hands))
    (fact,) = await house.give(REQUEST, APPROVAL)
    assert hands.performed == ["ann"]
    assert fact.data.version == 8, "the decision stands on the newer state"


async def test_a_timer_comes_back_as_a_fact_of_the_film_once() -> None:
    house = RoomHarness(toy_room())
    await house.give(an_event(ReviewDecided(version=1, review_id="r", decision="approve", reviewer="ann")))
    await house.ring()
    rung = [e for e in house.publisher.events if e.envelope.type == "timer.due.v1"]
    assert [e.film_id for e in rung] == ["film"]
    await house.ring()
    assert len([e for e in house.publisher.events if e.envelope.type == "timer.due.v1"]) == 1
