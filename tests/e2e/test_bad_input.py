"""Bad input gets a reason that names the field; nothing is lost, nobody dies, the next good brief is unaffected."""

import json
from typing import Any

import httpx
import pytest
from storyreel_contracts.topics import CATALOGUE, SERVICES
from studio import Studio, demo_brief, ends

pytestmark = pytest.mark.connected
MISSING = {"uri": f"s3://storyreel/sha256/00/{'0' * 64}", "sha256": "0" * 64, "size": 10, "media_type": "image/png"}


def board(**changes: Any) -> list[dict[str, Any]]:
    frames = demo_brief()["storyboard"]
    frames[1] |= changes
    return frames


BAD = {
    "thirty minutes": (demo_brief(duration_s=1800), "duration_s"),
    "negative timing": (demo_brief(storyboard=board(start_s=-1)), "storyboard[1].start_s"),
    "overlapping storyboard": (demo_brief(storyboard=board(start_s=1.0)), "storyboard[1].start_s"),
    "missing photo": (
        demo_brief(references=[{"id": "photo", "role": "product", "artifact": MISSING}]),
        "references[0].artifact",
    ),
    "prompt of 100 kB": (demo_brief(prompt="x" * 100_000), "prompt"),
    "budget of 0": (demo_brief(budget={"amount": "0"}), "budget.amount"),
    "deadline in the past": (demo_brief(deadline="2020-01-01T00:00:00Z"), "deadline"),
}


@pytest.mark.parametrize("case", BAD)
async def test_a_bad_brief_is_rejected_with_field_reason_and_remedy(studio: Studio, case: str) -> None:
    brief, field = BAD[case]
    film_id = await studio.submit(brief)
    seen = await studio.until(lambda seen: any(s.type == "brief.rejected.v1" for s in seen), film_id, 60)
    (rejected,) = [s for s in seen if s.type == "brief.rejected.v1"]
    named = {p["field"]: p for p in rejected.data["problems"]}
    assert field in named
    assert named[field]["reason"]
    assert named[field]["remedy"]


@pytest.mark.parametrize("case", BAD)
async def test_the_same_over_http_is_a_problem_document(studio: Studio, case: str) -> None:
    brief, field = BAD[case]
    async with studio.http() as http:
        answer = await http.post("/v1/films", json=brief)
    assert answer.status_code == 422
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert field in {p["field"] for p in answer.json()["problems"]}


async def test_a_wrong_signature_and_an_unknown_tenant_are_rejected(studio: Studio) -> None:
    body = json.dumps(demo_brief()).encode()
    forged = await studio.send(body, secret="whsec_" + "QUJD" * 8)
    stranger = await studio.send(body, tenant="nobody")
    for film_id, word in ((forged, "signature"), (stranger, "tenant")):
        seen = await studio.until(lambda seen: any(s.type == "brief.rejected.v1" for s in seen), film_id, 60)
        text = json.dumps(seen[-1].data["problems"]).lower() + json.dumps(
            [s.data for s in seen if s.type == "brief.rejected.v1"]
        )
        assert word in text


async def test_bytes_that_are_not_json_reach_the_dead_letters_exactly(studio: Studio) -> None:
    body = b"\x00\xff this is no brief"
    film_id = await studio.send(body)
    seen = await studio.until(lambda seen: any(s.topic == "gateway-dlq" for s in seen), film_id, 60)
    (dead,) = [s for s in seen if s.topic == "gateway-dlq"]
    assert dead.value == body
    assert dead.headers["x-dlq-reason"]


async def test_captions_with_emoji_and_right_to_left_text_become_a_film(studio: Studio) -> None:
    film_id = await studio.submit(demo_brief(storyboard=board(caption="مرحبا بالعالم 👟🔥"), tier="preview"))
    (end,) = ends(await studio.ended(film_id))
    assert end.type == "film.published.v1", end.data


async def test_another_body_under_the_same_idempotency_key_is_refused(studio: Studio) -> None:
    async with studio.http() as http:
        key = {"idempotency-key": "the-same"}
        first = await http.post("/v1/films", json=demo_brief(approval="person"), headers=key)
        again = await http.post("/v1/films", json=demo_brief(approval="person"), headers=key)
        other = await http.post("/v1/films", json=demo_brief(prompt="something else"), headers=key)
    assert first.status_code == again.status_code == 202
    assert first.json()["film_id"] == again.json()["film_id"]
    assert other.status_code == 422


async def test_unknown_types_versions_and_garbage_on_every_topic_stop_nobody(studio: Studio) -> None:
    unknown = {
        "ce_specversion": b"1.0",
        "ce_id": b"u-1",
        "ce_tenantid": b"dev",
        "ce_subject": b"f",
        "ce_time": b"2026-11-21T00:00:00Z",
    }
    for topic in [t.name for t in CATALOGUE if t.readers and t.readers != ("campaign",)]:
        for type_ in (b"film.dreamt.v1", b"film.requested.v99"):
            await studio.write(topic, b"f", b"{}", list({**unknown, "ce_type": type_}.items()))
        await studio.write(topic, b"g", b"\xff\xfe", [("ce_type", b"shot.rendered.v1"), ("odd", b"\xff")])
    film_id = await studio.submit(demo_brief(tier="preview"))
    (end,) = ends(await studio.ended(film_id))
    assert end.type == "film.published.v1"
    for service in SERVICES:
        async with httpx.AsyncClient() as http:
            answer = await http.get(studio.endpoints["services"][service]["ops_url"] + "/livez")
        assert answer.status_code == 200, answer.text
