"""Events per second per core: the chassis' whole path against a bare aiokafka loop, on the same records.

Consume, validate, drop what was seen, decide, publish one fact, save the fold, commit - against: consume, parse JSON, produce.
CPU time of the process, not wall, because the broker shares the cores. `--profile FILE` keeps one profile of the chassis' side.
"""

import asyncio
import logging
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from aiokafka import AIOKafkaProducer
from measure import Figure, child, collected, interleaved, main
from storyreel_contracts import ArtifactRef, Envelope, Event, ShotRendered, Tier, encode
from storyreel_contracts.plan import ModelRef
from storyreel_local import topics
from storyreel_local.parts.base import Options
from storyreel_local.stack import Stack

EVENTS, PER_FILM, PARTITIONS = 4_000, 50, 6
_SIDES = Path(__file__).with_name("event_sides.py")
_HASH = "ab" * 32
# A topic made a moment ago has no leader yet; aiokafka warns of that, and waits for it.
logging.getLogger("aiokafka").setLevel(logging.CRITICAL)


def run(pairs: int) -> Sequence[Figure]:
    """A broker of its own, a topic of its own for every measurement."""
    with tempfile.TemporaryDirectory() as folder, Stack(Path(folder), options=Options(parts=("kafka",), tied=True)) as stack:
        return asyncio.run(_measured(stack.endpoints["kafka"]["bootstrap_servers"], pairs))


async def side(servers: str, name: str, *profile: str) -> float:
    """Events per second of one core, on fresh records."""
    topic = f"bench-events-{uuid4().hex[:8]}"
    await topics.create(servers, [topics.Topic(topic, PARTITIONS)])
    await _fill(servers, topic)
    found = await child(_SIDES, name, servers, topic, str(EVENTS), *profile)
    return float(found["per_core_s"])


async def _measured(servers: str, pairs: int) -> Sequence[Figure]:
    found = interleaved("events", pairs, lambda: side(servers, "chassis"), lambda: side(servers, "bare"))
    ours, bare, load = await collected(found)
    return [
        Figure(
            bench="events", what="chassis / bare aiokafka loop, events per second per core", load=load,
            ratios=[a / b for a, b in zip(ours, bare, strict=True)],
            note=f"{EVENTS} takes of {EVENTS // PER_FILM} films, one fact each; folds in memory; CPU time of the process",
            detail=[{"chassis": a, "bare": b} for a, b in zip(ours, bare, strict=True)],
        )
    ]  # fmt: skip


async def _fill(servers: str, topic: str) -> None:
    async with AIOKafkaProducer(bootstrap_servers=servers, acks="all", enable_idempotence=True) as producer:
        sent = []
        for number in range(EVENTS):
            headers, value = encode(_event(number))
            pairs = [(k, v.encode()) for k, v in headers.items()]
            sent.append(await producer.send(topic, value, key=headers["ce_subject"].encode(), headers=pairs))
        await asyncio.gather(*sent)


def _event(number: int) -> Event:
    films = EVENTS // PER_FILM
    envelope = Envelope(
        event_id=str(uuid4()), type=ShotRendered.TYPE, source="/storyreel/renderer", film_id=f"film-{number % films:06d}",
        tenant_id="dev", occurred_at=datetime.now(UTC), cause_id=str(uuid4()),
    )  # fmt: skip
    take = ShotRendered(
        version=1, shot_id=f"s{number // films:02d}", tier=Tier.PREVIEW, attempt=1, key=_HASH, width=256, height=144, frames=25,
        fps=16, seed=number, model=ModelRef(name="null", version="1"), device_seconds=0.4, cost_micros=400,
        artifact=ArtifactRef(uri=f"s3://storyreel/sha256/ab/{_HASH}", sha256=_HASH, size=26_766, media_type="video/mp4"),
    )  # fmt: skip
    return Event(envelope, take)


def profile(path: str) -> None:
    """One profiled run of the chassis' side; read it with `python -m pstats`."""
    with tempfile.TemporaryDirectory() as folder, Stack(Path(folder), options=Options(parts=("kafka",), tied=True)) as stack:
        asyncio.run(side(stack.endpoints["kafka"]["bootstrap_servers"], "chassis", path))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--profile"]:
        profile(str(Path(sys.argv[2]).resolve()))
    else:
        main("events", 5, run)
