"""All figures of the last run as one table: `report.py FILE.json ...`."""

import json
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

_BUSY = 2.0


def table(files: list[Path]) -> Table:
    """One row per figure."""
    found = Table(title="ratios, measured in pairs", title_justify="left")
    for name, justify in (("bench", "left"), ("what", "left"), ("median", "right"), ("range", "right"), ("pairs", "right")):
        found.add_column(name, justify=justify)  # type: ignore[arg-type]  # Rich's literal type
    found.add_column("note")
    for file in files:
        for figure in json.loads(file.read_text())["figures"]:
            found.add_row(*_cells(figure))
    return found


def _cells(figure: dict[str, Any]) -> list[str]:
    low, high = _number(figure["low"]), _number(figure["high"])
    loads = figure["load"]
    busy = f" [yellow](busy: load up to {max(loads):.1f}, this included)[/]" if max(loads) > _BUSY else ""
    spread = low if low == high else f"{low} - {high}"
    return [figure["bench"], figure["what"], _number(figure["median"]), spread, str(figure["pairs"]), figure["note"] + busy]


def _number(value: float) -> str:
    return f"{value:.0f}" if value >= 20 else f"{value:.2g}" if value < 0.1 else f"{value:.2f}"


if __name__ == "__main__":
    Console(width=None if sys.stdout.isatty() else 150).print(table([Path(name) for name in sys.argv[1:]]))
