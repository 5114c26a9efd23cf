"""The audit of operators: facts on a topic of its own that say who did what with which dead letter, when and why.

A Kafka record cannot be taken back, so these facts are also what hides a letter that was dealt with.
"""

from collections import defaultdict
from datetime import datetime
from typing import NamedTuple

from storyreel_contracts import Envelope, Event, LetterHandled, decode, encode, ids
from storyreel_contracts.envelope import ContractError
from storyreel_contracts.topics import OPERATOR_AUDIT

from storyreel_client.errors import UnreachableError
from storyreel_client.publishing import RecordSender
from storyreel_client.records import TopicReader

TOPIC = OPERATOR_AUDIT.name
_NOBODYS = "unknown"  # tenant of a record that names none


class Handled(NamedTuple):
    """What somebody did with a letter."""

    action: str
    by: str
    at: datetime
    note: str


async def histories(reader: TopicReader) -> dict[str, list[Handled]]:
    """By letter id: what was done with it, oldest first."""
    found: dict[str, list[Handled]] = defaultdict(list)
    async for record in reader.scan(TOPIC):
        try:
            event = decode(record.headers, record.value or b"")
        except (ContractError, KeyError):
            continue  # a newer client may write what this one does not know
        if isinstance(event.data, LetterHandled):
            done = event.data
            found[done.letter_id].append(Handled(done.action, done.by, event.envelope.occurred_at, done.note))
    return found


async def must_exist(reader: TopicReader) -> None:
    """Raise UnreachableError if there is no topic for the audit: nobody acts unseen."""
    if not await reader.has(TOPIC):
        raise UnreachableError(
            f"There is no topic {TOPIC}, so what you do could not be put on record.",
            meaning="Nothing was changed.",
            next_step="Make it: python -m storyreel_chassis.setup",
        )


async def put_on_record(sender: RecordSender, fact: LetterHandled, *, film: str, tenant: str, now: datetime) -> None:
    """Write one entry. The same run and letter give the same id."""
    envelope = Envelope(
        event_id=ids.event_id(fact.run_id, fact.TYPE, fact.letter_id),
        type=fact.TYPE,
        source="/storyreel/operator",
        film_id=film,
        tenant_id=tenant[:64] or _NOBODYS,
        occurred_at=now,
        cause_id=fact.record_id,
    )
    headers, value = encode(Event(envelope, fact))
    pairs = [(name, text.encode()) for name, text in headers.items() if name != "ce_partitionkey"]
    await sender.send(TOPIC, fact.letter_id.encode(), value, [*pairs, ("ce_partitionkey", fact.letter_id.encode())])
