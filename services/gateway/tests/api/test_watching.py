"""Live events: a snapshot, then facts with ids; resumed from the log, ended with the film."""

import asyncio
import json
from typing import Any

from gateway_facts import FILM, Script, a_whole_film
from gateway_fakes import Studio
from storyreel_contracts import Tier

PATH = f"/v1/films/{FILM}/events"


def parse(text: str) -> list[dict[str, Any]]:
    """Events of a stream; comments left out."""
    found = []
    for block in text.strip().split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n") if not line.startswith(":"))
        if fields:
            found.append({"id": fields["id"], "event": fields["event"], "data": json.loads(fields["data"])})
    return found


async def watch(studio: Studio, path: str = PATH, **headers: str) -> Any:
    async with studio.client() as client:
        return await client.get(path, headers=headers)


async def test_a_watcher_gets_a_snapshot_and_then_every_fact_until_the_film_ends(studio: Studio) -> None:
    script = Script().requested().planned()
    await studio.give(script.events)
    watching = asyncio.create_task(watch(studio))
    await asyncio.sleep(0.05)
    before = len(script.events)
    await studio.give(script.tier(Tier.FINAL, publish=True).published().events[before:])
    answer = await watching
    events = parse(answer.text)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert events[0]["event"] == "snapshot"
    assert [e["event"] for e in events[1:]] == [e.envelope.type for e in script.events[before:]]
    assert events[-1]["data"]["film"]["status"] == "published"


async def test_live_events_carry_the_shot_as_it_stands(studio: Studio) -> None:
    await studio.give(a_whole_film())
    events = parse((await watch(studio, **{"last-event-id": "0-0"})).text)
    progress = next(e["data"] for e in events if e["event"] == "shot.progressed.v1")
    assert (progress["shot"]["shot_id"], progress["shot"]["status"], progress["shot"]["progress"]) == ("s01", "rendering", 0.5)


async def test_a_watcher_resumes_after_the_last_event_it_saw(studio: Studio) -> None:
    await studio.give(a_whole_film())
    everything = parse((await watch(studio, **{"last-event-id": "0-0"})).text)
    assert len(everything) == len(a_whole_film())
    for seen in (0, 7, len(everything) - 2):
        rest = parse((await watch(studio, **{"last-event-id": everything[seen]["id"]})).text)
        assert rest == everything[seen + 1 :]
    by_query = parse((await watch(studio, f"{PATH}?last_event_id={everything[7]['id']}")).text)
    assert by_query == everything[8:]


async def test_resuming_works_at_another_replica_that_never_saw_the_watcher(studio: Studio) -> None:
    await studio.give(a_whole_film())
    seen = parse((await watch(studio, **{"last-event-id": "0-0"})).text)[5]["id"]
    replica = Studio()
    replica.api.state.doors = studio.build_doors()
    assert len(parse((await watch(replica, **{"last-event-id": seen})).text)) == len(a_whole_film()) - 6


async def test_whoever_has_seen_the_end_is_told_not_to_come_back(studio: Studio) -> None:
    await studio.give(a_whole_film())
    last = parse((await watch(studio)).text)[-1]["id"]
    assert (await watch(studio, **{"last-event-id": last})).status_code == 204


async def test_a_silent_stream_is_kept_open_by_comments(studio: Studio) -> None:
    script = Script().requested()
    await studio.give(script.events)
    watching = asyncio.create_task(watch(studio))
    await asyncio.sleep(0.2)
    await studio.give(script.failed("budget_exhausted").events[-1:])
    assert ": ping\n\n" in (await watching).text


async def test_a_torn_event_id_gets_a_snapshot(studio: Studio) -> None:
    await studio.give(a_whole_film())
    assert parse((await watch(studio, **{"last-event-id": "'; DROP"})).text)[0]["event"] == "snapshot"


async def test_streams_of_one_tenant_are_bounded_and_freed(studio: Studio) -> None:
    script = Script().requested()
    await studio.give(script.events)
    two = [asyncio.create_task(watch(studio)) for _ in range(2)]
    await asyncio.sleep(0.05)
    third = await watch(studio)
    assert (third.status_code, third.json()["type"]) == (429, "/problems/too-many-streams")
    await studio.give(script.failed("budget_exhausted").events[-1:])
    await asyncio.gather(*two)
    assert (await watch(studio)).status_code == 200
