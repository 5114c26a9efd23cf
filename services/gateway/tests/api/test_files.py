"""Uploads, downloads, thumbnails, lists and reviews over HTTP."""

from dataclasses import replace
from typing import Any

import pytest
from gateway_facts import FILM, Script, a_ref, a_whole_film
from gateway_fakes import KEYS, Studio
from media_files import a_png, a_text, a_wide_png
from storyreel_contracts import ReviewDecided, Tier
from storyreel_gateway.domain.state import FilmState
from storyreel_gateway.domain.tenants import Role

PHOTO = {"filename": "shoe photo.png", "media_type": "image/png", "size": 500}


async def test_a_photo_goes_from_upload_to_a_film(studio: Studio) -> None:
    async with studio.client() as client:
        form = (await client.post("/v1/uploads", json=PHOTO)).json()
        assert form["fields"]["key"] == f"uploads/acme/{form['upload_id']}"
        assert (form["fields"]["Content-Type"], int(form["fields"]["max_bytes"])) == ("image/png", form["max_bytes"])
        studio.store.objects[form["fields"]["key"]] = a_png()
        done = (await client.post(form["complete"])).json()
        assert (done["media"]["width"], done["media"]["height"]) == (64, 48)
        assert done["artifact"]["uri"].startswith("s3://memory/sha256/")
        brief = {"prompt": "x", "duration_s": 5, "references": [{"id": "a", "role": "product", "artifact": done["artifact"]}]}
        assert (await client.post("/v1/films", json=brief)).status_code == 202


@pytest.mark.parametrize(("data", "word"), [(a_wide_png(), "20000×20000"), (a_text(), "text"), (b"#EXTM3U\nx", "playlist")])
async def test_a_bad_upload_is_refused_with_the_reason_and_stays_unusable(studio: Studio, data: bytes, word: str) -> None:
    async with studio.client() as client:
        form = (await client.post("/v1/uploads", json=PHOTO)).json()
        studio.store.objects[form["fields"]["key"]] = data
        answer = await client.post(form["complete"])
    assert answer.status_code == 422
    assert word in answer.json()["problems"][0]["reason"]
    assert not [key for key in studio.store.objects if key.startswith(("keys/admitted", "sha256/"))]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"media_type": "text/html"}, "media_type"),
        ({"size": 10**10}, "size"),
        ({"size": 0}, "size"),
        ({"filename": ""}, "filename"),
    ],
)
async def test_an_upload_that_can_never_pass_is_refused_at_once(studio: Studio, change: dict[str, Any], field: str) -> None:
    async with studio.client() as client:
        answer = await client.post("/v1/uploads", json=PHOTO | change)
    assert (answer.status_code, answer.json()["problems"][0]["field"]) == (422, field)


async def test_completing_what_was_never_posted_or_is_anothers_is_not_found(studio: Studio) -> None:
    studio.store.objects["uploads/other/theirs"] = a_png()
    async with studio.client() as client:
        assert (await client.post("/v1/uploads/theirs/complete")).status_code == 404
        assert (await client.post("/v1/uploads/..%2Fother%2Ftheirs/complete")).status_code in {404, 422}


async def test_an_artifact_is_a_redirect_for_a_quarter_of_an_hour(studio: Studio) -> None:
    await studio.give(a_whole_film())
    async with studio.client() as client:
        answer = await client.get(f"/v1/films/{FILM}/artifacts/film-16x9.mp4")
        assert answer.status_code == 307
        assert "seconds=900" in answer.headers["location"]
        assert (await client.get(f"/v1/films/{FILM}/artifacts/nothing.mp4")).status_code == 404


async def test_every_listed_artifact_can_be_had(studio: Studio) -> None:
    await studio.give(a_whole_film())
    async with studio.client() as client:
        view = (await client.get(f"/v1/films/{FILM}")).json()
        assert set(view["files"]) == {"film-16x9.mp4", "captions.vtt"}
        assert {"preview-16x9.mp4", "shot-s01-v1-final-1.mp4", "final-thumbnail.jpg"} <= set(view["artifacts"])
        for file in view["artifacts"].values():
            assert (await client.get(file["href"])).status_code == 307


async def test_no_storage_address_reaches_the_films_view(studio: Studio) -> None:
    await studio.give(a_whole_film())
    async with studio.client() as client:
        view = (await client.get(f"/v1/films/{FILM}")).json()
    assert "s3://" not in str(view["artifacts"]) + str(view["files"]) + str(view["shots"])


