"""The pages: useful without scripts, closed without a key, deaf to other sites."""

import re
from html.parser import HTMLParser
from typing import Any

import httpx
import pytest
from gateway_facts import FILM, Script, a_ref, a_whole_film
from gateway_fakes import KEYS, OTHER_KEY, Studio
from storyreel_contracts import FilmApproved, FilmCancelled, FilmEditRequested, ReviewDecided, ShotMatched, Tier
from storyreel_contracts.takes import TierGap
from storyreel_gateway.domain.tenants import Role
from storyreel_gateway.routes.rendering import FOLDER

PAGE = f"/films/{FILM}"
HTML = {"accept": "text/html"}


async def enter(client: httpx.AsyncClient, key: str = KEYS[Role.ADMIN], target: str = "/films") -> httpx.Response:
    return await client.post("/signin", data={"key": key, "next": target})


async def look(studio: Studio, path: str, key: str = KEYS[Role.ADMIN]) -> httpx.Response:
    async with studio.client("") as client:
        await enter(client, key)
        return await client.get(path, headers=HTML)


async def send(studio: Studio, path: str, data: dict[str, str], key: str = KEYS[Role.ADMIN], **headers: str) -> httpx.Response:
    async with studio.client("") as client:
        await enter(client, key)
        return await client.post(path, data=data, headers=HTML | headers)


async def test_whoever_is_not_signed_in_is_led_to_the_door_and_back(studio: Studio) -> None:
    async with studio.client("") as client:
        answer = await client.get(PAGE)
        assert (answer.status_code, answer.headers["location"]) == (303, f"/signin?next={PAGE}")
        entered = await enter(client, target=PAGE)
        assert (entered.status_code, entered.headers["location"]) == (303, PAGE)


async def test_the_cookie_is_sealed_and_holds_no_key(studio: Studio) -> None:
    async with studio.client("") as client:
        cookie = (await enter(client)).headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert KEYS[Role.ADMIN] not in cookie


async def test_a_wrong_key_is_told_so_and_gets_no_cookie(studio: Studio) -> None:
    async with studio.client("") as client:
        answer = await enter(client, "sk-wrong")
    assert (answer.status_code, "set-cookie" in answer.headers) == (401, False)
    assert "No tenant has this key" in answer.text


@pytest.mark.parametrize("target", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)"])
async def test_signing_in_never_leads_off_the_house(studio: Studio, target: str) -> None:
    async with studio.client("") as client:
        assert (await enter(client, target=target)).headers["location"] == "/films"


async def test_the_film_page_says_everything_without_a_script(studio: Studio) -> None:
    await studio.give(a_whole_film())
    text = (await look(studio, PAGE)).text
    for words in (
        "Sneaker launch",
        "Published",
        "cleared",
        "matched",
        "$0.1800",
        "film-16x9.mp4",
        "Version 1 is published",
        "s03",
    ):
        assert words in text
    assert f'src="/v1/films/{FILM}/artifacts/film-16x9.mp4"' in text


async def test_the_film_page_says_how_far_a_final_is_from_its_preview(studio: Studio) -> None:
    script = Script().requested().planned()
    key = script.take("s01", Tier.FINAL)
    gap = TierGap(preview="f" * 64, ssim=0.912, delta_e=1.44)
    script.say(ShotMatched(version=1, shot_id="s01", tier=Tier.FINAL, attempt=1, key=key, measures=[], tier_gap=gap))
    await studio.give(script.events)
    assert "Against its preview: SSIM 0.91 (1 is equal), colour 1.4 deltaE2000" in (await look(studio, PAGE)).text


async def test_every_local_address_on_the_page_answers(studio: Studio) -> None:
    await studio.give(a_whole_film())
    for name in ("s01final11", "s02final11", "s03final11"):
        studio.store.objects[a_ref(name).uri.removeprefix("s3://memory/")] = name.encode()
    async with studio.client("") as client:
        await enter(client)
        text = (await client.get(PAGE)).text
        for address in set(re.findall(r'(?:href|src|poster)="(/[^"#]*)', text)):
            assert (await client.get(address.replace("&amp;", "&"))).status_code in {200, 307}, address


@pytest.mark.parametrize("path", [PAGE, "/films", "/reviews", "/signin"])
async def test_pages_keep_the_strict_policy_by_themselves(studio: Studio, path: str) -> None:
    """No inline script, no inline style, nothing from elsewhere: the policy would block it silently in front of a user."""
    await studio.give(Script().requested().planned().review().events)
    text = (await look(studio, path)).text
    assert not re.search(r"\son\w+=|\sstyle=|<style|<script(?![^>]*src=)|https?://(?!www\.w3\.org)", text)


async def test_what_people_wrote_is_text_and_never_markup(studio: Studio) -> None:
    await studio.give(Script().requested(title='<img src=x onerror="alert(1)">').events)
    for path in (PAGE, "/films"):
        text = (await look(studio, path)).text
        assert "<img src=x" not in text
        assert "&lt;img src=x" in text


async def test_no_other_tenant_sees_the_page(studio: Studio) -> None:
    await studio.give(a_whole_film())
    theirs, never = await look(studio, PAGE, OTHER_KEY), await look(studio, "/films/never", OTHER_KEY)
    assert theirs.status_code == never.status_code == 404
    assert theirs.text == never.text
    assert "There is no such film of yours" in theirs.text


async def test_the_list_shows_films_with_their_state(studio: Studio) -> None:
    await studio.give(a_whole_film())
    text = (await look(studio, "/films")).text
    assert PAGE in text
    assert "Published" in text


