"""The room as it is run: composition, settings, card, metrics, through the real runtime on twins."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from planner_fakes import CARD, a_brief, verdict
from prometheus_client import CollectorRegistry, generate_latest
from pydantic import ValidationError
from storyreel_chassis.artifacts import MemoryArtifactStore
from storyreel_chassis.testing import FakeClock, RoomHarness, an_event
from storyreel_contracts import BriefCleared, FilmPlanned, FilmRequested, PlanCleared, ShotRequested, Tier, TimerDue
from storyreel_contracts.verdicts import BriefBlocked
from storyreel_planner.adapters.model_card import BadModelCardError, read_card
from storyreel_planner.app import build_room
from storyreel_planner.settings import Settings

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)


def a_request(**changes: Any) -> FilmRequested:
    return FilmRequested(brief=a_brief(**changes), brief_event_id="b", brief_sha256="0" * 64)


def a_room(**values: Any) -> RoomHarness:
    clock = FakeClock()
    return RoomHarness(build_room(Settings(**values), MemoryArtifactStore(), clock), clock)


def scraped(house: RoomHarness) -> str:
    registry = CollectorRegistry()
    for collector in house.room.collectors:
        registry.register(collector)
    return generate_latest(registry).decode()


async def test_a_brief_becomes_a_plan_and_a_cleared_plan_becomes_requests() -> None:
    house = a_room()
    assert await house.give(an_event(a_request())) == []
    (planned,) = await house.give(an_event(verdict(BriefCleared)))
    assert isinstance(planned.data, FilmPlanned)
    requests = await house.give(an_event(verdict(PlanCleared)))
    assert [type(e.data) for e in requests] == [ShotRequested] * 3
    topics = [record[0] for record in house.publisher.records]
    assert topics == ["planner-films"] + ["planner-shots-preview"] * 3


async def test_facts_in_the_other_order_give_the_same_ids() -> None:
    one, other = a_room(), a_room()
    events = [an_event(a_request()), an_event(verdict(BriefCleared)), an_event(verdict(PlanCleared))]
    straight, turned = await one.give(*events), await other.give(*reversed(events))
    turned += await other.ring()
    assert {e.event_id for e in straight} == {e.event_id for e in turned}
    assert len(straight) == 4


async def test_a_timer_of_a_later_release_is_no_error() -> None:
    assert await a_room().give(an_event(TimerDue(name="tea", due=AT))) == []


async def test_a_film_ends_once_however_often_its_end_is_read() -> None:
    house = a_room()
    events = [an_event(a_request()), an_event(verdict(BriefBlocked))]
    (failed,) = await house.give(*events)
    assert failed.envelope.type == "film.failed.v1"
    assert await house.give(*events) == []


async def test_the_board_counts_films_by_state_and_knows_the_oldest() -> None:
    house = a_room()
    await house.give(an_event(a_request()), an_event(verdict(BriefCleared)))
    await house.give(an_event(a_request(), film_id="second"))
    house.clock.advance(90)
    text = scraped(house)
    assert 'storyreel_films_in_state{state="plan_screening"} 1.0' in text
    assert 'storyreel_films_in_state{state="screening"} 1.0' in text
    assert "storyreel_oldest_unfinished_film_age_seconds 90.0" in text
    await house.give(an_event(verdict(BriefBlocked), film_id="second"))
    assert "screening" not in scraped(house).replace("plan_screening", "")


def test_a_misspelt_setting_stops_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLANNER_BUDGETT", "1")
    with pytest.raises(ValidationError, match="PLANNER_BUDGETT"):
        Settings()


def test_the_openai_backend_needs_an_endpoint() -> None:
    with pytest.raises(ValueError, match="PLANNER_OPENAI_BASE_URL"):
        a_room(backend="openai")


def test_the_null_engines_card_is_read_without_a_path() -> None:
    assert read_card(None).name == "null"


def test_a_card_that_lacks_a_stage_stops_the_service(tmp_path: Path) -> None:
    path = tmp_path / "storyreel.json"
    path.write_text(json.dumps(CARD.model_dump(mode="json") | {"steps": {"preview": 4}}))
    with pytest.raises(BadModelCardError, match=r"steps\.final"):
        read_card(path)
    with pytest.raises(BadModelCardError, match="no model card"):
        read_card(tmp_path / "absent.json")


def test_a_draft_that_would_not_end_before_its_final_stops_the_service(tmp_path: Path) -> None:
    path = tmp_path / "storyreel.json"
    path.write_text(json.dumps(CARD.model_dump(mode="json") | {"draft_steps": CARD.steps[Tier.FINAL]}))
    with pytest.raises(BadModelCardError, match="draft_steps 8"):
        read_card(path)
