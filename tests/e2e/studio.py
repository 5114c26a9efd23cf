"""What the end-to-end tests see of the studio: its topics read from outside, briefs written to them, its HTTP door."""

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from storyreel_contracts import ids
from storyreel_contracts.topics import BY_NAME, CATALOGUE

TERMINAL = {"film.published.v1", "film.failed.v1", "film.cancelled.v1"}
ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Seen:
    """A record as an outsider reads it."""

    topic: str
    type: str
    film_id: str
    headers: dict[str, bytes]
    value: bytes

    @property
    def data(self) -> dict[str, Any]:
        """The fact."""
        found: dict[str, Any] = json.loads(self.value)
        return found

    @property
    def event_id(self) -> str:
        """Its identity."""
        return self.headers.get("ce_id", b"").decode()


class Studio:
    """A running stack, from outside."""

    def __init__(self, endpoints: dict[str, Any]) -> None:
        self.endpoints = endpoints
        self.tenant = endpoints["tenant"]

    @property
    def brokers(self) -> str:
        """Bootstrap servers."""
        return str(self.endpoints["kafka"]["bootstrap_servers"])

    def http(self) -> httpx.AsyncClient:
        """The gateway, with the tenant's key."""
        headers = {"authorization": f"Bearer {self.tenant['api_key']}"}
        return httpx.AsyncClient(base_url=self.endpoints["gateway"]["url"], headers=headers, timeout=30)

    async def submit(self, brief: dict[str, Any], brief_id: str = "") -> str:
        """Publish a signed brief; returns the film's id."""
        return await self.send(json.dumps(brief).encode(), brief_id=brief_id)

    async def send(self, body: bytes, *, brief_id: str = "", secret: str = "", tenant: str = "", **replace: bytes) -> str:
        """Publish bytes as a brief, signed with whatever secret, headers replaced at will; returns the film's id."""
        brief_id, tenant = brief_id or f"brief-{uuid4()}", tenant or self.tenant["id"]
        secret = secret or self.tenant["signing_secret"]
        headers = signed(body, brief_id, tenant, secret)
        headers |= {k.replace("_", "-") if k.startswith("webhook") else k: v for k, v in replace.items()}
        await self.write("campaign-briefs", ids.film_id(tenant, brief_id).encode(), body, list(headers.items()))
        return ids.film_id(tenant, brief_id)

    async def write(self, topic: str, key: bytes, value: bytes, headers: list[tuple[str, bytes]]) -> None:
        """Write any record."""
        async with AIOKafkaProducer(bootstrap_servers=self.brokers, acks="all") as producer:
            await producer.send_and_wait(topic, value, key=key, headers=headers)

    async def facts(self, film_id: str = "", topics: Iterable[str] = ()) -> list[Seen]:
        """All records (of a film) in the public topics, read from the beginning, in the order of their time."""
        names = tuple(topics) or tuple(t.name for t in CATALOGUE if "-retry-" not in t.name)
        async with self._reader() as reader:
            places = [TopicPartition(n, p) for n in names for p in range(BY_NAME[n].partitions)]
            reader.assign(places)
            await reader.seek_to_beginning(*places)
            ends = await reader.end_offsets(places)
            found = [r async for r in _until(reader, {p: e for p, e in ends.items() if e})]
        found.sort(key=lambda r: r.timestamp)
        seen = [
            Seen(r.topic, _text(r, "ce_type"), (r.key or b"").decode(errors="replace"), dict(r.headers), r.value or b"")
            for r in found
        ]
        return [s for s in seen if not film_id or s.film_id == film_id]

    async def until(self, condition: Callable[[list[Seen]], bool], film_id: str, seconds: float = 240) -> list[Seen]:
        """Read again and again until the condition holds. Raises AssertionError with what was seen."""
        end = time.monotonic() + seconds
        while True:
            seen = await self.facts(film_id)
            if condition(seen):
                return seen
            if time.monotonic() > end:
                raise AssertionError(f"not within {seconds:.0f} s; the film's last facts: {[s.type for s in seen][-12:]}")
            await asyncio.sleep(0.5)

    async def ended(self, film_id: str, version: int = 1, seconds: float = 240) -> list[Seen]:
        """Wait for a terminal fact of this version."""
        return await self.until(lambda seen: bool(ends(seen, version)), film_id, seconds)

    @asynccontextmanager
    async def _reader(self) -> AsyncIterator[AIOKafkaConsumer]:
        reader = AIOKafkaConsumer(bootstrap_servers=self.brokers)
        await reader.start()
        try:
            yield reader
        finally:
            await reader.stop()


