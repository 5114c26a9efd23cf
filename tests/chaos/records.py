"""What the checker judges: records as an outsider reads them, objects of the bucket, steps that the device made."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from typing import Any

TERMINAL = frozenset({"film.published.v1", "film.failed.v1", "film.cancelled.v1"})


@dataclass(frozen=True)
class Record:
    """One Kafka record. `at_ms` is the broker's time stamp."""

    topic: str
    partition: int
    offset: int
    at_ms: int
    key: str
    headers: Mapping[str, str]
    value: bytes

    @property
    def place(self) -> tuple[str, int, int]:
        """Topic, partition, offset."""
        return self.topic, self.partition, self.offset

    @property
    def type(self) -> str:
        """Type of the fact."""
        return self.headers.get("ce_type", "")

    @property
    def event_id(self) -> str:
        """Identity of the fact."""
        return self.headers.get("ce_id", "")

    @property
    def cause_id(self) -> str:
        """What brought it about, or ''."""
        return self.headers.get("ce_causeid", "")

    @cached_property
    def data(self) -> dict[str, Any]:
        """The fact. Raises ValueError for what is no JSON."""
        found: dict[str, Any] = json.loads(self.value)
        return found

    @cached_property
    def print(self) -> bytes:
        """Fingerprint of all that was written."""
        return sha256(repr((self.key, sorted(self.headers.items()), self.value)).encode()).digest()


@dataclass(frozen=True)
class Step:
    """A denoise step as the device itself counted it; step 0 is a job's start. `path` names the trajectory."""

    path: str
    step: int
    job: str
    at_ms: int
    seconds: float = 0.0


@dataclass(frozen=True)
class Stored:
    """An object of the bucket, read whole."""

    sha256: str
    size: int


@dataclass(frozen=True)
class History:
    """Everything that was seen of some films from outside.

    `films` are those that somebody asked for; `claims` are the objects under `outcomes/` by film and version; `lag` are records
    not committed at rest, by group and topic.
    """

    films: frozenset[str]
    records: tuple[Record, ...]
    objects: Mapping[str, Stored] = field(default_factory=dict)
    claims: Mapping[tuple[str, int], str] = field(default_factory=dict)
    manifests: Mapping[str, dict[str, Any]] = field(default_factory=dict)  # by SHA-256
    steps: tuple[Step, ...] = ()
    lag: Mapping[str, int] = field(default_factory=dict)

    @cached_property
    def facts(self) -> dict[str, list[Record]]:
        """Facts by film, each identity once, in the order of their time; what readers go by."""
        found: dict[str, dict[str, Record]] = defaultdict(dict)
        for record in sorted(self.records, key=lambda r: r.at_ms):
            if record.key in self.films and "-retry-" not in record.topic and not record.topic.endswith("-dlq"):
                found[record.key].setdefault(record.event_id, record)
        return {film: list(facts.values()) for film, facts in found.items()}

    def of(self, film: str, *types: str) -> list[Record]:
        """Facts of a film of these types."""
        return [r for r in self.facts.get(film, []) if r.type in types]

    def every(self, *types: str) -> Iterable[Record]:
        """Facts of all films of these types."""
        return (r for film in self.facts for r in self.of(film, *types))
