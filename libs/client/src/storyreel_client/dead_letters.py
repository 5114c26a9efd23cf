"""Dead letters as an operator meets them: why a record died, where it came from, what was done about it, which are meant."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from storyreel_contracts.topics import SERVICES, dead_letters_of, retries_of, topics_read_by

from storyreel_client.audit import Handled
from storyreel_client.errors import UsageError
from storyreel_client.records import Headers, StoredRecord

LARGEST = 1_000_000  # bytes; what a topic takes by default, less room for headers
_STATES = {"replay": "replayed", "drop": "dropped"}


@dataclass(frozen=True)
class DeadLetter:
    """One record that a service gave up on. Behind the writer's own headers stand the stamps of delivery, which count them."""

    record: StoredRecord
    history: Sequence[Handled] = ()

    @property
    def id(self) -> str:
        """Name to use with `show`, `replay` and `drop`."""
        return self.record.id

    @property
    def service(self) -> str:
        """The service that gave up."""
        return self.record.topic.removesuffix("-dlq")

    @property
    def state(self) -> str:
        """`waiting`, `replayed` or `dropped`, by what was done last."""
        return _STATES.get(self.history[-1].action, "unknown") if self.history else "waiting"

    @property
    def film_id(self) -> str:
        """The film, by header or key."""
        return self.record.text("ce_subject") or (self.record.key or b"").decode(errors="replace")

    @property
    def reason(self) -> str:
        """Failure kind that the service gave."""
        return self._stamp("x-dlq-reason")

    @property
    def origin(self) -> str:
        """Topic that the record came from, or ''."""
        return self._stamp("x-origin-topic")

    @property
    def own_headers(self) -> Headers:
        """The writer's headers, as they came."""
        return self.record.headers[: self._own]

    @property
    def size(self) -> int:
        """Bytes of the record's value, wherever they lie."""
        return int(self._stamp("x-dlq-body-size") or self.record.size)

    @property
    def no_way_back(self) -> str:
        """Why the record cannot be replayed, or ''."""
        if self.origin not in set(topics_read_by(self.service)) - set(retries_of(self.service)):
            return f"it came from {self.origin or 'nowhere'}, which is no topic that {self.service} reads"
        return f"it has {self.size:,} bytes, more than any fact" if self.size > LARGEST else ""

    def as_row(self) -> dict[str, object]:
        """What a list shows."""
        return {
            "id": self.id,
            "service": self.service,
            "at": self._stamp("x-dlq-at") or self.record.at.isoformat(timespec="seconds"),
            "type": self.record.text("ce_type"),
            "film_id": self.film_id,
            "reason": self.reason,
            "error": self._stamp("x-dlq-error"),
            "attempts": int(self._stamp("x-dlq-attempts") or 1),
            "origin": "/".join(self._stamp(f"x-origin-{part}") for part in ("topic", "partition", "offset")),
            "bytes": self.size,
            "state": self.state,
        }

    @cached_property
    def _own(self) -> int:
        count = dict(self.record.headers).get("x-origin-headers") or b""  # the last of this name is delivery's
        return int(count) if count.isdigit() else len(self.record.headers)

    def _stamp(self, name: str) -> str:
        return dict(self.record.headers[self._own :]).get(name, b"").decode(errors="replace")


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Which letters are meant: these ids, whatever was done with them; or all of these properties that still wait."""

    ids: Sequence[str] = ()
    services: Sequence[str] = field(default=SERVICES)
    reason: str = ""
    film: str = ""
    since: datetime | None = None
    all_states: bool = False

    def topics(self) -> list[str]:
        """Dead-letter topics to look in. Raises UsageError for an id of the wrong form."""
        services = dict.fromkeys(service_of(i) for i in self.ids) if self.ids else self.services
        return [dead_letters_of(s) for s in services]

    def means(self, letter: DeadLetter) -> bool:
        """Whether the letter is meant."""
        if self.ids:
            return letter.id in self.ids
        return (
            (self.all_states or letter.state == "waiting")
            and self.reason in ("", letter.reason)
            and self.film in ("", letter.film_id)
            and (self.since is None or letter.record.at >= self.since)
        )


def service_of(letter_id: str) -> str:
    """The service whose letter an id names. Raises UsageError for an id of the wrong form."""
    topic, *rest = letter_id.split("/")
    service = topic.removesuffix("-dlq")
    if service not in SERVICES or len(rest) != 2 or not all(part.isdigit() for part in rest):
        raise UsageError(
            f"{letter_id!r} is not the id of a dead letter.",
            meaning="Nothing was changed.",
            next_step="Ids look like renderer-dlq/0/17; list them: storyreel dlq ls",
        )
    return service
