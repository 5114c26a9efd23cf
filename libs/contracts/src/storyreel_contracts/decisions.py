"""How a decider answers: pure values, so that a room's domain needs neither clock nor broker nor chassis.

A room is a `Decider` (pure) and a performer (does I/O). The chassis runs them:
load fold -> drop what was seen -> `decide` -> perform its tasks -> `absorb` their outcomes -> publish -> save -> commit.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar

from pydantic import BaseModel

from storyreel_contracts.base import Fact
from storyreel_contracts.envelope import Event

S = TypeVar("S", bound=BaseModel)


@dataclass(frozen=True, kw_only=True)
class NewFact:
    """A fact to publish. Its id is uuid5(cause, type, discriminator), so deciding again names it the same."""

    data: Fact
    discriminator: str = ""  # tells apart facts of one type with one cause
    cause_id: str = ""  # empty: the event at hand; set it where several events join into one decision
    deadline: datetime | None = None  # None: the event's own


@dataclass(frozen=True, kw_only=True)
class Task:
    """Work with I/O. `key` names it within the film; the outcome of a key is asked for once per handling."""

    key: str
    work: BaseModel


@dataclass(frozen=True, kw_only=True)
class Timer:
    """Ask for `timer.due` at `due`; the same name again replaces it."""

    name: str
    due: datetime


@dataclass(frozen=True, kw_only=True)
class Decision(Generic[S]):
    """What a decider made of an event."""

    state: S
    facts: Sequence[NewFact] = ()
    tasks: Sequence[Task] = ()
    timers: Sequence[Timer] = field(default=())
    hold: bool = False  # a prerequisite is missing: keep the event, offer it again after the film's next one


class Decider(Protocol[S]):
    """The pure half of a room. No clock: now is `event.envelope.occurred_at`."""

    def empty(self) -> S:
        """State of a film of which nothing is known yet."""
        ...

    def decide(self, state: S, event: Event) -> Decision[S]:
        """What follows from the event. Must ignore facts that it does not need."""
        ...

    def absorb(self, state: S, event: Event, task: Task, outcome: Any) -> Decision[S]:
        """What follows from a task's outcome; called right after `decide`, in the order of its tasks."""
        ...
