"""What a command has at hand: its output, the stack, and doors to gateway, broker and files. Tests put other doors in."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol, TypeVar

import typer

from storyreel_client.cli.output import Output
from storyreel_client.errors import Exit, StoryreelError
from storyreel_client.kafka.offsets import KafkaOffsets
from storyreel_client.kafka.reader import KafkaReader
from storyreel_client.kafka.sender import KafkaSender
from storyreel_client.lag import OffsetSource
from storyreel_client.publishing import RecordSender
from storyreel_client.records import TopicReader
from storyreel_client.sdk import Storyreel, connect
from storyreel_client.stack import Stack
from storyreel_client.updates import Followed

T = TypeVar("T")


class Reader(TopicReader, Followed, Protocol):
    """Reads a topic's past and its tail."""


@dataclass(frozen=True, kw_only=True)
class Doors:
    """How to reach the world, each from a stack's addresses."""

    studio: Callable[[Stack], AbstractAsyncContextManager[Storyreel]] = connect
    sender: Callable[[str], AbstractAsyncContextManager[RecordSender]] = KafkaSender
    reader: Callable[[str], Reader] = KafkaReader
    offsets: Callable[[str], OffsetSource] = KafkaOffsets
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ask: Callable[[str], bool] = typer.confirm


class InterruptedByUserError(StoryreelError):
    """Someone pressed Ctrl-C."""

    exit_code = Exit.INTERRUPTED


@dataclass(frozen=True, kw_only=True)
class Session:
    """One run of the command."""

    output: Output
    environ: Mapping[str, str]
    folder: Path
    doors: Doors = Doors()

    @cached_property
    def stack(self) -> Stack:
        """The stack, looked up when first needed."""
        return Stack.discover(self.environ, self.folder)

    @property
    def operator(self) -> str:
        """Who is at the keyboard, for records of what was done."""
        return self.environ.get("STORYREEL_OPERATOR") or self.environ.get("USER") or "unknown"

    def studio(self) -> AbstractAsyncContextManager[Storyreel]:
        """The gateway of this stack."""
        return self.doors.studio(self.stack)

    def kafka(self) -> str:
        """The broker of this stack. Raises UsageError if it is not known."""
        self.stack.need("kafka")
        return self.stack.kafka

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run to the end; Ctrl-C becomes an error of ours that says what goes on without us."""
        try:
            return asyncio.run(work)
        except KeyboardInterrupt as e:
            raise InterruptedByUserError(
                "Interrupted.",
                meaning="A film that was started goes on.",
                next_step="Look at it again with `storyreel watch FILM`, or end it with `storyreel cancel FILM`.",
            ) from e


def session_of(context: typer.Context) -> Session:
    """The session that `main` put into Typer's context."""
    session: Session = context.obj
    return session
