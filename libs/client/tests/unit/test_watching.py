"""A film is watched: on a terminal, in a pipe, as JSON; to a good end and to a bad one."""

import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from rich.console import Console
from storyreel_client.cli.live import film_picture
from storyreel_client.cli.words import finish_of
from storyreel_client.sse import ServerEvent, parse
from storyreel_client.views import FilmView, LiveEvent, ShotView, after
from storyreel_contracts import Envelope, Event, FilmUpdated, encode

SHOT = {"shot_id": "s01", "status": "rendered", "tier": "final", "safety": "blocked", "quality": "unmatched"}
AT = "2026-11-21T16:00:00Z"
FILM = "8d8b6c1e-0000-5000-8000-000000000001"


def view(status: str = "rendering_preview", **fields: Any) -> dict[str, Any]:
    return {"film_id": FILM, "version": 1, "status": status, "title": "Harbour", "budget_micros": 5_000_000, **fields}


def live(number: int, status: str = "rendering_preview", **fields: Any) -> dict[str, Any]:
    return {"id": str(number), "at": AT, "type": "shot.rendered.v1", "text": f"Fact {number}", "film": view(status), **fields}


def test_watch_shows_facts_and_stages_with_their_time_first_in_a_pipe(storyreel: Any) -> None:
    gateway = storyreel.gateway
    gateway.films[FILM] = view(shots=[{"shot_id": "s01"}])
    gateway.events[FILM] = [live(1), live(2), live(3, "failed")]
    gateway.on_event = lambda e: gateway.films.update({FILM: view("failed", detail="No device was left.")})
    answer = storyreel("watch", FILM)
    lines = answer.out.splitlines()
    assert answer.code == 1
    assert "2026-11-21T16:00:00Z  Fact 1" in lines
    assert any("Failed" in line for line in lines)
    assert "No device was left." in lines[-1]


def test_a_published_film_is_saved_checked_and_priced(storyreel: Any, tmp_path: Path) -> None:
    storyreel.gateway.publish(FILM, {"film-16x9.mp4": b"no manifest", "captions.vtt": b"WEBVTT"}, price_micros=19_500)
    answer = storyreel("watch", FILM, "--out", tmp_path / "out", "--json")
    assert (tmp_path / "out" / FILM / "captions.vtt").read_bytes() == b"WEBVTT"
    kinds = {r["kind"]: r for r in answer.rows}
    assert kinds["cost"]["cost_micros"] == 19_500
    assert kinds["provenance"]["state"] == "invalid"
    assert answer.code == 5, "a film without provenance is not a good end"


def test_work_in_progress_is_not_saved_with_the_film() -> None:
    names = ("film-16x9.mp4", "preview-16x9.mp4", "shot-s01-final-1.mp4", "evidence-r-0.png", "manifest.json")
    film = FilmView.model_validate(view(artifacts={n: {} for n in names}))
    assert set(film.files) == {"film-16x9.mp4", "manifest.json"}


def test_a_file_that_arrives_changed_is_not_kept(storyreel: Any, tmp_path: Path) -> None:
    storyreel.gateway.publish(FILM, {"captions.vtt": b"WEBVTT"})
    storyreel.gateway.files["captions.vtt"] = b"changed"
    answer = storyreel("watch", FILM, "--out", tmp_path / "out")
    assert answer.code == 5
    assert list((tmp_path / "out" / FILM).iterdir()) == []


def test_a_name_that_leaves_its_folder_is_refused(storyreel: Any, tmp_path: Path) -> None:
    storyreel.gateway.publish(FILM, {"../evil": b"x"})
    assert storyreel("watch", FILM, "--out", tmp_path / "out").code == 2
    assert not (tmp_path / "out").exists()


def test_watch_waits_for_a_film_that_is_still_on_its_way(storyreel: Any, tmp_path: Path) -> None:
    brief = tmp_path / "b.json"
    brief.write_text(json.dumps({"prompt": "x", "duration_s": 6}))
    gateway = storyreel.gateway
    gateway.answers = [(404, {"detail": "There is no such film."})] * 3
    gateway.films = {k: view("cancelled") for k in [_film_of("b9")]}
    answer = storyreel("submit", brief, "--watch", "--id", "b9")
    assert answer.code == 1
    assert len(gateway.asked) == 4


def _film_of(brief_id: str) -> str:
    from storyreel_contracts import ids

    return ids.film_id("acme", brief_id)


def test_a_lost_line_is_taken_up_after_the_last_event(storyreel: Any) -> None:
    gateway = storyreel.gateway
    gateway.films[FILM] = view(shots=[{"shot_id": "s01"}])
    gateway.events[FILM] = [live(1)]
    seen: list[int] = []

    def step(event: dict[str, Any]) -> None:
        seen.append(int(event["id"]))
        if event["id"] == "1":
            gateway.events[FILM].append(live(2, "cancelled"))
        else:
            gateway.films[FILM] = view("cancelled")

    gateway.on_event = step
    assert storyreel("watch", FILM).code == 1
    assert [r.headers.get("last-event-id") for r in gateway.asked if r.url.path.endswith("events")] == [None, "1"]


