"""What is shown: a line now and then while it runs, one table at the end, and the same as JSON."""

import asyncio
import json
import subprocess
import time
from collections import Counter
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

from chapter import Reached, Run
from records import TERMINAL
from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "bench-results" / "chaos.json"
_EVERY_S = 10.0


async def progress(run: Run, doing: list[str]) -> None:
    """A line every ten seconds, for ever."""
    console, began = Console(stderr=True), time.monotonic()
    while True:
        await asyncio.sleep(_EVERY_S)
        films = {r.key for r in run.eyes.records if r.topic == "campaign-briefs"}
        ended = {r.key for r in run.eyes.records if r.type in TERMINAL}
        struck = Counter(what for _, what, _ in run.stage.struck)
        counts = ", ".join(f"{count} {what}" for what, count in sorted(struck.items()))
        console.print(f"{time.monotonic() - began:5.0f} s  {doing[-1]}: {len(ended)} of {len(films)} films ended; {counts}")


def save(reached: list[Reached], seconds: float) -> None:
    """What is known so far, as JSON: a run of an hour that is interrupted has not been for nothing."""
    RESULTS.parent.mkdir(exist_ok=True)
    result = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "commit": _commit(), "seconds": round(seconds)}
    RESULTS.write_text(json.dumps({**result, "goals": [{**asdict(g), "well": g.well} for g in reached]}, indent=2) + "\n")


def told(goal: Reached) -> str:
    """What a goal came to, in a line."""
    figures = ", ".join(f"{name} {value}" for name, value in goal.figures.items())
    return f"skipped: {goal.skipped}" if goal.skipped else f"{len(goal.violations)} violations; {figures}"


def report(reached: list[Reached], seconds: float) -> int:
    """Table and JSON. Returns the exit status: 0 if nothing was violated and every control was caught."""
    save(reached, seconds)
    table = Table("goal", "wanted", "reached", "control caught?", title=f"chaos, {seconds / 60:.1f} min")
    for goal in reached:
        table.add_row(goal.goal, goal.wanted, told(goal), goal.control)
    console = Console(width=160)
    console.print(table)
    for violation in [v for goal in reached for v in goal.violations][:20]:
        console.print(f"{violation.rule}: {violation.film} {violation.what}", markup=False)
    return 0 if all(goal.well for goal in reached) else 1


def _commit() -> str:
    done = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip()
