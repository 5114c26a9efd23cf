"""Dead letters: what a service could not handle, and what an operator did about it.

A Kafka record cannot be taken back, so replaying or dropping one writes a *mark* to the same topic: an empty JSON
object with the header `x-dlq-handled: <id>`. `listed` leaves out what is marked; the record
stays until its retention ends.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from storyreel_contracts.topics import SERVICES, dead_letters_of, retries_of

from storyreel_client.errors import NotFoundError, UsageError
from storyreel_client.publishing import RecordSender
from storyreel_client.records import Headers, StoredRecord, TopicReader

HANDLED, ACTION, BY = "x-dlq-handled", "x-dlq-action", "x-dlq-by"
_ADDED = ("x-dlq-", "x-attempt", "x-not-before", "x-error")  # what delivery put on top of the original headers
Action = Literal["replay", "drop"]


@dataclass(frozen=True)
class DeadLetter:
    """One record that a service gave up on, with the reason it gave."""

    record: StoredRecord

    @property
    def id(self) -> str:
        """Name to use with `show`, `replay` and `drop`."""
        return self.record.id

    @property
    def service(self) -> str:
        """The service that gave up."""
        return self.record.topic.removesuffix("-dlq")

    def as_row(self) -> dict[str, str | int]:
        """What a list shows."""
        text = self.record.text
        return {
            "id": self.id,
            "service": self.service,
            "at": (text("x-dlq-at") or self.record.at.isoformat(timespec="seconds")),
            "type": text("ce_type"),
            "film_id": text("ce_subject") or (self.record.key or b"").decode(errors="replace"),
            "reason": text("x-dlq-reason"),
            "error": text("x-dlq-error"),
            "attempts": int(text("x-dlq-attempts") or text("x-attempts") or 1),
            "origin": f"{text('x-origin-topic')}/{text('x-origin-partition')}/{text('x-origin-offset')}",
        }

    def original(self) -> Headers:
        """Headers for the way back: the writer's own and the origin, without what the failures added."""
        return [(k, v) for k, v in self.record.headers if not k.startswith(_ADDED)]


class DeadLetterDesk:
    """Lists dead letters and deals with them."""

    def __init__(self, reader: TopicReader, sender: RecordSender | None = None, *, by: str = "") -> None:
        """`by` is the operator's name; it goes into the mark."""
        self._reader, self._sender, self._by = reader, sender, by

    async def listed(self, services: Sequence[str] = SERVICES, *, reason: str = "") -> list[DeadLetter]:
        """Letters that nobody dealt with yet, oldest first; `reason` keeps one failure kind."""
        found: list[DeadLetter] = []
        for service in services:
            records = await self._reader.read_all(dead_letters_of(service))
            done = {r.text(HANDLED) for r in records}
            found += [DeadLetter(r) for r in records if r.id not in done and not r.text(HANDLED)]
        kept = [d for d in found if reason in ("", d.record.text("x-dlq-reason"))]
        return sorted(kept, key=lambda d: d.record.timestamp_ms)

    async def letter(self, letter_id: str) -> DeadLetter:
        """One letter, dealt with or not. Raises UsageError for an id of the wrong form, NotFoundError if it is gone."""
        records = await self._reader.read_all(dead_letters_of(_service_of(letter_id)))
        found = next((r for r in records if r.id == letter_id and not r.text(HANDLED)), None)
        if found is None:
            raise NotFoundError(
                f"There is no dead letter {letter_id}.",
                meaning="Nothing was changed.",
                next_step="List them: storyreel dlq ls",
            )
        return DeadLetter(found)

    async def replay(self, letter: DeadLetter) -> str:
        """Give the original bytes to the service again, as a first attempt. Returns the topic written to.

        The shortest retry topic is used: only that service reads it, and the origin's other readers saw the record.
        """
        topic = retries_of(letter.service)[0]
        await self._out.send(topic, letter.record.key, letter.record.value, letter.original())
        await self._mark(letter, "replay")
        return topic

    async def drop(self, letter: DeadLetter) -> None:
        """Say that nothing will be done about the letter."""
        await self._mark(letter, "drop")

    async def _mark(self, letter: DeadLetter, action: Action) -> None:
        headers = [(HANDLED, letter.id.encode()), (ACTION, action.encode()), (BY, self._by.encode())]
        await self._out.send(letter.record.topic, letter.record.key, b"{}", headers)

    @property
    def _out(self) -> RecordSender:
        if self._sender is None:
            raise RuntimeError("this desk was built for reading only")
        return self._sender


def _service_of(letter_id: str) -> str:
    topic, *rest = letter_id.split("/")
    service = topic.removesuffix("-dlq")
    if service not in SERVICES or len(rest) != 2 or not all(part.isdigit() for part in rest):
        raise UsageError(
            f"{letter_id!r} is not the id of a dead letter.",
            meaning="Nothing was changed.",
            next_step="Ids look like renderer-dlq/0/17; list them: storyreel dlq ls",
        )
    return service
