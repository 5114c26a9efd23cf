"""The table at the end: one row per figure, with its target, ours, the baselines' and the spread; and the same as JSON."""

import json
import os
import statistics
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parents[3]
RESULTS = ROOT / "bench-results"
_console = Console(stderr=True, highlight=False)


@dataclass(frozen=True, kw_only=True)
class Row:
    """One figure: one value per pair, ours and each baseline's. Without a limit it is only told.

    `better` says on which side of `limit` the target lies. The median is judged, or with `worst` every pair.
    """

    goal: str
    what: str
    ours: Sequence[float]
    limit: float | None = None
    better: Literal["low", "high"] = "low"
    worst: bool = False
    baselines: dict[str, Sequence[float]] = field(default_factory=dict)
    note: str = ""
    unit: str = ""

    @property
    def judged(self) -> float:
        """The value that is held against the limit."""
        if not self.worst:
            return statistics.median(self.ours)
        return max(self.ours) if self.better == "low" else min(self.ours)

    @property
    def reached(self) -> bool | None:
        """Whether the target is reached; None without one."""
        if self.limit is None:
            return None
        return self.judged <= self.limit if self.better == "low" else self.judged >= self.limit

    def as_json(self) -> dict[str, Any]:
        """Everything, with median and range worked out."""
        return {**asdict(self), "median": statistics.median(self.ours), "reached": self.reached}


def say(text: str) -> None:
    """One line of progress."""
    _console.print(f"[dim]{datetime.now(UTC):%H:%M:%S}[/]  {text}")


def table(rows: Sequence[Row]) -> Table:
    """All rows."""
    found = Table(title="step engine, virtual device: medians and (ranges) of pairs", title_justify="left")
    for name in ("goal", "what", "target", "ours", "", "baselines", "note"):
        found.add_column(name, justify="right" if name in ("target", "ours") else "left")
    for row in rows:
        mark = {None: "", True: "[green]reached[/]", False: "[red]missed[/]"}[row.reached]
        beside = "\n".join(f"{name} {_spread(values, row.unit)}" for name, values in row.baselines.items())
        found.add_row(row.goal, row.what, _target(row), _spread(row.ours, row.unit), mark, beside, row.note)
    return found


def show(rows: Sequence[Row]) -> None:
    """Print the table; as wide as the terminal, or as 170 columns where there is none."""
    Console(width=None if sys.stdout.isatty() else 170).print(table(rows))


def write(rows: Sequence[Row], loads: Sequence[float], arguments: Sequence[str]) -> Path:
    """Put rows and circumstances into `bench-results/engine.json`."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / "engine.json"
    machine = {"cores": os.cpu_count(), "at": datetime.now(UTC).isoformat(timespec="seconds"), "load": list(loads)}
    path.write_text(json.dumps({**machine, "arguments": list(arguments), "rows": [r.as_json() for r in rows]}, indent=1) + "\n")
    return path


def _target(row: Row) -> str:
    if row.limit is None:
        return ""
    return f"{'≤' if row.better == 'low' else '≥'} {_number(row.limit)}{row.unit}"


def _spread(values: Sequence[float], unit: str) -> str:
    middle = f"{_number(statistics.median(values))}{unit}"
    low, high = _number(min(values)), _number(max(values))
    return middle if low == high else f"{middle} ({low} - {high})"


def _number(value: float) -> str:
    if value == int(value) and abs(value) < 1000:
        return str(int(value))
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 5 else f"{value:.3f}"