def signed(body: bytes, brief_id: str, tenant: str, secret: str) -> dict[str, bytes]:
    """Headers of a brief, signed by the letter of Standard Webhooks and with nothing of ours."""
    now = datetime.now(UTC)
    stamp = str(int(now.timestamp()))
    key = base64.b64decode(secret.removeprefix("whsec_"))
    mac = hmac.new(key, f"{brief_id}.{stamp}.".encode() + body, hashlib.sha256).digest()
    text = {
        "ce_specversion": "1.0", "ce_id": brief_id, "ce_type": "brief.submitted.v1", "ce_source": "/e2e", "ce_tenantid": tenant,
        "ce_time": now.isoformat(), "content-type": "application/json", "webhook-id": brief_id, "webhook-timestamp": stamp,
        "webhook-signature": "v1," + base64.b64encode(mac).decode(),
    }  # fmt: skip
    return {name: value.encode() for name, value in text.items()}


def ends(seen: list[Seen], version: int = 1) -> list[Seen]:
    """Distinct terminal facts of a version (a fact written twice has one identity)."""
    found = {s.event_id: s for s in seen if s.type in TERMINAL and s.data["version"] == version}
    return list(found.values())


def distinct(seen: list[Seen], type_: str) -> list[Seen]:
    """Facts of a type, each identity once."""
    return list({s.event_id: s for s in seen if s.type == type_}.values())


def demo_brief(**changes: Any) -> dict[str, Any]:
    """A small brief: three shots, captions, no references."""
    board: list[dict[str, Any]] = [
        {"start_s": 0, "end_s": 1.5, "prompt": "a red sneaker on wet asphalt at dawn", "caption": "Made for the first light"},
        {"start_s": 1.5, "end_s": 3, "prompt": "the sneaker from the side", "caption": "Light as air", "camera": "pan_left"},
        {"start_s": 3, "end_s": 4.5, "prompt": "a runner ties the sneaker", "caption": "Run now", "transition_in": "dissolve"},
    ]  # fmt: skip
    brand = {"name": "Northwind", "primary_color": "#0b5fff", "call_to_action": "Run further"}
    return {"prompt": "launch of a red sneaker", "duration_s": 4.5, "storyboard": board, "brand": brand, **changes}


async def _until(reader: AIOKafkaConsumer, left: dict[TopicPartition, int]) -> AsyncIterator[Any]:
    while left:
        for place, records in (await reader.getmany(timeout_ms=500)).items():
            for record in records:
                if record.offset < left.get(place, 0):
                    yield record
                if record.offset >= left.get(place, 0) - 1:
                    left.pop(place, None)


def _text(record: Any, header: str) -> str:
    return dict(record.headers).get(header, b"").decode(errors="replace")


async def tier_gaps(studio: Studio, film_id: str, seen: list[Seen]) -> dict[str, dict[str, Any]]:
    """By shot, how far the final is from its preview, in continuity's report; the film's view says the same."""
    reports = {s.data["key"]: s.data for s in seen if s.type in {"shot.matched.v1", "shot.drifted.v1"}}
    takes = [s.data for s in distinct(seen, "shot.rendered.v1")]
    gaps = {t["shot_id"]: reports[t["key"]]["tier_gap"] for t in takes if t["tier"] == "final"}
    assert {g["preview"] for g in gaps.values()} <= {t["key"] for t in takes if t["tier"] == "preview"}
    async with studio.http() as http:
        shots = (await http.get(f"/v1/films/{film_id}")).json()["shots"]
    assert {s["shot_id"]: s["tier_gap"] for s in shots} == gaps
    assert gaps
    return gaps
