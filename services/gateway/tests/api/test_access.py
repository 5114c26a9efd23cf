"""Who may do what; and that one tenant never learns of another's films."""

from typing import Any

import pytest
from gateway_facts import FILM, Script, a_whole_film
from gateway_fakes import KEYS, OTHER_KEY, TENANTS, Studio, digest
from storyreel_gateway.domain.sessions import COOKIE, seal
from storyreel_gateway.domain.tenants import Role

CALLS: list[tuple[str, str, set[Role]]] = [
    ("GET", "/v1/films", {Role.SUBMITTER, Role.REVIEWER, Role.ADMIN}),
    ("GET", f"/v1/films/{FILM}", {Role.SUBMITTER, Role.REVIEWER, Role.ADMIN}),
    ("GET", f"/v1/films/{FILM}/events", {Role.SUBMITTER, Role.REVIEWER, Role.ADMIN}),
    ("GET", f"/v1/films/{FILM}/artifacts/film-16x9.mp4", {Role.SUBMITTER, Role.REVIEWER, Role.ADMIN}),
    ("GET", "/v1/me", {Role.SUBMITTER, Role.REVIEWER, Role.ADMIN}),
    ("POST", "/v1/films", {Role.SUBMITTER, Role.ADMIN}),
    ("POST", f"/v1/films/{FILM}/edits", {Role.SUBMITTER, Role.ADMIN}),
    ("POST", f"/v1/films/{FILM}/approve", {Role.SUBMITTER, Role.ADMIN}),
    ("POST", f"/v1/films/{FILM}/cancel", {Role.SUBMITTER, Role.ADMIN}),
    ("POST", "/v1/uploads", {Role.SUBMITTER, Role.ADMIN}),
    ("POST", "/v1/uploads/x/complete", {Role.SUBMITTER, Role.ADMIN}),
    ("GET", "/v1/reviews", {Role.REVIEWER, Role.ADMIN}),
    ("GET", "/v1/reviews/r1", {Role.REVIEWER, Role.ADMIN}),
    ("POST", "/v1/reviews/r1", {Role.REVIEWER, Role.ADMIN}),
]


@pytest.mark.parametrize("role", list(Role))
@pytest.mark.parametrize(("method", "path", "allowed"), CALLS, ids=[f"{m} {p}" for m, p, _ in CALLS])
async def test_a_role_opens_its_own_doors_and_no_others(
    method: str, path: str, allowed: set[Role], role: Role, studio: Studio
) -> None:
    await studio.give(a_whole_film())
    async with studio.client(KEYS[role]) as client:
        answer = await client.request(method, path, json={} if method == "POST" else None)
    assert (answer.status_code == 403) == (role not in allowed), answer.text
    assert answer.status_code not in {401, 500}


@pytest.mark.parametrize(("method", "path", "_"), CALLS, ids=[f"{m} {p}" for m, p, _ in CALLS])
@pytest.mark.parametrize("key", ["", "sk-wrong", digest(KEYS[Role.ADMIN])])
async def test_without_a_valid_key_every_door_is_shut(method: str, path: str, _: Any, key: str, studio: Studio) -> None:
    async with studio.client(key) as client:
        answer = await client.request(method, path, json={} if method == "POST" else None)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert answer.json()["type"] == "/problems/unauthorized"


FOREIGN = [
    *(("GET", path) for path in ("", "/events", "/artifacts", "/artifacts/film-16x9.mp4", "/shots/s01/thumbnail.jpg")),
    *(("POST", path) for path in ("/edits", "/approve", "/cancel")),
]


@pytest.mark.parametrize(("method", "rest"), FOREIGN, ids=[f"{m} {r}" for m, r in FOREIGN])
async def test_a_strangers_film_answers_exactly_as_one_that_never_was(method: str, rest: str, studio: Studio) -> None:
    await studio.give(a_whole_film())
    body = {"edits": [{"target": "shot", "shot_id": "s01", "caption": "x"}]} if method == "POST" else None
    async with studio.client(OTHER_KEY) as client:
        theirs = await client.request(method, f"/v1/films/{FILM}{rest}", json=body)
        never = await client.request(method, f"/v1/films/never{rest}", json=body)
    assert theirs.status_code == never.status_code == 404
    assert theirs.text.replace(FILM, "never") == never.text
    assert dict(theirs.headers) | {"content-length": ""} == dict(never.headers) | {"content-length": ""}


async def test_control_the_film_is_there_for_its_own_tenant(studio: Studio) -> None:
    """The 404 above is the tenant's doing: the same paths answer the owner."""
    await studio.give(a_whole_film())
    async with studio.client() as client:
        for method, rest in FOREIGN:
            if method == "GET" and "thumbnail" not in rest:
                assert (await client.get(f"/v1/films/{FILM}{rest}")).status_code in {200, 307}


async def test_lists_hold_the_tenants_own_films_and_reviews_only(studio: Studio) -> None:
    await studio.give(Script().requested().review().events)
    async with studio.client(OTHER_KEY) as client:
        assert (await client.get("/v1/films")).json()["films"] == []
        assert (await client.get("/v1/reviews")).json()["reviews"] == []
        assert (await client.get("/v1/reviews/r1")).status_code == 404


async def test_a_cookie_reads_but_changes_nothing_over_the_api(studio: Studio) -> None:
    await studio.give(a_whole_film())
    cookie = seal(digest(KEYS[Role.ADMIN]), b"secret", studio.clock.now())
    async with studio.client("") as client:
        client.cookies.set(COOKIE, cookie)
        assert (await client.get(f"/v1/films/{FILM}")).status_code == 200
        assert (await client.post(f"/v1/films/{FILM}/cancel")).status_code == 401


@pytest.mark.parametrize("value", ["", "a.b.c", "é", f"{digest(KEYS[Role.ADMIN])}.9999999999.{'0' * 64}"])
async def test_a_forged_or_torn_cookie_is_nobody(studio: Studio, value: str) -> None:
    async with studio.client("") as client:
        answer = await client.get("/v1/films", headers={"cookie": f"{COOKIE}={value}".encode()})
    assert answer.status_code == 401


def test_keys_are_kept_as_hashes_only() -> None:
    text = TENANTS.model_dump_json()
    assert not [key for key in KEYS.values() if key in text]


async def test_every_problem_type_explains_itself(studio: Studio) -> None:
    async with studio.client("") as client:
        kind = (await client.get("/v1/films")).json()["type"]
        assert "Authorization" in (await client.get(kind)).text
        assert (await client.get("/problems/none")).status_code == 404


async def test_every_answer_carries_the_strict_policy(studio: Studio) -> None:
    async with studio.client() as client:
        for path in ("/v1/films", "/nowhere", "/problems/not-found"):
            headers = (await client.get(path)).headers
            assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'; style-src 'self';")
            assert headers["x-content-type-options"] == "nosniff"


async def test_the_openapi_document_names_every_call(studio: Studio) -> None:
    async with studio.client("") as client:
        paths = (await client.get("/v1/openapi.json")).json()["paths"]
    assert {"/v1/films", "/v1/films/{film_id}/events", "/v1/uploads/{upload_id}/complete", "/v1/reviews/{review_id}"} <= set(
        paths
    )
