"""Publishes signed briefs to `campaign-briefs`, as any campaign system would."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol
from uuid import uuid4

from storyreel_contracts import Brief, ids
from storyreel_contracts.topics import CAMPAIGN_BRIEFS

from storyreel_client.signing import signed_headers

Headers = list[tuple[str, bytes]]


class RecordSender(Protocol):
    """Writes one record and waits until the broker has it."""

    async def send(self, topic: str, key: bytes | None, value: bytes | None, headers: Headers) -> tuple[int, int]:
        """Partition and offset of the stored record. Raises UnreachableError."""
        ...


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """What is known once a brief is out; the film's id is derived, nobody needs to be asked."""

    film_id: str
    brief_id: str
    partition: int
    offset: int


def new_brief_id() -> str:
    """An identity for a brief; whoever may send twice keeps it and sends it again."""
    return f"brief-{uuid4()}"


class BriefPublisher:
    """Signs with the tenant's secret; the key of the record is the film's id, partitioned by murmur2."""

    def __init__(
        self,
        sender: RecordSender,
        *,
        tenant: str,
        secret: str,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._sender, self._tenant, self._secret, self._clock = sender, tenant, secret, clock

    async def publish(self, brief: Brief, brief_id: str = "") -> Receipt:
        """Send the brief. The same `brief_id` again is the same film, so a retry after a lost answer is harmless."""
        brief_id = brief_id or new_brief_id()
        body = brief.model_dump_json().encode()
        headers = signed_headers(body, brief_id=brief_id, tenant=self._tenant, secret=self._secret, now=self._clock())
        film = ids.film_id(self._tenant, brief_id)
        partition, offset = await self._sender.send(CAMPAIGN_BRIEFS.name, film.encode(), body, headers)
        return Receipt(film_id=film, brief_id=brief_id, partition=partition, offset=offset)
