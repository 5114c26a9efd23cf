"""Signed briefs from Kafka: every bad one is answered with the field and the reason, garbage is kept byte for byte."""

import json
from datetime import timedelta
from hashlib import sha256

import pytest
from gateway_facts import START
from gateway_fakes import SECRET, TENANTS, Studio
from media_files import a_png, a_text, a_wide_png
from standardwebhooks import Webhook
from storyreel_contracts import ArtifactRef, BriefRejected, Event, FilmRequested
from storyreel_contracts.ids import film_id

BRIEF = {"prompt": "A red sneaker.", "duration_s": 6}
FRAMES = [
    {"start_s": 0, "end_s": 3, "prompt": "one"},
    {"start_s": 3, "end_s": 6, "prompt": "two"},
]


def headers_of(value: bytes, *, ce_id: str = "b1", tenant: str = "acme", secret: str = SECRET) -> dict[str, str]:
    return {
        "ce_specversion": "1.0", "ce_id": ce_id, "ce_type": "brief.submitted.v1", "ce_source": "/c", "ce_tenantid": tenant,
        "ce_time": START.isoformat(), "webhook-id": ce_id, "webhook-timestamp": str(int(START.timestamp())),
        "webhook-signature": Webhook(secret).sign(ce_id, START, value.decode(errors="replace")),
    }  # fmt: skip


async def submit(studio: Studio, brief: object, **signing: str) -> Event:
    value = json.dumps(brief).encode()
    before = len(studio.room.publisher.events)
    await studio.deliver(value, headers_of(value, **signing))
    (event,) = studio.room.publisher.events[before:]
    return event


def refusal(event: Event) -> tuple[str, str]:
    assert isinstance(event.data, BriefRejected), event.data
    problem = event.data.problems[0]
    assert problem.reason
    assert problem.remedy
    return problem.field, str(event.data.kind)


async def test_a_good_brief_becomes_a_film_whose_id_anyone_can_compute(studio: Studio) -> None:
    event = await submit(studio, BRIEF)
    assert isinstance(event.data, FilmRequested)
    assert event.film_id == film_id("acme", "b1")
    assert (event.data.source, event.data.brief_event_id, event.data.policy) == ("kafka", "b1", "default")


async def test_a_brief_sent_twice_is_one_fact(studio: Studio) -> None:
    first, second = await submit(studio, BRIEF), await submit(studio, BRIEF)
    assert first == second


async def test_a_brief_read_again_a_month_later_is_answered_as_the_first_time(studio: Studio) -> None:
    brief = BRIEF | {"deadline": (START + timedelta(hours=1)).isoformat()}
    first = await submit(studio, brief)
    studio.clock.wall += timedelta(days=30)
    assert await submit(studio, brief) == first


@pytest.mark.parametrize(
    ("brief", "field", "kind"),
    [
        (BRIEF | {"duration_s": 1800}, "duration_s", "invalid_input"),
        (BRIEF | {"budget": {"amount": 0}}, "budget.amount", "invalid_input"),
        (BRIEF | {"prompt": "x" * 100_000}, "prompt", "invalid_input"),
        (BRIEF | {"deadline": "2020-01-01T00:00:00Z"}, "deadline", "deadline_passed"),
        (BRIEF | {"storyboard": [FRAMES[0] | {"start_s": -1}, FRAMES[1]]}, "storyboard[0].start_s", "invalid_input"),
        (BRIEF | {"storyboard": [FRAMES[0], FRAMES[1] | {"start_s": 2}]}, "storyboard[1].start_s", "invalid_input"),
        ({"duration_s": 6}, "prompt", "invalid_input"),
        ([1, 2], "brief", "invalid_input"),
    ],
    ids=["half an hour", "no budget", "100 kB prompt", "late", "negative time", "overlap", "no prompt", "no object"],
)
async def test_a_bad_brief_is_refused_with_field_reason_and_remedy(
    studio: Studio, brief: object, field: str, kind: str
) -> None:
    assert refusal(await submit(studio, brief)) == (field, kind)
    assert isinstance((await submit(studio, BRIEF, ce_id="next")).data, FilmRequested)


async def test_a_refusal_carries_the_campaigns_own_reference(studio: Studio) -> None:
    event = await submit(studio, BRIEF | {"duration_s": -1, "campaign_ref": "spring-7"})
    assert isinstance(event.data, BriefRejected)
    assert event.data.campaign_ref == "spring-7"


async def test_emoji_and_right_to_left_captions_pass_unchanged(studio: Studio) -> None:
    frames = [FRAMES[0] | {"caption": "أسرع من المطر 👟"}, FRAMES[1] | {"caption": "מהר יותר"}]
    event = await submit(studio, BRIEF | {"storyboard": frames})
    assert isinstance(event.data, FilmRequested)
    assert [frame.caption for frame in event.data.brief.storyboard] == ["أسرع من المطر 👟", "מהר יותר"]


async def test_a_wrong_signature_and_an_unknown_tenant_are_refused(studio: Studio) -> None:
    assert refusal(await submit(studio, BRIEF, secret="whsec_b2xkb2xkb2xkb2xk"))[0] == "webhook-signature"
    assert refusal(await submit(studio, BRIEF, tenant="nobody"))[0] == "ce_tenantid"


