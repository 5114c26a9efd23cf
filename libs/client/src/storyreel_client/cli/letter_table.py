"""Dead letters as people see them: one line a letter, which fits 80 columns and never cuts an id."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from rich.table import Table
from rich.text import Text

from storyreel_client.cli.words import plain
from storyreel_client.dead_letters import DeadLetter


def table(letters: Sequence[DeadLetter]) -> Table:
    """Id, time, type, film, why; a column for the state only where it says something."""
    grid = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 1, 0, 0), expand=True)
    grid.add_column("id", no_wrap=True, min_width=max(len(d.id) for d in letters))
    grid.add_column("died", no_wrap=True, min_width=12)
    for name, share in (("type", 3), ("film", 2), ("why", 5)):
        grid.add_column(name, no_wrap=True, overflow="ellipsis", ratio=share)
    several = {d.state for d in letters} != {"waiting"}
    if several:
        grid.add_column("state", no_wrap=True, min_width=8)
    for letter in letters:
        cells = [letter.id, _when(letter), letter.record.text("ce_type"), letter.film_id, _why(letter)]
        grid.add_row(*(Text(plain(c)) for c in [*cells, *([letter.state] if several else [])]))
    return grid


def summary(letters: Sequence[DeadLetter]) -> str:
    """How many, and why: `12 dead letters (9 internal, 3 timeout)`."""
    reasons = Counter(d.reason or "unknown" for d in letters)
    told = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common())
    return f"{len(letters)} dead letter{'' if len(letters) == 1 else 's'}" + (f" ({told})" if told else "")


def _when(letter: DeadLetter) -> str:
    return f"{datetime.fromisoformat(str(letter.as_row()['at'])).astimezone():%d %b %H:%M}"


def _why(letter: DeadLetter) -> str:
    error = str(letter.as_row()["error"])
    return f"{letter.reason}: {error}" if error else letter.reason
