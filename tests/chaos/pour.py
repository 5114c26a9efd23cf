"""Campaign systems: films asked for with a bounded number in flight; a brief that was not taken is sent again under its id."""

import asyncio
import json
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import httpx
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError
from outside import Eyes
from records import TERMINAL, Record
from storyreel_client.signing import signed_headers
from storyreel_contracts import ids

_SEND_PATIENCE_S = 10.0


class Pour:
    """The films of one chapter: who was asked for, who ended, when anything was last heard of them."""

    def __init__(self, endpoints: dict[str, Any], eyes: Eyes) -> None:
        self._endpoints, self._tenant = endpoints, endpoints["tenant"]
        self.films: dict[str, int] = {}  # film -> its deadline in ms, or 0
        self.ended: set[str] = set()
        self.last_news = time.monotonic()
        self._changed = asyncio.Event()
        self._watchers: list[Callable[[Record], None]] = []
        eyes.tell(self._hear)

    @property
    def open(self) -> set[str]:
        """Films that have not ended."""
        return set(self.films) - self.ended

    def on(self, watcher: Callable[[Record], None]) -> None:
        """Tell of each record of these films."""
        self._watchers.append(watcher)

    async def films_of(self, count: int, in_flight: int, **brief: Any) -> None:
        """Ask for so many films, never more than `in_flight` open ones."""
        for _ in range(count):
            while len(self.open) >= in_flight:
                await self._news()
            await self.ask(**brief)

    async def ask(self, deadline_s: float = 0.0, **changes: Any) -> str:
        """Ask for one film: a preview of one short shot. Returns its id."""
        brief_id = f"brief-{uuid4()}"
        film_id = ids.film_id(self._tenant["id"], brief_id)
        due = datetime.now(UTC) + timedelta(seconds=deadline_s)
        late = {"deadline": due.isoformat()} if deadline_s else {}
        self.films[film_id] = int(due.timestamp() * 1000) if deadline_s else 0
        await self._send(brief_id, film_id, json.dumps({**small_brief(brief_id), **late, **changes}).encode())
        return film_id

    async def cancel(self, film_id: str) -> int:
        """Ask the gateway to end a film; asked again while it does not answer. Returns the status of the answer."""
        headers = {"authorization": f"Bearer {self._tenant['api_key']}"}
        async with httpx.AsyncClient(base_url=self._endpoints["gateway"]["url"], headers=headers, timeout=30) as http:
            while True:
                try:
                    answer = await http.post(f"/v1/films/{film_id}/cancel", json={"reason": "changed our mind"})
                except httpx.TransportError:
                    await asyncio.sleep(0.5)
                    continue
                if answer.status_code < 500:
                    return answer.status_code
                await asyncio.sleep(0.5)

    async def rest(self, silence_s: float) -> bool:
        """Wait until all films have ended (True), or until nothing was heard of them for so long (False)."""
        self.last_news = time.monotonic()
        while self.open:
            quiet = time.monotonic() - self.last_news
            if quiet > silence_s:
                return False
            await self._news(min(5.0, silence_s))
        return True

    async def _news(self, seconds: float = 5.0) -> None:
        self._changed.clear()
        try:
            await asyncio.wait_for(self._changed.wait(), seconds)
        except TimeoutError:
            return  # the caller looks again

    def _hear(self, record: Record) -> None:
        if record.key not in self.films:
            return
        self.last_news = time.monotonic()
        self._changed.set()
        if record.type in TERMINAL:
            self.ended.add(record.key)
        for watcher in self._watchers:
            watcher(record)

    async def _send(self, brief_id: str, film_id: str, body: bytes) -> None:
        tenant, secret = self._tenant["id"], self._tenant["signing_secret"]
        while True:
            headers = signed_headers(body, brief_id=brief_id, tenant=tenant, secret=secret, now=datetime.now(UTC))
            try:
                async with asyncio.timeout(_SEND_PATIENCE_S), self._producer() as producer:
                    await producer.send_and_wait("campaign-briefs", body, key=film_id.encode(), headers=_pairs(headers))
            except (KafkaError, OSError, TimeoutError):
                await asyncio.sleep(0.5)
            else:
                return

    def _producer(self) -> AIOKafkaProducer:
        return AIOKafkaProducer(bootstrap_servers=self._endpoints["kafka"]["bootstrap_servers"], acks="all")


def small_brief(name: str) -> dict[str, Any]:
    """One shot of a second, as a preview: the cheapest film that passes all six services."""
    board = [{"start_s": 0, "end_s": 1, "prompt": f"a red sneaker on wet asphalt, {name}"}]
    return {"prompt": f"a red sneaker, {name}", "duration_s": 1, "tier": "preview", "storyboard": board}


def shots(count: int, name: str) -> list[dict[str, Any]]:
    """A storyboard of so many shots of a second."""
    return [{"start_s": n, "end_s": n + 1, "prompt": f"a red sneaker, {name}, shot {n}"} for n in range(count)]


def _pairs(headers: Any) -> Iterable[tuple[str, bytes]]:
    items = headers.items() if isinstance(headers, dict) else headers
    return [(k, v if isinstance(v, bytes) else v.encode()) for k, v in items]