async def test_a_forged_refusal_does_not_stand_in_the_way_of_the_real_brief(studio: Studio) -> None:
    await submit(studio, BRIEF, secret="whsec_b2xkb2xkb2xkb2xk")
    assert isinstance((await submit(studio, BRIEF)).data, FilmRequested)


async def test_another_brief_under_a_used_id_is_refused_and_the_first_stays(studio: Studio) -> None:
    await submit(studio, BRIEF)
    assert refusal(await submit(studio, BRIEF | {"prompt": "another"}))[0] == "webhook-id"
    assert isinstance((await submit(studio, BRIEF)).data, FilmRequested)


async def test_what_is_not_json_goes_to_the_dead_letters_byte_for_byte(studio: Studio) -> None:
    value = b"\xff\x00 not json"
    await studio.deliver(value, headers_of(value))
    topic, _, kept, headers = studio.room.publisher.records[-1]
    assert (topic, kept) == ("gateway-dlq", value)
    assert b"not JSON" in headers["x-dlq-error"]


async def test_a_record_without_an_envelope_goes_to_the_dead_letters(studio: Studio) -> None:
    await studio.deliver(b"{}", {"ce_id": "x"})
    assert studio.room.publisher.records[-1][0] == "gateway-dlq"


async def test_an_unknown_type_or_version_is_skipped_and_nothing_stops(studio: Studio) -> None:
    value = json.dumps(BRIEF).encode()
    await studio.deliver(value, headers_of(value) | {"ce_type": "brief.submitted.v9"})
    assert studio.room.publisher.records == []
    assert isinstance((await submit(studio, BRIEF)).data, FilmRequested)


def brief_with(ref: ArtifactRef, role: str = "product") -> dict[str, object]:
    return BRIEF | {"references": [{"id": "photo", "role": role, "artifact": ref.model_dump()}]}


def uploaded(studio: Studio, data: bytes, tenant: str = "acme") -> ArtifactRef:
    """What a campaign system does that writes to the tenant's upload area by itself."""
    key = f"uploads/{tenant}/shoe.png"
    studio.store.objects[key] = data
    digest = sha256(data).hexdigest()
    return ArtifactRef(uri=f"s3://memory/{key}", sha256=digest, size=len(data), media_type="image/png")


async def test_a_photo_in_the_tenants_upload_area_is_probed_and_becomes_content_addressed(studio: Studio) -> None:
    event = await submit(studio, brief_with(uploaded(studio, a_png())))
    assert isinstance(event.data, FilmRequested)
    assert event.data.brief.references[0].artifact.uri.startswith("s3://memory/sha256/")


@pytest.mark.parametrize(
    ("data", "word"), [(a_wide_png(), "20000×20000"), (a_text(), "text file"), (b"#EXTM3U\nhttp://inside/", "playlist")]
)
async def test_a_bad_photo_is_refused_with_its_field(studio: Studio, data: bytes, word: str) -> None:
    event = await submit(studio, brief_with(uploaded(studio, data)))
    assert refusal(event) == ("references[0].artifact", "invalid_input")
    assert isinstance(event.data, BriefRejected)
    assert word in event.data.problems[0].reason


async def test_a_missing_photo_is_refused_with_its_field(studio: Studio) -> None:
    ref = uploaded(studio, a_png())
    del studio.store.objects["uploads/acme/shoe.png"]
    assert refusal(await submit(studio, brief_with(ref)))[0] == "references[0].artifact"


async def test_another_tenants_upload_looks_like_a_missing_one(studio: Studio) -> None:
    theirs = await submit(studio, brief_with(uploaded(studio, a_png(), tenant="other")))
    missing = await submit(
        studio, brief_with(ArtifactRef(uri="s3://memory/uploads/acme/no", sha256="a" * 64, size=1, media_type="x"))
    )
    assert isinstance(theirs.data, BriefRejected)
    assert isinstance(missing.data, BriefRejected)
    assert theirs.data.problems == missing.data.problems


async def test_content_that_another_tenant_uploaded_is_not_ours_even_if_we_know_its_hash(studio: Studio) -> None:
    key = "uploads/other/x"
    studio.store.objects[key] = a_png()
    admitted = await studio.uploads.complete(TENANTS.tenants[1], "x")
    assert refusal(await submit(studio, brief_with(admitted.artifact)))[0] == "references[0].artifact"


async def test_a_photo_is_no_music(studio: Studio) -> None:
    event = await submit(studio, brief_with(uploaded(studio, a_png()), role="music"))
    assert refusal(event)[0] == "references[0].artifact"


async def test_one_brief_through_both_doors_under_one_id_is_one_film(studio: Studio) -> None:
    async with studio.client() as client:
        answer = await client.post("/v1/films", json=BRIEF, headers={"idempotency-key": "b1"})
    from_kafka = await submit(studio, BRIEF)
    assert answer.json()["film_id"] == from_kafka.film_id
    assert studio.bus.published[0].event_id == from_kafka.event_id
