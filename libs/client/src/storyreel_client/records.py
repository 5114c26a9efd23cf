"""A stored Kafka record as this package passes it around, and the port that reads topics."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Protocol, Self

Headers = list[tuple[str, bytes]]


@dataclass(frozen=True, kw_only=True)
class StoredRecord:
    """One record where it lies."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    timestamp_ms: int = 0
    size: int = 0  # bytes of the value, also where the value was left out

    @property
    def id(self) -> str:
        """Name of the place, such as `renderer-dlq/0/17`."""
        return f"{self.topic}/{self.partition}/{self.offset}"

    @property
    def at(self) -> datetime:
        """When the record was written."""
        return datetime.fromtimestamp(self.timestamp_ms / 1000, UTC)

    def without_value(self) -> Self:
        """The same without its bytes, for lists of many."""
        return replace(self, value=None)

    def text(self, header: str) -> str:
        """A header as text, or '' if it is not there; bytes that are not UTF-8 show as replacement characters."""
        return (dict(self.headers).get(header) or b"").decode(errors="replace")


class TopicReader(Protocol):
    """Reads what a topic holds now."""

    def scan(self, topic: str) -> AsyncGenerator[StoredRecord, None]:
        """Every record from the beginning to the end as it was when asked; none if there is no such topic."""
        ...

    async def has(self, topic: str) -> bool:
        """Whether there is such a topic."""
        ...

    async def read_all(self, topic: str) -> list[StoredRecord]:
        """Every record from the beginning to the end as it was when asked; empty if there is no such topic."""
        ...