async def test_the_approve_button_stands_where_it_is_needed_and_works(studio: Studio) -> None:
    script = Script().requested(approval="person").planned()
    await studio.give(script.events)
    assert "Approve preview" not in (await look(studio, PAGE)).text
    await studio.give(script.tier(Tier.PREVIEW).events)
    assert "Approve preview" in (await look(studio, PAGE)).text
    answer = await send(studio, f"{PAGE}/approve", {})
    assert (answer.status_code, answer.headers["location"]) == (303, PAGE)
    assert isinstance(studio.bus.published[-1].data, FilmApproved)


async def test_a_shots_form_changes_its_line_or_asks_for_a_new_take(studio: Studio) -> None:
    await studio.give(Script().requested().planned().events)
    await send(studio, f"{PAGE}/edit", {"shot_id": "s02", "caption": "Faster"})
    edit = studio.bus.published[-1].data
    assert isinstance(edit, FilmEditRequested)
    assert edit.edits[0].model_dump(exclude_none=True) == {
        "target": "shot",
        "shot_id": "s02",
        "caption": "Faster",
        "new_take": False,
    }
    await studio.give(Script().planned(2).events)
    await send(studio, f"{PAGE}/edit", {"shot_id": "s02", "caption": "Faster", "new_take": "1"})
    again = studio.bus.published[-1].data
    assert isinstance(again, FilmEditRequested)
    assert again.edits[0].model_dump(exclude_none=True) == {"target": "shot", "shot_id": "s02", "new_take": True}


async def test_a_refused_action_is_a_page_that_says_why_and_leads_back(studio: Studio) -> None:
    await studio.give(a_whole_film())
    answer = await send(studio, f"{PAGE}/cancel", {}, referer=f"http://gateway{PAGE}")
    assert (answer.status_code, answer.headers["content-type"]) == (409, "text/html; charset=utf-8")
    assert "it is published" in answer.text
    assert f'href="{PAGE}"' in answer.text


FOREIGN: list[dict[str, str]] = [
    {"origin": "https://evil.example"},
    {"sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
    {"origin": "null"},
]


@pytest.mark.parametrize("headers", FOREIGN)
async def test_a_form_from_another_site_is_nobodys(studio: Studio, headers: dict[str, str]) -> None:
    await studio.give(Script().requested().planned().events)
    answer = await send(studio, f"{PAGE}/cancel", {}, **headers)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/signin?next={PAGE}/cancel")
    assert studio.bus.published == []


async def test_control_the_same_form_from_here_works(studio: Studio) -> None:
    await studio.give(Script().requested().planned().events)
    await send(studio, f"{PAGE}/cancel", {}, origin="http://gateway", **{"sec-fetch-site": "same-origin"})
    assert isinstance(studio.bus.published[-1].data, FilmCancelled)


async def test_the_desk_shows_one_review_with_its_rule_and_decides_it(studio: Studio) -> None:
    await studio.give(Script().requested().planned().review("r1").review("r2", "film", subject_key="x").events)
    text = (await look(studio, "/reviews", KEYS[Role.REVIEWER])).text
    assert "2 waiting" in text
    assert "Names a public figure." in text
    assert 'data-key="j"' in text
    said = {"decision": "reject", "remedy": "Leave the name out.", "note": "Again."}
    answer = await send(studio, "/reviews/r1", said, KEYS[Role.REVIEWER])
    assert answer.status_code == 303
    decided = studio.bus.published[-1].data
    assert isinstance(decided, ReviewDecided)
    assert (decided.decision, decided.note) == ("reject", "Leave the name out. Again.")
    assert "1 waiting" in (await look(studio, "/reviews", KEYS[Role.REVIEWER])).text


async def test_roles_hold_on_pages_too(studio: Studio) -> None:
    await studio.give(Script().requested().planned().review().events)
    assert (await look(studio, "/reviews", KEYS[Role.SUBMITTER])).status_code == 403
    assert (await send(studio, f"{PAGE}/cancel", {}, KEYS[Role.REVIEWER])).status_code == 403
    assert "Cancel film" not in (await look(studio, PAGE, KEYS[Role.REVIEWER])).text
    assert studio.bus.published == []


@pytest.mark.parametrize("data", [{}, {"decision": "maybe"}])
async def test_a_decision_without_a_word_changes_nothing(studio: Studio, data: dict[str, str]) -> None:
    await studio.give(Script().requested().review().events)
    assert (await send(studio, "/reviews/r1", data)).status_code == 422
    assert studio.bus.published == []


class Tags(HTMLParser):
    """Controls and pictures of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, Any]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


async def test_every_picture_has_words_and_every_page_its_language(studio: Studio) -> None:
    await studio.give(a_whole_film())
    tags = Tags()
    tags.feed((await look(studio, PAGE)).text)
    assert ("html", {"lang": "en"}) in tags.found
    assert all(attrs.get("alt") for tag, attrs in tags.found if tag == "img")
    assert all(attrs.get("width") and attrs.get("height") for tag, attrs in tags.found if tag == "img"), "else it shifts"


PAIRS = (
    "ink card",
    "soft card",
    "soft ground",
    "soft quiet-bg",
    "accent card",
    "accent ground",
    "on-accent accent",
    "bad card",
)


def _contrast(one: str, other: str) -> float:
    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_every_pair_of_colours_passes_aa_in_light_and_dark() -> None:
    css = (FOLDER / "static/storyreel.css").read_text()
    blocks = [dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block)) for block in css.split("}")[:2] if "--ground" in block]
    assert len(blocks) == 2
    for colours in blocks:
        for tone in ("good", "bad", "warn", "busy"):
            assert _contrast(colours[tone], colours[f"{tone}-bg"]) >= 4.5, tone
        for front, back in (pair.split() for pair in PAIRS):
            assert _contrast(colours[front], colours[back]) >= 4.5, (front, back)
