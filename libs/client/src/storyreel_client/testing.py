"""In-memory twins of broker and gateway, for our tests and for those of campaign systems that use this package."""

import json
from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Self
from uuid import uuid4

import httpx

from storyreel_client.errors import UnreachableError
from storyreel_client.http import Http
from storyreel_client.lag import Place
from storyreel_client.records import Headers, StoredRecord
from storyreel_client.sdk import Storyreel
from storyreel_client.stack import Stack

Json = dict[str, Any]
Answer = tuple[int, Any]


class MemoryBroker:
    """RecordSender, TopicReader and OffsetSource in one; one partition a topic."""

    def __init__(self) -> None:
        self.topics: dict[str, list[StoredRecord]] = defaultdict(list)
        self.offsets: dict[str, dict[Place, int]] = defaultdict(dict)
        self.missing: set[str] = set()
        self.down = False

    def __call__(self, servers: str) -> Self:
        """So that a broker can stand where a door is wanted."""
        assert servers, "a door is opened with the broker's address"  # noqa: S101 - a twin that checks its caller
        return self

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None

    async def send(self, topic: str, key: bytes | None, value: bytes | None, headers: Headers) -> tuple[int, int]:
        """Store a record. Raises UnreachableError while `down`."""
        if self.down:
            raise UnreachableError("Kafka at memory did not answer.")
        offset = len(self.topics[topic])
        at = round(datetime.now(UTC).timestamp() * 1000)
        record = StoredRecord(
            topic=topic,
            partition=0,
            offset=offset,
            key=key,
            value=value,
            headers=headers,
            timestamp_ms=at,
            size=len(value or b""),
        )
        self.topics[topic].append(record)
        return 0, offset

    async def read_all(self, topic: str) -> list[StoredRecord]:
        """What the topic holds."""
        return list(self.topics[topic])

    async def scan(self, topic: str) -> AsyncGenerator[StoredRecord, None]:
        """What the topic holds, one by one."""
        for record in list(self.topics[topic]):
            yield record

    async def has(self, topic: str) -> bool:
        """Every topic but those that a test took away."""
        return topic not in self.missing

    async def follow(self, topic: str, *, from_start: bool) -> AsyncIterator[StoredRecord]:
        """What the topic holds, then the end: a twin does not wait."""
        for record in self.topics[topic] if from_start else []:
            yield record

    async def committed(self, group: str) -> Mapping[Place, int]:
        """Offsets that a test committed."""
        return self.offsets[group]

    async def bounds(self, topics: frozenset[str]) -> Mapping[Place, tuple[int, int]]:
        """From 0 to the number of records, for topics that have any."""
        return {Place(t, 0): (0, len(records)) for t, records in self.topics.items() if t in topics and records}


class MemoryGateway:
    """The gateway's HTTP interface over dictionaries. `films` are views as JSON; `events` are live events by film."""

    def __init__(self) -> None:
        self.films: dict[str, Json] = {}
        self.events: dict[str, list[Json]] = defaultdict(list)
        self.files: dict[str, bytes] = {}
        self.reviews: list[Json] = []
        self.uploads: dict[str, bytes] = {}
        self.asked: list[httpx.Request] = []
        self.answers: list[Answer | BaseException] = []  # served before anything else, for tests of trouble
        self.on_event: Callable[[Json], None] = lambda _: None

    @asynccontextmanager
    async def door(self, stack: Stack) -> AsyncIterator[Storyreel]:
        """Where `connect` is wanted."""
        stack.need("url", "api_key")
        async with httpx.AsyncClient(transport=httpx.MockTransport(self._handle)) as client:
            yield Storyreel(Http(client, url=stack.url, api_key=stack.api_key), sleep=_at_once)

    def publish(self, film_id: str, files: Mapping[str, bytes], **fields: Any) -> None:
        """Let a film be published with these files."""
        self.files |= files
        artifacts = {n: {"size": len(b), "sha256": sha256(b).hexdigest(), "href": f"/{n}"} for n, b in files.items()}
        self.films[film_id] = {"film_id": film_id, "status": "published", "artifacts": artifacts, **fields}

    def _handle(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        if self.answers:
            return _answer(self.answers.pop(0))
        if request.headers.get("authorization") != "Bearer key" and request.url.host != "store":
            return _answer((401, {"title": "Unauthorized", "detail": "This key is not known."}))
        return self._route(request, [p for p in request.url.path.split("/") if p])

    def _route(self, request: httpx.Request, path: list[str]) -> httpx.Response:
        match (request.method, path):
            case ("POST", ["v1", "films"]):
                return self._submitted(request)
            case ("GET", ["v1", "films"]):
                return _answer((200, {"films": list(self.films.values())}))
            case (_, ["v1", "films", film, *rest]) if film in self.films:
                return self._film(request, film, rest)
            case _:
                return self._route_rest(request, path)

    def _film(self, request: httpx.Request, film: str, rest: list[str]) -> httpx.Response:
        match rest:
            case ["events"]:
                return self._stream(film, request.headers.get("last-event-id", ""))
            case ["artifacts", name]:
                return httpx.Response(200, content=self.files[name])
            case _:
                return _answer((200 if request.method == "GET" else 202, self.films[film]))

    def _route_rest(self, request: httpx.Request, path: list[str]) -> httpx.Response:
        match (request.method, path):
            case ("GET", ["v1", "reviews"]):
                return _answer((200, {"reviews": self.reviews}))
            case ("POST", ["v1", "reviews", review]) if any(r["review_id"] == review for r in self.reviews):
                return _answer((200, {}))
            case ("POST", ["v1", "uploads"]):
                slot = {"upload_id": str(uuid4()), "url": "http://store/bucket", "fields": {"key": "k"}}
                return _answer((201, slot))
            case ("POST", ["bucket"]):
                self.uploads[str(len(self.uploads))] = request.content
                return httpx.Response(204)
            case ("POST", ["v1", "uploads", _, "complete"]):
                digest = sha256(self.uploads[str(len(self.uploads) - 1)]).hexdigest()
                artifact = {"uri": f"s3://b/{digest}", "sha256": digest, "size": 1, "media_type": "image/png"}
                return _answer((200, artifact))
            case _:
                return _answer((404, {"title": "Not Found", "detail": "There is no such film."}))

    def _submitted(self, request: httpx.Request) -> httpx.Response:
        brief_id = request.headers["idempotency-key"]
        if request.url.params.get("dry_run"):
            return _answer((200, {"film_id": "dry", "verdict": "cleared", "price_micros": 1_500_000, "shots": []}))
        return _answer((202, {"film_id": f"film-of-{brief_id}", "brief_event_id": brief_id, "links": {}}))

    def _stream(self, film: str, last_id: str) -> httpx.Response:
        ids = [e.get("id", "") for e in self.events[film]]
        start = ids.index(last_id) + 1 if last_id in ids else 0
        snapshot = "" if last_id else f"event: snapshot\ndata: {json.dumps(self.films[film])}\n\n"
        lines = snapshot + "".join(self._event(e) for e in self.events[film][start:])
        return httpx.Response(200, text=": ping\n\n" + lines, headers={"content-type": "text/event-stream"})

    def _event(self, event: Json) -> str:
        self.on_event(event)
        return f"id: {event.get('id', '')}\nevent: fact\ndata: {json.dumps(event)}\n\n"


async def _at_once(seconds: float) -> None:
    assert seconds >= 0  # noqa: S101 - a twin that checks its caller


def _answer(what: Answer | BaseException) -> httpx.Response:
    if isinstance(what, BaseException):
        raise what
    status, body = what
    return httpx.Response(status, json=body)
