"""How results leave the command: a table for people at a terminal, plain lines for a pipe, JSON lines for a program."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from storyreel_client.cli.words import plain
from storyreel_client.errors import BriefError, StoryreelError

Row = Mapping[str, Any]


class Output:
    """Everything that a command prints goes through here."""

    def __init__(self, out: TextIO, err: TextIO, *, json_lines: bool, environ: Mapping[str, str]) -> None:
        plain = bool(environ.get("NO_COLOR"))
        width = int(environ["COLUMNS"]) if environ.get("COLUMNS", "").isdigit() else None
        self.console = Console(file=out, no_color=plain, highlight=False, width=width)
        self._errors = Console(file=err, no_color=plain, highlight=False, width=width)
        self.json_lines = json_lines

    @property
    def live(self) -> bool:
        """Whether someone looks at a terminal."""
        return self.console.is_terminal and not self.json_lines

    def say(self, kind: str, text: str, **fields: Any) -> None:
        """One thing: a sentence for people, an object with `kind` for programs."""
        if self.json_lines:
            self._line({"kind": kind, **fields})
        else:
            self.console.print(text, markup=False, soft_wrap=True)

    def rows(self, kind: str, rows: Sequence[Row], columns: Sequence[str], *, none: str) -> None:
        """A list: a table at a terminal, tab-separated lines under a header in a pipe, one object a row as JSON."""
        if self.json_lines:
            for row in rows:
                self._line({"kind": kind, **row})
        elif not rows:
            self.console.print(none, markup=False, soft_wrap=True)
        elif self.live:
            self.console.print(_table(rows, columns))
        else:
            for cells in (columns, *([_cell(row, c) for c in columns] for row in rows)):
                self.console.file.write("\t".join(cells) + "\n")  # Rich would turn tabs into spaces

    @contextmanager
    def progress(self, what: str, total: int) -> Iterator[Callable[[], None] | None]:
        """A bar at a terminal, moved by calling what it gives; None elsewhere: each thing done is a line then."""
        if not self.live:
            yield None
            return
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        with Progress(*columns, console=self.console) as bar:
            task = bar.add_task(what, total=total)
            yield lambda: bar.advance(task)

    def fail(self, error: StoryreelError) -> None:
        """What happened, what it means for the film, what to do next."""
        problems = [p.model_dump() for p in error.problems] if isinstance(error, BriefError) else []
        if self.json_lines:
            told = {"what": error.what, "meaning": error.meaning, "next": error.next_step, "problems": problems}
            self._line({"kind": "error", **told, "exit_code": int(error.exit_code)})
            return
        self._errors.print(f"[bold red]Error[/] {_escaped(error.what)}", soft_wrap=True)
        for problem in problems:
            text = f"  {problem['field']}: {problem['reason']} ({problem['remedy']})"
            self._errors.print(text, markup=False, soft_wrap=True)
        for label, text in (("For the film", error.meaning), ("Next", error.next_step)):
            if text:
                self._errors.print(f"  {label}: {text}", markup=False, soft_wrap=True)

    def note(self, text: str) -> None:
        """A remark beside the result; a program that reads JSON does not get it."""
        if not self.json_lines:
            self._errors.print(text, markup=False, soft_wrap=True)

    def _line(self, row: Row) -> None:
        self.console.file.write(json.dumps(row, ensure_ascii=False, default=str) + "\n")
        self.console.file.flush()


def money(micros: int) -> str:
    """Price in US dollars: four digits after the point below a dollar, two above."""
    dollars = micros / 1_000_000
    return f"${dollars:,.2f}" if dollars >= 1 or micros == 0 else f"${dollars:.4f}"


def _table(rows: Sequence[Row], columns: Sequence[str]) -> Table:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        number = all(isinstance(row.get(column), int | float) for row in rows)
        table.add_column(column.replace("_", " "), justify="right" if number else "left", overflow="fold")
    for row in rows:
        table.add_row(*[_escaped(_cell(row, c)) for c in columns])
    return table


def _cell(row: Row, column: str) -> str:
    value = row.get(column)
    return "" if value is None else plain(str(value))


def _escaped(text: str) -> str:
    return text.replace("[", r"\[")
