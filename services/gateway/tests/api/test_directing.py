"""Edits, approvals, cancellations: the rules, the races, what is written."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest
from gateway_facts import FILM, Script, a_whole_film
from gateway_fakes import Studio
from storyreel_chassis.errors import Transient
from storyreel_contracts import FailureKind, FilmApproved, FilmCancelled, FilmEditRequested, Tier
from storyreel_contracts.ids import outcome_key
from storyreel_gateway.workflows.claims import Claims, cancellation

EDIT = {"edits": [{"target": "shot", "shot_id": "s02", "caption": "New line"}]}
PATH = f"/v1/films/{FILM}"


async def post(studio: Studio, action: str, body: Any = None, **headers: str) -> httpx.Response:
    async with studio.client() as client:
        return await client.post(f"{PATH}/{action}", json=body, headers=headers)


def kinds(studio: Studio) -> list[str]:
    return [event.envelope.type for event in studio.bus.published]


async def test_an_edit_before_the_plan_is_refused_with_the_truth(studio: Studio) -> None:
    await studio.give(Script().requested().events)
    answer = await post(studio, "edits", EDIT)
    assert (answer.status_code, answer.json()["type"]) == (409, "/problems/wrong-state")
    assert "no plan yet" in answer.json()["detail"]
    assert studio.bus.published == []


async def test_an_edit_of_a_running_version_supersedes_it_first(studio: Studio) -> None:
    await studio.give(Script().requested().planned().events)
    answer = await post(studio, "edits", EDIT)
    assert (answer.status_code, answer.json()["version"]) == (202, 2)
    assert kinds(studio) == ["film.cancelled.v1", "film.edit-requested.v1"]
    end, edit = [event.data for event in studio.bus.published]
    assert isinstance(end, FilmCancelled)
    assert isinstance(edit, FilmEditRequested)
    assert (end.superseded_by, edit.version, edit.base_version, edit.requested_by) == (2, 2, 1, "admin of Acme")
    assert studio.store.objects[outcome_key(FILM, 1)] == b"cancelled"


async def test_an_edit_of_a_published_version_leaves_its_end_alone(studio: Studio) -> None:
    await studio.give(a_whole_film())
    studio.store.objects[outcome_key(FILM, 1)] = b"published"
    assert (await post(studio, "edits", EDIT)).status_code == 202
    assert kinds(studio) == ["film.edit-requested.v1"]


async def test_an_edit_that_loses_the_old_versions_end_begins_all_the_same(studio: Studio) -> None:
    await studio.give(Script().requested().planned().events)
    studio.store.objects[outcome_key(FILM, 1)] = b"published"
    assert (await post(studio, "edits", EDIT)).status_code == 202
    assert kinds(studio) == ["film.edit-requested.v1"]


async def test_an_edit_of_a_shot_that_is_not_there_names_it(studio: Studio) -> None:
    await studio.give(Script().requested().planned().events)
    answer = await post(studio, "edits", {"edits": [EDIT["edits"][0], {"target": "shot", "shot_id": "s99"}]})
    assert answer.status_code == 422
    assert answer.json()["problems"][0]["field"] == "edits[1].shot_id"
    assert studio.bus.published == []


async def test_of_two_edits_at_once_one_begins_the_version_and_the_other_is_told(studio: Studio) -> None:
    await studio.give(Script().requested().planned().events)
    studio.bus.deaf = True
    other = {"edits": [{"target": "shot", "shot_id": "s01", "caption": "Other"}]}
    answers = await asyncio.gather(post(studio, "edits", EDIT), post(studio, "edits", other))
    assert sorted(answer.status_code for answer in answers) == [202, 409]
    assert kinds(studio).count("film.edit-requested.v1") == 1


async def test_an_edit_repeated_under_its_key_is_one_version_and_another_body_is_refused(studio: Studio) -> None:
    await studio.give(Script().requested().planned().events)
    first = await post(studio, "edits", EDIT, **{"idempotency-key": "e1"})
    again = await post(studio, "edits", EDIT, **{"idempotency-key": "e1"})
    assert first.json() == again.json()
    assert kinds(studio).count("film.edit-requested.v1") == 1
    other = {"edits": [{"target": "brand", "call_to_action": "Run."}]}
    answer = await post(studio, "edits", other, **{"idempotency-key": "e1"})
    assert answer.json()["type"] == "/problems/idempotency-mismatch"


async def test_control_without_the_key_the_repeated_edit_is_a_second_version(studio: Studio) -> None:
    await studio.give(Script().requested().planned().events)
    await post(studio, "edits", EDIT)
    await studio.give(Script().planned(2).events)
    assert (await post(studio, "edits", EDIT)).json()["version"] == 3


async def test_approval_is_refused_unless_the_film_waits_for_it(studio: Studio) -> None:
    await studio.give(Script().requested(approval="person").planned().events)
    answer = await post(studio, "approve")
    assert answer.status_code == 409
    assert "rendering_preview" in answer.json()["detail"]


async def test_an_approval_is_written_once_however_often_it_is_given(studio: Studio) -> None:
    await studio.give(Script().requested(approval="person").planned().tier(Tier.PREVIEW).events)
    assert [(await post(studio, "approve")).status_code for _ in range(2)] == [202, 202]
    approvals = [event for event in studio.bus.published if isinstance(event.data, FilmApproved)]
    assert len({event.event_id for event in approvals}) == 1


async def test_a_cancelled_film_says_so_at_once_and_again(studio: Studio) -> None:
    await studio.give(Script().requested().planned().events)
    studio.clock.wall += timedelta(minutes=1)
    answer = await post(studio, "cancel", {"reason": "the shoe is sold out"})
    assert (answer.status_code, answer.json()["status"]) == (202, "cancelled")
    assert (await post(studio, "cancel")).status_code == 202
    ends = [event for event in studio.bus.published if isinstance(event.data, FilmCancelled)]
    assert len({event.event_id for event in ends}) == 1
    assert "sold out" in (await studio.state()).history[0].text


@pytest.mark.parametrize("truth", [b"published", b"failed"])
async def test_a_cancellation_that_comes_too_late_is_told_the_truth_and_writes_nothing(studio: Studio, truth: bytes) -> None:
    await studio.give(Script().requested().planned().events)
    studio.store.objects[outcome_key(FILM, 1)] = truth  # the other room has won; its fact is still on the way
    answer = await post(studio, "cancel")
    assert answer.status_code == 409
    assert truth.decode() in answer.json()["detail"]
    assert studio.bus.published == []


async def test_control_without_the_claim_the_late_cancellation_would_have_been_written(studio: Studio) -> None:
    await studio.give(Script().requested().planned().events)
    assert (await post(studio, "cancel")).status_code == 202
    assert kinds(studio) == ["film.cancelled.v1"]


async def test_a_published_film_cannot_be_cancelled(studio: Studio) -> None:
    await studio.give(a_whole_film())
    answer = await post(studio, "cancel")
    assert (answer.status_code, "published" in answer.json()["detail"]) == (409, True)


async def test_whoever_dies_between_claim_and_fact_is_mended_by_another(studio: Studio) -> None:
    await studio.give(Script().requested().planned().events)
    studio.bus.broken = Transient(FailureKind.DEPENDENCY_DOWN, "the broker is away")
    assert (await post(studio, "cancel")).status_code == 503
    studio.bus.broken = None
    assert await studio.doors.claims.mend() == 0, "a young intent may still be at work"
    studio.clock.wall += timedelta(seconds=30)
    assert await studio.doors.claims.mend() == 1
    assert kinds(studio) == ["film.cancelled.v1"]
    assert await studio.intents.all() == {}


async def test_an_intent_whose_claim_was_never_won_is_dropped(studio: Studio) -> None:
    class Gone(type(studio.store)):  # type: ignore[misc]
        async def remember(self, key: str, value: bytes) -> bytes:
            raise Transient(FailureKind.DEPENDENCY_DOWN, "storage is away")

    claims = Claims(store=Gone(), intents=studio.intents, publisher=studio.bus, clock=studio.clock)
    with pytest.raises(Transient):
        await claims.write(cancellation(FILM, 1), [])
    studio.clock.wall += timedelta(seconds=30)
    assert await studio.doors.claims.mend() == 0
    assert await studio.intents.all() == {}
