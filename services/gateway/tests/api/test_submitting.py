"""POST /v1/films: accepted, refused, repeated, rehearsed."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest
from gateway_facts import START, Script, a_plan
from gateway_fakes import KEYS, Studio
from storyreel_chassis.errors import Transient
from storyreel_contracts import BriefBlocked, FailureKind, FilmCancelled, FilmRequested, Finding, PolicyRef, Remedy, Severity
from storyreel_contracts.ids import film_id
from storyreel_gateway.domain.tenants import Role

BRIEF: dict[str, Any] = {"prompt": "A red sneaker.", "duration_s": 6, "campaign_ref": "spring"}
NO_PHOTO = {"uri": "s3://m/x", "sha256": "a" * 64, "size": 1, "media_type": "image/png"}
FRAMES = [{"start_s": 0, "end_s": 3, "prompt": "one"}, {"start_s": 3, "end_s": 6, "prompt": "two"}]


async def post(studio: Studio, brief: Any, key: str | None = "k-1", query: str = "") -> httpx.Response:
    async with studio.client(KEYS[Role.SUBMITTER]) as client:
        return await client.post(f"/v1/films{query}", json=brief, headers={"idempotency-key": key} if key else {})


def assert_problem(answer: httpx.Response, status: int, slug: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = answer.json()
    assert {"type", "title", "status", "detail", "instance", "retryable", "problems"} <= set(body)
    assert body["type"] == f"/problems/{slug}"
    return body


async def test_a_brief_is_accepted_with_location_and_links(studio: Studio) -> None:
    answer = await post(studio, BRIEF)
    film = film_id("acme", "k-1")
    assert answer.status_code == 202
    assert answer.headers["location"] == f"/v1/films/{film}"
    assert answer.json()["links"]["self"] == f"/v1/films/{film}"
    (event,) = studio.bus.published
    assert isinstance(event.data, FilmRequested)
    assert (event.data.source, event.data.dry_run, event.envelope.tenant_id) == ("http", False, "acme")


async def test_every_link_of_the_answer_is_there(studio: Studio) -> None:
    links = (await post(studio, BRIEF)).json()["links"]
    async with studio.client() as client:
        assert (await client.get(links["self"])).status_code == 200
        assert (await client.get(links["artifacts"])).status_code == 200
        for action in ("edits", "approve", "cancel"):
            assert (await client.get(links[action])).status_code == 405


async def test_a_film_can_be_read_before_its_first_fact_was(studio: Studio) -> None:
    studio.bus.deaf = True
    film = (await post(studio, BRIEF)).json()["film_id"]
    async with studio.client() as client:
        assert (await client.get(f"/v1/films/{film}")).json()["status"] == "screening"
        assert [f["film_id"] for f in (await client.get("/v1/films")).json()["films"]] == [film]


async def test_the_same_key_and_body_get_the_same_answer_and_one_film(studio: Studio) -> None:
    first, second = await post(studio, BRIEF), await post(studio, BRIEF)
    assert (first.status_code, first.content) == (second.status_code, second.content)
    assert len(studio.bus.published) == 1


async def test_the_same_key_with_another_body_is_refused(studio: Studio) -> None:
    await post(studio, BRIEF)
    assert_problem(await post(studio, BRIEF | {"prompt": "A blue one."}), 422, "idempotency-mismatch")
    assert_problem(await post(studio, BRIEF, query="?dry_run=true"), 422, "idempotency-mismatch")
    assert len(studio.bus.published) == 1


async def test_control_without_the_stored_fingerprint_the_other_body_would_pass(studio: Studio) -> None:
    await post(studio, BRIEF)
    for key in [k for k in studio.store.objects if k.startswith("intake/")]:
        del studio.store.objects[key]
    assert (await post(studio, BRIEF | {"prompt": "A blue one."})).status_code == 202


async def test_the_same_key_in_flight_is_told_to_wait(studio: Studio) -> None:
    lease = await studio.leases.acquire(f"submit/{film_id('acme', 'k-1')}", 60)
    answer = await post(studio, BRIEF)
    assert assert_problem(answer, 409, "in-flight")["retryable"] is True
    assert answer.headers["retry-after"] == "1"
    assert lease is not None
    await lease.release()
    assert (await post(studio, BRIEF)).status_code == 202


async def test_without_a_key_every_request_is_a_film_of_its_own(studio: Studio) -> None:
    films = {(await post(studio, BRIEF, key=None)).json()["film_id"] for _ in range(2)}
    assert len(films) == 2


async def test_a_request_that_died_between_claim_and_fact_is_finished_by_its_repetition(studio: Studio) -> None:
    studio.bus.broken = Transient(FailureKind.DEPENDENCY_DOWN, "the broker is away")
    body = assert_problem(await post(studio, BRIEF), 503, "unavailable")
    assert body["retryable"] is True
    studio.bus.broken = None
    assert (await post(studio, BRIEF)).status_code == 202
    assert len(studio.bus.published) == 1


@pytest.mark.parametrize(
    ("brief", "field"),
    [
        (BRIEF | {"duration_s": 1800}, "duration_s"),
        (BRIEF | {"budget": {"amount": 0}}, "budget.amount"),
        (BRIEF | {"prompt": "x" * 100_000}, "prompt"),
        (BRIEF | {"deadline": (START - timedelta(days=1)).isoformat()}, "deadline"),
        (BRIEF | {"storyboard": [FRAMES[0] | {"start_s": -1}, FRAMES[1]]}, "storyboard[0].start_s"),
        (BRIEF | {"storyboard": [FRAMES[0], FRAMES[1] | {"start_s": 2}]}, "storyboard[1].start_s"),
        ({"duration_s": 6}, "prompt"),
        ("a brief", "body"),
        (
            BRIEF | {"references": [{"id": "a", "role": "logo", "artifact": NO_PHOTO}]},
            "references[0].artifact",
        ),
    ],
    ids=["half an hour", "no budget", "100 kB", "late", "negative time", "overlap", "no prompt", "no object", "missing photo"],
)
async def test_a_bad_brief_names_field_reason_and_remedy(studio: Studio, brief: Any, field: str) -> None:
    problem = assert_problem(await post(studio, brief), 422, "invalid-brief")["problems"][0]
    assert problem["field"] == field
    assert problem["reason"]
    assert problem["remedy"]
    assert studio.bus.published == []
    assert (await post(studio, BRIEF)).status_code == 202


async def test_the_offending_value_is_never_echoed(studio: Studio) -> None:
    assert "zebra" not in (await post(studio, BRIEF | {"locale": "zebra!" * 10})).text


async def test_a_body_that_is_not_json_is_refused(studio: Studio) -> None:
    async with studio.client() as client:
        answer = await client.post("/v1/films", content=b"{nope", headers={"content-type": "application/json"})
    assert_problem(answer, 422, "invalid-brief")


async def test_a_body_above_a_mebibyte_is_refused_with_or_without_its_length(studio: Studio) -> None:
    async def chunks() -> Any:
        for _ in range(20):
            yield b" " * 65_536

    async with studio.client() as client:
        assert_problem(await client.post("/v1/films", content=b" " * (2**20 + 1)), 413, "too-large")
        headers = {"content-type": "application/json"}
        assert_problem(await client.post("/v1/films", content=chunks(), headers=headers), 413, "too-large")


@pytest.mark.parametrize("key", ["", "x" * 129, "with space", "tab\t"])
async def test_a_strange_idempotency_key_is_refused(studio: Studio, key: str) -> None:
    async with studio.client() as client:
        answer = await client.post("/v1/films", json=BRIEF, headers={"idempotency-key": key})
    assert assert_problem(answer, 422, "invalid-brief")["problems"][0]["field"] == "Idempotency-Key"


async def rehearse(studio: Studio, script: Script) -> httpx.Response:
    """A dry run, while the other rooms answer."""
    asking = asyncio.create_task(post(studio, BRIEF, query="?dry_run=true"))
    while not studio.bus.published:
        await asyncio.sleep(0.01)
    await studio.give(script.events)
    return await asking


async def test_a_dry_run_answers_with_script_shots_price_and_verdict_and_renders_nothing(studio: Studio) -> None:
    answer = await rehearse(studio, Script(film_id("acme", "k-1")).planned())
    body = answer.json()
    assert answer.status_code == 200
    assert (body["verdict"], body["price_micros"], len(body["shots"])) == ("cleared", 900_000, 3)
    assert body["script"]["logline"] == a_plan().logline
    requested, end = [event.data for event in studio.bus.published]
    assert isinstance(requested, FilmRequested)
    assert requested.dry_run
    assert isinstance(end, FilmCancelled)
    assert end.reason == "dry run"


async def test_a_dry_run_of_a_blocked_brief_says_why_and_what_to_do(studio: Studio) -> None:
    finding = Finding(rule="r", category="c", severity=Severity.BLOCK, where="prompt", explanation="Names a rival.")
    remedy = Remedy(action="rewrite", explanation="Leave the rival out.")
    script = Script(film_id("acme", "k-1"))
    script.say(BriefBlocked(version=1, policy=PolicyRef(id="d", version="1"), findings=[finding], remedies=[remedy]))
    body = (await rehearse(studio, script)).json()
    assert (body["verdict"], body["remedies"][0]["explanation"]) == ("blocked", "Leave the rival out.")


async def test_a_dry_run_that_gets_no_plan_in_time_says_so_and_ends_the_film(studio: Studio) -> None:
    answer = await post(studio, BRIEF, query="?dry_run=true")
    assert_problem(answer, 504, "no-answer-in-time")
    assert isinstance(studio.bus.published[-1].data, FilmCancelled)
