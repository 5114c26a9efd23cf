"""A brief becomes one finished film, and an edit rebuilds only what it reaches."""

import io
import json
from typing import Any

import av
import pytest
from studio import Seen, Studio, demo_brief, distinct, ends, tier_gaps

pytestmark = pytest.mark.connected


async def files_of(studio: Studio, film_id: str, seen: list[Seen], version: int = 1) -> dict[str, bytes]:
    (published,) = [s for s in ends(seen, version) if s.type == "film.published.v1"]
    async with studio.http() as http:
        got = {}
        for name in published.data["files"]:
            answer = await http.get(f"/v1/films/{film_id}/artifacts/{name}", follow_redirects=True)
            answer.raise_for_status()
            got[name] = answer.content
        return got


def segments(seen: list[Seen], version: int) -> dict[tuple[str, str], str]:
    (final,) = [s for s in distinct(seen, "film.assembled.v1") if s.data["version"] == version and s.data["tier"] == "final"]
    return {(s["shot_id"], s["aspect"]): s["artifact"]["sha256"] for s in final.data["segments"]}


def frames_of(data: bytes) -> tuple[int, tuple[int, int]]:
    with av.open(io.BytesIO(data)) as film:
        video = film.streams.video[0]
        return sum(1 for _ in film.decode(video)), (video.codec_context.width, video.codec_context.height)


async def test_a_signed_brief_becomes_one_published_film_and_a_caption_edit_touches_one_shot(studio: Studio) -> None:
    film_id = await studio.submit(demo_brief(aspects=["16:9", "9:16"]))
    seen = await studio.ended(film_id)
    (end,) = ends(seen)
    assert end.type == "film.published.v1", end.data
    assert end.data["provenance"]["state"] == "Trusted"
    files = await files_of(studio, film_id, seen)
    assert {"film-16x9.mp4", "film-9x16.mp4", "captions.vtt", "timeline.otio", "thumbnail.jpg", "manifest.json"} <= set(files)
    assert frames_of(files["film-16x9.mp4"]) == (108, (1280, 720))
    assert frames_of(files["film-9x16.mp4"]) == (108, (720, 1280))
    assert "Light as air" in files["captions.vtt"].decode()
    assert json.loads(files["manifest.json"])
    gaps = await tier_gaps(studio, film_id, seen)
    assert all(0 < gap["ssim"] < 1 and gap["delta_e"] > 0 for gap in gaps.values()), (
        "smaller previews are not quite their finals"
    )

    async with studio.http() as http:
        edit = {"edits": [{"target": "shot", "shot_id": "s02", "caption": "Lighter than air"}]}
        answer = await http.post(f"/v1/films/{film_id}/edits", json=edit)
        assert answer.status_code == 202, answer.text
    seen = await studio.ended(film_id, version=2)
    assert [e.type for e in ends(seen, 2)] == ["film.published.v1"]
    before, after = segments(seen, 1), segments(seen, 2)
    changed = {shot for shot, aspect in before if before[shot, aspect] != after[shot, aspect]}
    assert changed == {"s02"}, "all other segments keep their bytes"
    rendered = [s for s in distinct(seen, "shot.requested.v1") if s.data["version"] == 2]
    assert not rendered, "a caption costs no render"
    assert "Lighter than air" in (await files_of(studio, film_id, seen, 2))["captions.vtt"].decode()


async def test_the_same_brief_sent_twice_is_one_film(studio: Studio) -> None:
    brief: dict[str, Any] = demo_brief(tier="preview")
    first = await studio.submit(brief, brief_id="twice")
    second = await studio.submit(brief, brief_id="twice")
    assert first == second
    seen = await studio.ended(first)
    assert len(ends(seen)) == 1
    assert len(distinct(seen, "film.requested.v1")) == 1


async def test_a_film_without_a_storyboard_is_written_by_the_planner(studio: Studio) -> None:
    film_id = await studio.submit(
        {"prompt": "a mug of coffee on a window sill in the rain", "duration_s": 6, "tier": "preview"}
    )
    seen = await studio.ended(film_id)
    (end,) = ends(seen)
    assert end.type == "film.published.v1", end.data
    (planned,) = distinct(seen, "film.planned.v1")
    assert sum(s["frames"] for s in planned.data["plan"]["shots"]) == 144


async def test_a_cancelled_film_ends_once_and_renders_nothing_more(studio: Studio) -> None:
    film_id = await studio.submit(demo_brief(approval="person"))
    await studio.until(lambda seen: any(s.type == "film.cleared.v1" for s in seen), film_id)
    async with studio.http() as http:
        answer = await http.post(f"/v1/films/{film_id}/cancel", json={"reason": "changed our mind"})
        assert answer.status_code == 202, answer.text
    seen = await studio.ended(film_id)
    assert [e.type for e in ends(seen)] == ["film.cancelled.v1"]
    assert not [s for s in seen if s.type == "shot.requested.v1" and s.data["tier"] == "final"]


async def test_a_person_approves_the_preview_before_finals_are_rendered(studio: Studio) -> None:
    film_id = await studio.submit(demo_brief(approval="person"))
    seen = await studio.until(lambda seen: any(s.type == "film.cleared.v1" for s in seen), film_id)
    assert not [s for s in seen if s.type == "shot.requested.v1" and s.data["tier"] == "final"]
    async with studio.http() as http:
        answer = await http.post(f"/v1/films/{film_id}/approve", json={})
        assert answer.status_code == 202, answer.text
    seen = await studio.ended(film_id)
    assert [e.type for e in ends(seen)] == ["film.published.v1"]
