"""Command line: `python -m engine [--quick | --pairs N] [bench ...]`, from tests/bench; `make bench-engine` calls it."""

import asyncio
import sys
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence

from engine import cancelling, drafts, fairness, limits, losses, meeting, mixed, regret, rows, stopping
from engine.pairs import Plan
from engine.rows import Row, say
from engine.runs import Rig
from engine.serving import Server, serving

_ON_SERVER = {
    "mixed": mixed.bench,
    "checkpoints": drafts.bench_checkpoints,
    "drafts": drafts.bench_drafts,
    "fairness": fairness.bench,
    "cancel": cancelling.bench,
}
BENCHES = ("regret", "meeting", "limits", "nodes", *_ON_SERVER, "loss")


def main() -> None:
    """Run what is asked for, print the table, write the JSON."""
    parser = ArgumentParser(prog="make bench-engine", description="the step engine beside plain Triton, on a virtual device")
    parser.add_argument("--quick", action="store_true", help="one pair beside the one that warms up: for development")
    parser.add_argument("--pairs", type=int, default=5, help="pairs beside the one that warms up (default: %(default)s)")
    parser.add_argument("benches", nargs="*", choices=[*BENCHES, []], help=f"of {', '.join(BENCHES)}; all by default")
    arguments = parser.parse_args()
    began = time.monotonic()
    plan = Plan(1 if arguments.quick else arguments.pairs)
    found: list[Row] = []
    try:
        _measure(arguments, plan, found)
    finally:
        found.sort(key=lambda row: int(row.goal[1:]))
        rows.show(found)
        path = rows.write(found, plan.loads, sys.argv[1:])
    judged = [row for row in found if row.reached is not None]
    reached = sum(row.reached is True for row in judged)
    minutes = (time.monotonic() - began) / 60
    say(f"{reached} of {len(judged)} targets reached, {minutes:.1f} minutes; all of it in {path.relative_to(rows.ROOT)}")


def _measure(arguments: Namespace, plan: Plan, found: list[Row]) -> None:
    """Add rows to `found` as they come, so that a bench that breaks takes none of the others with it."""
    wanted = arguments.benches or BENCHES
    seeds = range(1, 2 if arguments.quick else 4)
    if "regret" in wanted:
        say("regret, in simulated time")
        found += regret.rows(seeds)
    if "meeting" in wanted:
        say("previews that meet each other, in simulated time")
        found += meeting.rows(seeds)
    if "limits" in wanted:
        say("the least that any scheduler could do, in simulated time")
        found += limits.rows(seeds)
    if "nodes" in wanted:
        say("nodes lost, in simulated time")
        found += losses.rows(seeds, jobs=400)
    if set(wanted) & set(_ON_SERVER):
        with serving([*mixed.devices(), drafts.HEAVY, drafts.DRAFTS, fairness.SHARED, cancelling.CANCELLED]) as server:
            say("server ready")
            asyncio.run(_on_server(server, wanted, plan, found))
    if "loss" in wanted:
        with serving([stopping.KILLED]) as server:
            found += asyncio.run(stopping.bench(server, Plan(min(plan.pairs, 3), loads=plan.loads)))


async def _on_server(server: Server, wanted: Sequence[str], plan: Plan, found: list[Row]) -> None:
    rig = Rig(server)
    try:
        for name, bench in _ON_SERVER.items():
            if name in wanted:
                found += await bench(rig, plan)
    finally:
        await rig.client.close()


if __name__ == "__main__":
    main()