async def test_a_thumbnail_is_made_once_from_the_newest_take(studio: Studio) -> None:
    script = Script().requested().planned()
    await studio.give(script.events)
    path = f"/v1/films/{FILM}/shots/s01/thumbnail.jpg"
    async with studio.client() as client:
        assert (await client.get(path)).status_code == 404
        ref = a_ref(f"s01{Tier.PREVIEW}11")
        studio.store.objects[ref.uri.removeprefix("s3://memory/")] = f"s01{Tier.PREVIEW}11".encode()
        before = len(script.events)
        script.take("s01", Tier.PREVIEW)
        await studio.give(script.events[before:])
        answer = await client.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg")
    assert answer.content == b"jpeg of s01preview11"


async def test_films_are_listed_newest_first_and_by_pages(studio: Studio) -> None:
    for i in range(3):
        script = Script(f"film-{i}", brief_event_id=f"b{i}").requested(title=f"Film {i}")
        moment = script.events[0].envelope.occurred_at.replace(minute=i)
        await studio.give(
            [script.events[0]._replace(envelope=script.events[0].envelope.model_copy(update={"occurred_at": moment}))]
        )
    async with studio.client() as client:
        page = (await client.get("/v1/films", params={"limit": 2})).json()
        rest = (await client.get("/v1/films", params={"limit": 2, "before": page["next"]})).json()
    assert [film["title"] for film in page["films"]] == ["Film 2", "Film 1"]
    assert ([film["title"] for film in rest["films"]], rest["next"]) == (["Film 0"], None)


async def test_a_review_is_listed_shown_and_decided_once(studio: Studio) -> None:
    await studio.give(Script().requested().planned(cleared=False).review().events)
    async with studio.client(KEYS[Role.REVIEWER]) as client:
        (listed,) = (await client.get("/v1/reviews")).json()["reviews"]
        assert (listed["review_id"], listed["state"], listed["findings"][0]["rule"]) == ("r1", "open", "public-figure")
        answer = await client.post("/v1/reviews/r1", json={"decision": "approve", "note": "A namesake."})
        assert (answer.status_code, answer.json()["state"]) == (202, "decided")
        assert (await client.get("/v1/reviews")).json()["reviews"] == []
    (event,) = studio.bus.published
    assert isinstance(event.data, ReviewDecided)
    assert (event.data.decision, event.data.reviewer, event.data.note) == ("approve", "reviewer of Acme", "A namesake.")
    async with studio.client() as client:
        late = await client.post("/v1/reviews/r1", json={"decision": "reject"})
    assert late.status_code == 409
    assert "approve by reviewer of Acme" in late.json()["detail"]


async def test_a_review_decided_while_the_read_model_is_built_anew_is_answered_all_the_same(studio: Studio) -> None:
    """As seen in the simulation when Redis is emptied in that moment: the film is known again before its review is."""
    script = Script().requested()
    early = len(script.events)
    await studio.give(script.planned(cleared=False).review().events[:early])
    anew = await studio.state()
    await studio.give(script.events[early:])

    class Rebuilt:
        asked = 0

        async def state(self, film_id: str) -> FilmState | None:
            self.asked += 1
            return await studio.state(film_id) if self.asked != 2 else anew

    studio.api.state.doors = replace(studio.doors, films=Rebuilt())
    async with studio.client(KEYS[Role.REVIEWER]) as client:
        answer = await client.post("/v1/reviews/r1", json={"decision": "approve"})
    assert (answer.status_code, answer.json()["state"]) == (202, "decided")


async def test_a_review_whose_version_has_ended_is_closed(studio: Studio) -> None:
    await studio.give(Script().requested().review().failed("policy_blocked").events)
    async with studio.client() as client:
        assert (await client.get("/v1/reviews")).json()["reviews"] == []
        assert (await client.post("/v1/reviews/r1", json={"decision": "approve"})).status_code == 409
    assert studio.bus.published == []


@pytest.mark.parametrize("body", [{"decision": "maybe"}, {}, {"decision": "approve", "note": "x" * 2001}])
async def test_a_decision_must_be_one(studio: Studio, body: dict[str, str]) -> None:
    await studio.give(Script().requested().review().events)
    async with studio.client() as client:
        assert (await client.post("/v1/reviews/r1", json=body)).status_code == 422
