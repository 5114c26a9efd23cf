"""What the user sees while parts start: colour and a spinner on a terminal, plain lines elsewhere (logs, CI)."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from rich.console import Console
from rich.markup import escape


class Progress(Protocol):
    """Where a part reports what it is doing."""

    def say(self, text: str) -> None:
        """One finished line."""

    def done(self, name: str, text: str) -> None:
        """A part reached its goal."""

    def working(self, text: str) -> AbstractContextManager[None]:
        """Something that takes time runs inside the `with`."""


class ConsoleProgress:
    """The only implementation for people; Rich decides by the stream whether there is a terminal."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(file=sys.stderr, highlight=False)

    def say(self, text: str) -> None:
        self.console.print(escape(text), soft_wrap=True)

    def done(self, name: str, text: str) -> None:
        self.console.print(f"[green]✓[/] [bold]{escape(name):<11}[/] {escape(text)}", soft_wrap=True)

    @contextmanager
    def working(self, text: str) -> Iterator[None]:
        if not self.console.is_terminal:
            self.say(text)
            yield
            return
        with self.console.status(escape(text)):
            yield


class Silent:
    """For programs that start parts and want no output (the test suite)."""

    def say(self, text: str) -> None: ...

    def done(self, name: str, text: str) -> None: ...

    @contextmanager
    def working(self, text: str) -> Iterator[None]:  # noqa: ARG002 - said to nobody
        yield
