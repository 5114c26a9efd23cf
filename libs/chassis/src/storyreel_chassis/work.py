"""What a room hands to the chassis: its decider, its performer, how its topics are worked."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

from prometheus_client.registry import Collector
from pydantic import BaseModel
from storyreel_contracts import Event
from storyreel_contracts.decisions import Decider, NewFact, Task


class Record(NamedTuple):
    """A Kafka record as it came, undecoded."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes
    headers: tuple[tuple[str, bytes], ...]
    timestamp_ms: int
    null: bool = False  # the value was null (a tombstone); `value` is empty then


class Context(Protocol):
    """What a performer may ask while it works."""

    @property
    def event(self) -> Event:
        """The event that asked for the work."""
        ...

    @property
    def attempt(self) -> int:
        """1 for the first handling of the record, one more for each retry."""
        ...

    async def say(self, fact: NewFact) -> None:
        """Publish at once (progress); not remembered in the fold."""
        ...

    async def state(self) -> Any:
        """The film's state as it is now: was it cancelled meanwhile?"""
        ...


class Performer(Protocol):
    """The half of a room that does I/O. May block for long; must be safe to repeat and to cancel."""

    async def perform(self, task: Task, context: Context) -> Any:
        """Do the work and return its outcome. Raises Transient or Permanent."""
        ...


class NoWork:
    """Performer of a room whose decider never asks for work."""

    async def perform(self, task: Task, context: Context) -> Any:
        """Refuse: the decider and the room disagree."""
        raise NotImplementedError(f"{context.event.envelope.type} asked for {task.key}, but this room does no work")


@dataclass(frozen=True, kw_only=True)
class Lane:
    """How the records of a topic are worked."""

    concurrency: int = 32  # records of this topic worked at once in this process
    ordered: bool = True  # records of one key one after the other; a parked one parks the later ones


RawHandler = Callable[[Record], Awaitable[Sequence[Event]]]


@dataclass(frozen=True, kw_only=True)
class Room:
    """One service, ready to be run."""

    name: str
    decider: Decider[Any]
    state: type[BaseModel]
    performer: Performer = field(default_factory=NoWork)
    lanes: Mapping[str, Lane] = field(default_factory=dict)
    raw: Mapping[str, RawHandler] = field(default_factory=dict)  # topics whose records are not facts yet
    startup: Sequence[AbstractAsyncContextManager[Any]] = ()  # entered before the first record, left after the last
    collectors: Sequence[Collector] = ()

    def lane(self, topic: str) -> Lane:
        """The lane of a topic."""
        return self.lanes.get(topic, Lane())
