"""A film as its facts tell it: the records in the topics with their times, and the chain of facts that its end waited for."""

import asyncio
import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from storyreel_contracts.topics import BY_NAME, CATALOGUE

# What each fact is an answer to. The latest of these before it is what it waited for: `ce_causeid` will not do, because the
# planner derives ids from the request, so that deciding again names its facts the same.
_REPORTS = ("shot.matched.v1", "shot.drifted.v1")
_ANSWERS = {
    "film.requested.v1": ("brief.submitted.v1",),
    "brief.cleared.v1": ("film.requested.v1",),
    "film.planned.v1": ("brief.cleared.v1",),
    "plan.cleared.v1": ("film.planned.v1",),
    "shot.requested.v1": ("plan.cleared.v1", "shot.cleared.v1", *_REPORTS),
    "shot.rendered.v1": ("shot.requested.v1",),
    "shot.cleared.v1": ("shot.rendered.v1",),
    "shot.matched.v1": ("shot.rendered.v1", *_REPORTS),  # a shot is compared with the one before it
    "shot.drifted.v1": ("shot.rendered.v1", *_REPORTS),
    "cut.requested.v1": ("shot.cleared.v1", *_REPORTS),
    "film.assembled.v1": ("cut.requested.v1",),
    "film.cleared.v1": ("film.assembled.v1",),
    "film.published.v1": ("film.cleared.v1",),
}
_OF_ONE_TAKE = {"shot.rendered.v1": "shot.requested.v1", "shot.cleared.v1": "shot.rendered.v1"}
# In the hops to these, pixels are rendered, looked at or encoded; in all others, somebody only decides.
PIXELS = {"shot.rendered.v1", "shot.cleared.v1", *_REPORTS, "film.assembled.v1", "film.cleared.v1", "film.published.v1"}
_END, _BEGIN = "film.published.v1", "brief.submitted.v1"


@dataclass(frozen=True)
class Told:
    """A fact in a topic. `at` is when its writer sent it, in seconds."""

    at: float
    type: str
    size: int
    data: dict[str, Any]

    @property
    def take(self) -> tuple[Any, ...]:
        """Which take of which shot it speaks of."""
        return tuple(self.data.get(name) for name in ("shot_id", "tier", "attempt"))


@dataclass(frozen=True)
class Hop:
    """From one fact to the one that answers it: sent, received, worked on, sent."""

    cause: Told
    effect: Told

    @property
    def seconds(self) -> float:
        """Between the two writes."""
        return self.effect.at - self.cause.at

    @property
    def pixels(self) -> bool:
        """Whether pictures were made or looked at, or a file was made or signed."""
        return self.effect.type in PIXELS

    @property
    def gets(self) -> int:
        """Pictures that the work had to fetch: those named in its cause."""
        if not self.pixels:
            return 0
        return len(artifacts([v for k, v in self.cause.data.items() if k in {"artifact", "shots", "renditions"}]))

    @property
    def puts(self) -> int:
        """Artifacts that the work stored: those that the effect names and the cause does not."""
        return len(artifacts(self.effect.data) - artifacts(self.cause.data)) if self.pixels else 0


def way(told: list[Told]) -> list[Hop]:
    """The chain of hops from the brief to the published film, each from the fact that its effect waited for."""
    told = sorted(told, key=lambda t: t.at)
    effect = next(t for t in told if t.type == _END)
    hops: list[Hop] = []
    while effect.type != _BEGIN:
        cause = _cause(told[: told.index(effect)], effect)
        hops.insert(0, Hop(cause, effect))
        effect = cause
    return hops


def artifacts(value: Any) -> set[str]:
    """Hashes of all artifacts that a fact names."""
    if isinstance(value, dict):
        own = {value["sha256"]} if "sha256" in value and "uri" in value else set()
        return own.union(*(artifacts(v) for v in value.values()))
    if isinstance(value, list):
        return set[str]().union(*map(artifacts, value))
    return set()


async def read(bootstrap_servers: str, film_id: str, topics: Iterable[str] = ()) -> list[Told]:
    """All records of a film in the topics (default: all but the retries)."""
    names = tuple(topics) or tuple(t.name for t in CATALOGUE if "-retry-" not in t.name)
    places = [TopicPartition(name, number) for name in names for number in range(BY_NAME[name].partitions)]
    async with AIOKafkaConsumer(bootstrap_servers=bootstrap_servers) as reader:
        reader.assign(places)
        ends = await reader.end_offsets(places)
        await reader.seek_to_beginning(*places)
        found = []
        while [p for p in places if await reader.position(p) < ends[p]]:
            batches = await reader.getmany(timeout_ms=200)
            found += [r for records in batches.values() for r in records if r.key == film_id.encode()]
    return [_told(record) for record in found]


async def finished(bootstrap_servers: str, film_id: str, seconds: float = 300) -> list[Told]:
    """Wait for the film and read it. Only its last topics are watched meanwhile: watching must cost little."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        await asyncio.sleep(1)
        types = {t.type for t in await read(bootstrap_servers, film_id, ("assembler-films", "planner-films"))}
        if _END in types:
            return await read(bootstrap_servers, film_id)
        if "film.failed.v1" in types:
            raise RuntimeError(f"film {film_id} failed")
    raise RuntimeError(f"film {film_id} was not there after {seconds:.0f} s")


def _cause(before: list[Told], effect: Told) -> Told:
    own = _OF_ONE_TAKE.get(effect.type)
    for told in reversed(before):
        if told.type in _ANSWERS[effect.type] and (own != told.type or told.take == effect.take):
            return told
    raise RuntimeError(f"nothing before {effect.type} explains it")


def _told(record: Any) -> Told:
    headers = dict(record.headers)
    return Told(record.timestamp / 1000, headers.get("ce_type", b"").decode(), len(record.value), json.loads(record.value))
