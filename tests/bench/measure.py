"""What every bench shares: pairs measured in turn (A B B A ...), ratios with their spread, one row per figure, progress.

A figure is a ratio of two things measured close together in one run, never a time: machines differ, and this one is shared.
The first pair warms up and is dropped.
"""

import asyncio
import json
import os
import statistics
import sys
from argparse import ArgumentParser
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from rich.console import Console

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "bench-results"
A = TypeVar("A")
B = TypeVar("B")
_console = Console(stderr=True, highlight=False)


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One row: a ratio per pair, and what a reader must know of it. `detail` holds the raw measurements."""

    bench: str
    what: str
    ratios: list[float]
    note: str
    load: list[float]  # load average of one minute before every pair, this bench's own processes included
    detail: list[Any] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Everything, with median and range worked out."""
        spread = {"median": statistics.median(self.ratios), "low": min(self.ratios), "high": max(self.ratios)}
        return {**asdict(self), **spread, "pairs": len(self.ratios)}


def say(text: str) -> None:
    """One line of progress."""
    _console.print(f"[dim]{datetime.now(UTC):%H:%M:%S}[/]  {text}")


def load() -> float:
    """Load average of the last minute, in runnable tasks."""
    return os.getloadavg()[0]


async def interleaved(
    name: str, pairs: int, first: Callable[[], Awaitable[A]], second: Callable[[], Awaitable[B]]
) -> AsyncIterator[tuple[A, B, float]]:
    """Measure both sides `pairs` + 1 times in the order A B B A ...; yields the pairs but the first, with the load before."""
    for number in range(pairs + 1):
        before = load()
        if number % 2:
            b = await second()
            a = await first()
        else:
            a = await first()
            b = await second()
        say(f"{name}: " + (f"pair {number} of {pairs}" if number else "warmed up") + f", load {before:.1f}")
        if number:
            yield a, b, before


async def collected(found: AsyncIterator[tuple[A, B, float]]) -> tuple[list[A], list[B], list[float]]:
    """All pairs, as three lists."""
    pairs = [pair async for pair in found]
    return [a for a, _, _ in pairs], [b for _, b, _ in pairs], [before for _, _, before in pairs]


async def child(script: Path, *arguments: str) -> dict[str, Any]:
    """Run a script of ours in a process of its own; its last line is its result in JSON. Raises RuntimeError if it fails."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(script),
        *arguments,
        cwd=script.parent,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        out, err = await process.communicate()
    except BaseException:
        process.kill()
        await process.wait()
        raise
    if process.returncode:
        raise RuntimeError(f"{script.name} {' '.join(arguments)}: exit {process.returncode}\n{err.decode()[-2000:]}")
    found: dict[str, Any] = json.loads(out.decode().splitlines()[-1])
    return found


def main(name: str, pairs: int, run: Callable[[int], Sequence[Figure]]) -> None:
    """Command line of a bench: `[--pairs N]`; writes `bench-results/<name>.json`."""
    parser = ArgumentParser(description=f"measure: {name}")
    parser.add_argument("--pairs", type=int, default=pairs, help="pairs beside the one that warms up (default: %(default)s)")
    wanted = parser.parse_args().pairs
    say(f"{name}: {wanted} pairs")
    figures = run(wanted)
    RESULTS.mkdir(exist_ok=True)
    machine = {"cores": os.cpu_count(), "at": datetime.now(UTC).isoformat(timespec="seconds")}
    (RESULTS / f"{name}.json").write_text(json.dumps({**machine, "figures": [f.as_json() for f in figures]}, indent=1) + "\n")
