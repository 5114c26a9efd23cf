"""The dead-letter desk: finds letters, gives their records back, says that nothing will be done, puts both on record."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal
from uuid import uuid4

from storyreel_contracts import FailureKind, LetterAction, LetterHandled

from storyreel_client import audit
from storyreel_client.dead_letters import Choice, DeadLetter
from storyreel_client.errors import NotFoundError, UsageError
from storyreel_client.pace import Pace
from storyreel_client.publishing import RecordSender
from storyreel_client.records import TopicReader

Action = Literal["replay", "drop"]


@dataclass(frozen=True, kw_only=True)
class Order:
    """What is to be done with which letters, by whom, why, how fast."""

    action: Action
    letters: Sequence[DeadLetter]
    by: str
    note: str = ""
    pace: Pace
    run_id: str = field(default_factory=lambda: str(uuid4()))


class DeadLetterDesk:
    """Lists dead letters and deals with them. Lists hold no values, so a topic full of large letters is no trouble."""

    def __init__(self, reader: TopicReader, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._reader, self._now = reader, now

    async def find(self, choice: Choice) -> list[DeadLetter]:
        """Letters that are meant, oldest first, without their values. Raises NotFoundError if an id is not there."""
        done, found = await audit.histories(self._reader), list[DeadLetter]()
        for topic in choice.topics():
            async for record in self._reader.scan(topic):
                letter = DeadLetter(record.without_value(), done.get(record.id, ()))
                if choice.means(letter):
                    found.append(letter)
        missing = set(choice.ids) - {d.id for d in found}
        if missing:
            raise _gone(sorted(missing)[0])
        return sorted(found, key=lambda d: d.record.timestamp_ms)

    async def letter(self, letter_id: str) -> DeadLetter:
        """One letter with its value. Raises UsageError for an id of the wrong form, NotFoundError if it is gone."""
        (topic,) = Choice(ids=[letter_id]).topics()
        done = await audit.histories(self._reader)
        async with aclosing(self._reader.scan(topic)) as records:
            async for record in records:
                if record.id == letter_id:
                    return DeadLetter(record, done.get(letter_id, ()))
        raise _gone(letter_id)

    async def check(self, order: Order) -> None:
        """Raise, before anything is done, if the order cannot be carried out whole or could not be put on record."""
        await audit.must_exist(self._reader)
        stuck = next((d for d in order.letters if order.action == "replay" and d.no_way_back), None)
        if stuck:
            raise UsageError(
                f"{stuck.id} cannot be replayed: {stuck.no_way_back}.",
                meaning="Nothing was sent.",
                next_step=f"Leave it out, or drop it: storyreel dlq drop {stuck.id}",
            )

    async def carry_out(self, order: Order, sender: RecordSender) -> AsyncIterator[DeadLetter]:
        """Deal with the letters one after the other; yields each when it is done and on record.

        A record goes out before its entry: whoever is interrupted between them does it again, and its id makes that harmless.
        """
        wanted = {d.id: d for d in order.letters}
        if order.action == "drop":
            for letter in order.letters:
                await order.pace.turn()
                await self._record(order, letter, sender)
                yield letter
            return
        for topic in dict.fromkeys(d.record.topic for d in order.letters):
            async for record in self._reader.scan(topic):
                if record.id in wanted:
                    letter = wanted[record.id]
                    await order.pace.turn()
                    await sender.send(letter.origin, record.key, record.value, letter.own_headers)
                    await self._record(order, letter, sender)
                    yield letter

    async def _record(self, order: Order, letter: DeadLetter, sender: RecordSender) -> None:
        row = letter.as_row()
        fact = LetterHandled(
            letter_id=letter.id,
            action=LetterAction(order.action),
            by=order.by[:200],
            note=order.note[:500],
            reason=FailureKind(letter.reason or "unknown"),
            record_id=letter.record.text("ce_id")[:200],
            origin=str(row["origin"])[:300],
            nth=len(letter.history) + 1,
            run_id=order.run_id,
            run_letters=len(order.letters),
        )
        tenant = letter.record.text("ce_tenantid")
        await audit.put_on_record(sender, fact, film=letter.film_id, tenant=tenant, now=self._now())


def _gone(letter_id: str) -> NotFoundError:
    return NotFoundError(
        f"There is no dead letter {letter_id}.",
        meaning="Nothing was changed.",
        next_step="List them: storyreel dlq ls --all-states",
    )
