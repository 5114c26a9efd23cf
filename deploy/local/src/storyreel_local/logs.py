"""What a dead part said last, short enough for an error message. The supervisor asks when a part does not get ready."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

_MARK = "--- started "
_READ_BYTES = 64_000
_LINES = 4
_TELLING = re.compile(r"error|exception|fatal|failed|refused|denied|in use|no space|^E\d{4} ", re.IGNORECASE)
_DRAWING = re.compile(r"^[|+\-=\s]")  # tables and the indented inside of a traceback


def mark(log: Path) -> None:
    """Write a line that separates this start from the ones before."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("a") as output:
        output.write(f"{_MARK}{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC\n")


def last_words(log: Path, lines: int = _LINES) -> str:
    """The last lines since the last start that speak of an error, else the last lines at all, joined by ` | `."""
    text = b""
    with suppress(FileNotFoundError):
        text = log.read_bytes()[-_READ_BYTES:]
    since = text.decode(errors="replace").rpartition(_MARK)[2].splitlines()[1:]
    said = [line.strip() for line in since if line.strip() and not _DRAWING.match(line)]
    telling = [line for line in said if _TELLING.search(line)]
    return " | ".join(line[:300] for line in (telling or said)[-lines:]) or "(it said nothing)"
