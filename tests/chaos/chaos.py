"""`make chaos`: real processes struck while they make films, judged from outside; a table and bench-results/chaos.json.

`--goals G1,G15` runs some; `--films`, `--strikes`, `--every` set the size of each; `--quick` is a run of some minutes.
"""

import argparse
import asyncio
import logging
import sys
import tempfile
import time
import traceback
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import proxy
from chapter import Reached, Run
from goals import GOALS
from history import Violation, agree, without_gaps
from outside import Bucket, Eyes, read_all
from sizes import Size
from stage import Stage
from table import progress, report, save, told

FULL = {
    "G1": Size(1_000, 600, 4.0), "G15": Size(200, 50, 3.0), "G18": Size(400, 0, 0.0), "G5": Size(150, 150, 2.0),
    "G4": Size(300, 300, 3.0), "G3": Size(100, 30, 15.0), "G2": Size(0, 100, 0.0), "G16": Size(60, 10_000, 0.0),
}  # fmt: skip
QUICK = {
    "G1": Size(30, 20, 4.0), "G15": Size(12, 7, 2.0), "G18": Size(24, 0, 0.0), "G5": Size(15, 20, 2.0),
    "G4": Size(20, 15, 3.0), "G3": Size(12, 5, 12.0), "G2": Size(0, 4, 0.0), "G16": Size(8, 300, 0.0),
}  # fmt: skip


def main() -> int:
    """Exit status 0 if nothing was violated and every control was caught."""
    options = _options()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # our own reader meets every outage too
    toxiproxy = proxy.find()
    if isinstance(toxiproxy, str):
        print(f"no toxiproxy: {toxiproxy}", file=sys.stderr)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="storyreel-chaos-") as scratch:
        folder = Path(options.keep or scratch)
        stage = Stage(folder, toxiproxy=toxiproxy if isinstance(toxiproxy, Path) else None)
        try:
            stage.stack.up()
            reached = asyncio.run(play(stage, sizes(options)))
        finally:
            stage.down()
    return report(reached, time.monotonic() - began)


async def play(stage: Stage, wanted: dict[str, Size]) -> list[Reached]:
    """All goals, one after the other, on one stage; then the two readers against each other."""
    reached: list[Reached] = []
    doing, began = [""], time.monotonic()
    async with Eyes(stage.endpoints["kafka"]["bootstrap_servers"]).open() as eyes:
        run = Run(stage, eyes, Bucket(stage.endpoints["s3"]))
        showing = asyncio.create_task(progress(run, doing))
        for name, size in wanted.items():
            doing.append(name)
            reached.append(await _lived_through(name, run, size))
            save(reached, time.monotonic() - began)
            print(f"{name}: {told(reached[-1])}; control: {reached[-1].control or 'none'}", file=sys.stderr)
        showing.cancel()
        reached.append(await readers(run))
    return reached


async def _lived_through(name: str, run: Run, size: Size) -> Reached:
    """A goal; one that breaks off is not reached, and the others still run."""
    try:
        return await GOALS[name](run, size)
    except Exception as error:  # noqa: BLE001 - it stands in the table, and the exit status says so
        where = "".join(traceback.format_exception(error)[-2:])
        await run.stage.restore()
        return Reached(name, "", violations=[Violation("broke off", "", where)])


async def readers(run: Run) -> Reached:
    """Who read during the trouble and who reads now have seen the same, without gaps."""
    into = Reached("two readers", "the same records, contiguous offsets")
    await run.eyes.caught_up()
    afterwards = await read_all(run.stage.endpoints["kafka"]["bootstrap_servers"])
    await run.eyes.caught_up()
    last = {r.place for r in afterwards}
    during = [r for r in run.eyes.records if r.place in last or not _newer(r.place, last)]
    into.violations += [*without_gaps(afterwards), *agree(during, afterwards)]
    into.figures |= {"records": len(afterwards)}
    return into


def sizes(options: argparse.Namespace) -> dict[str, Size]:
    """What runs, and how much of it."""
    known = QUICK if options.quick else FULL
    names = options.goals.split(",") if options.goals else list(known)
    asked = {"films": options.films, "strikes": options.strikes, "every_s": options.every}
    changes = {name: value for name, value in asked.items() if value is not None}
    return {name: replace(known[name], seed=options.seed, controls=not options.no_controls, **changes) for name in names}


def _newer(place: tuple[str, int, int], known: set[tuple[str, int, int]]) -> bool:
    topic, partition, offset = place
    return offset > max((o for t, p, o in known if (t, p) == (topic, partition)), default=-1)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a run of some minutes")
    parser.add_argument("--goals", default="", help=f"some of {','.join(FULL)} (default all)")
    parser.add_argument("--films", type=int, help="films of each goal, at least")
    parser.add_argument("--strikes", type=int, help="kills, restarts, toxics … of each goal, at least")
    parser.add_argument("--every", type=float, help="mean seconds between strikes")
    parser.add_argument("--seed", type=int, default=0, help="of the dice that choose whom and when (times stay real)")
    parser.add_argument("--no-controls", action="store_true", help="leave the negative controls out")
    parser.add_argument("--keep", default="", help="state folder to use and keep, with all logs")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
