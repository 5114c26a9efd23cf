"""`make simulate SEEDS=n`: runs seeds on all cores, shows where it stands, ends with one table and the same as JSON."""

import argparse
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from simcase import Verdict, live
from simcontrols import CONTROLS

RESULTS = Path(__file__).parents[2] / "bench-results" / "simulation.json"
CONTROL_SEEDS = 300


def main() -> int:
    """Exit status 0 if nothing was violated and every control was caught."""
    options = _options()
    if options.seed is not None:
        verdict = live(options.seed)
        Console().print(verdict)
        return int(bool(verdict.violation))
    began = time.monotonic()
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        verdicts = list(_shown(pool.map(live, range(options.start, options.start + options.seeds), chunksize=8), options.seeds))
        caught = dict(zip(CONTROLS, pool.map(first_caught, CONTROLS), strict=True))
    return _report(verdicts, caught, options.start, time.monotonic() - began)


def first_caught(control: str) -> int | None:
    """The first seed in which the auditor finds what the missing guard lets through."""
    return next((seed for seed in range(1, CONTROL_SEEDS) if live(seed, control).violation), None)


def _shown(verdicts: Iterable[Verdict], total: int) -> Iterator[Verdict]:
    columns = (TextColumn("seeds"), MofNCompleteColumn(), TextColumn("{task.description}"), TimeRemainingColumn())
    violations = 0
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("0 violations", total=total)
        for verdict in verdicts:
            violations += bool(verdict.violation)
            progress.update(task, advance=1, description=f"{violations} violations")
            yield verdict


def _report(verdicts: list[Verdict], caught: dict[str, int | None], start: int, seconds: float) -> int:
    bad = [v for v in verdicts if v.violation]
    ends = Counter(end.split(" ")[0] for v in verdicts for end in v.ends)
    table = Table("goal", "reached", "control caught?", title=f"seeds {start} to {start + len(verdicts) - 1}")
    table.add_row(f"0 violations in {len(verdicts)} seeds", str(len(bad)), "")
    for guard, seed in caught.items():
        table.add_row(f"found without: {guard}", "", f"yes, seed {seed}" if seed is not None else "NO")
    Console().print(table)
    for verdict in islice(bad, 10):
        Console().print(f"seed {verdict.seed}: {verdict.violation[:300]}")
    RESULTS.parent.mkdir(exist_ok=True)
    result = {
        "at": datetime.now(UTC).isoformat(timespec="seconds"), "seeds": [start, len(verdicts)], "seconds": round(seconds),
        "facts": sum(v.facts for v in verdicts), "ends": ends, "controls": caught,
        "violations": {v.seed: v.violation for v in bad},
    }  # fmt: skip
    RESULTS.write_text(json.dumps(result, indent=2) + "\n")
    return int(bool(bad) or None in caught.values())


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=1000, help="how many (default 1000)")
    parser.add_argument("--start", type=int, default=0, help="the first one (default 0)")
    parser.add_argument("--seed", type=int, help="run just this one and say what became of it")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