def test_a_gateway_that_stays_away_is_exit_code_3_after_some_patience(storyreel: Any) -> None:
    gateway = storyreel.gateway
    gateway.films[FILM] = view()
    gateway.answers = [(200, view()), *[httpx.ConnectError("refused")] * 20]
    answer = storyreel("watch", FILM)
    assert answer.code == 3
    assert "did not answer" in answer.err
    assert len(gateway.asked) == 7, "the first look and six tries"


def test_ctrl_c_ends_with_130_and_says_that_the_film_goes_on(storyreel: Any) -> None:
    storyreel.gateway.answers = [KeyboardInterrupt()]
    answer = storyreel("watch", FILM)
    assert answer.code == 130
    assert "goes on" in answer.err


def test_the_table_at_a_terminal_names_every_verdict_and_honours_no_color(storyreel: Any) -> None:
    storyreel.terminal, storyreel.environ = True, {"COLUMNS": "80", "NO_COLOR": "1"}
    storyreel.gateway.films[FILM] = view("cancelled", shots=[SHOT])
    answer = storyreel("watch", FILM)
    assert "✗ blocked" in answer.out
    assert "≈ unmatched" in answer.out
    assert "\x1b[3" not in answer.out


def test_the_table_fits_80_columns_and_keeps_its_height_while_facts_come() -> None:
    def lines(facts: int) -> list[str]:
        happened = [{"id": str(i), "at": AT, "text": "word " * 40} for i in range(facts)]
        film = FilmView.model_validate(view(title="Long " * 40, finish_at=AT, shots=[SHOT], facts=happened))
        console = Console(file=io.StringIO(), width=80)
        console.print(film_picture(film, datetime(2026, 11, 21, 15, tzinfo=UTC)))
        return console.file.getvalue().splitlines()  # type: ignore[attr-defined, no-any-return]

    assert max(len(line) for line in lines(5)) <= 80
    assert len(lines(0)) == len(lines(1)) == len(lines(5))
    assert all(heading in lines(0)[3] for heading in ("shot", "stage", "safety", "match", "try", "time", "price"))


def test_a_film_can_be_watched_on_kafka(storyreel: Any) -> None:
    for status in ("screening", "published"):
        envelope = Envelope(
            event_id=status, type=FilmUpdated.TYPE, film_id=FILM, tenant_id="acme", occurred_at=AT  # type: ignore[arg-type]
        )  # fmt: skip
        headers, value = encode(Event(envelope, FilmUpdated(version=1, status=status, brief_event_id="b")))  # type: ignore[arg-type]
        pairs = [(k, v.encode()) for k, v in headers.items()]
        storyreel.broker.topics["film-updates"] += _records(pairs, value)
    answer = storyreel("watch", FILM, "--kafka", "--json")
    assert [r["status"] for r in answer.rows] == ["screening", "published"]
    assert answer.code == 0


def _records(headers: list[tuple[str, bytes]], value: bytes) -> list[Any]:
    from storyreel_client.records import StoredRecord

    place = {"topic": "film-updates", "partition": 0, "offset": 0}
    unknown = StoredRecord(**place, key=FILM.encode(), value=b"{}", headers=[("ce_type", b"later.v9")])  # type: ignore[arg-type]
    other = StoredRecord(**place, key=b"another", value=value, headers=headers)  # type: ignore[arg-type]
    return [unknown, other, StoredRecord(**place, key=FILM.encode(), value=value, headers=headers)]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "event",
    [
        live(1) | {"film": view() | {"version": 2}},
        live(1) | {"film": view("published")},
        live(1) | {"type": "film.planned.v1"},
        live(1) | {"shot": {"shot_id": "s99"}},
    ],
)
def test_an_event_that_does_not_tell_all_asks_for_a_new_look(event: dict[str, Any]) -> None:
    film = FilmView.model_validate(view(shots=[{"shot_id": "s01"}]))
    assert after(film, LiveEvent.model_validate(event)) is None


def test_an_event_changes_its_shot_and_adds_its_fact_once() -> None:
    film = FilmView.model_validate(view(shots=[{"shot_id": "s01"}, {"shot_id": "s02"}]))
    event = LiveEvent.model_validate(live(1) | {"shot": {"shot_id": "s01", "step": 3, "steps": 8}})
    once = after(film, event)
    assert once is not None
    assert once.shots[0] == ShotView(shot_id="s01", step=3, steps=8)
    assert [s.shot_id for s in once.shots] == ["s01", "s02"]
    twice = after(once, event)
    assert twice is not None
    assert [f.text for f in twice.facts] == ["Fact 1"]


async def test_a_stream_is_read_as_the_standard_says() -> None:
    async def lines() -> Any:
        for line in (": ping", "", "id: 7", "event: fact", "data: a", "data:b", "", "unknown: x", "data: torn"):
            yield line

    assert [e async for e in parse(lines())] == [ServerEvent("7", "fact", "a\nb")]


@pytest.mark.parametrize(("minutes", "said"), [(2, "(in 2:00)"), (-1, "was expected")])
def test_a_finish_time_that_has_passed_is_not_promised_again(minutes: int, said: str) -> None:
    now = datetime(2026, 11, 21, 16, tzinfo=UTC)
    film = FilmView.model_validate(view(finish_at=(now + timedelta(minutes=minutes)).isoformat()))
    assert said in finish_of(film, now)
    assert finish_of(FilmView.model_validate(view(finish_at="soon")), now) == ""
