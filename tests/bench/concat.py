"""Joining a film: decoding and encoding it again over copying the packets of its segments, in CPU time.

Both sides are measured one after the other in one process, so a pair is one run of the script (the first, which warms up the
disk's cache, is dropped).
"""

import asyncio
from collections.abc import Sequence

from measure import Figure, load, main, say
from memory import SHORT, cut


def run(pairs: int) -> Sequence[Figure]:
    """One film cut again and again."""
    return asyncio.run(_measured(pairs))


async def _measured(pairs: int) -> Sequence[Figure]:
    runs, loads = [], []
    for number in range(pairs + 1):
        loads.append(load())
        runs.append(await cut(SHORT))
        say("concat: " + (f"pair {number} of {pairs}" if number else "warmed up") + f", load {loads[-1]:.1f}")
    return [
        Figure(
            bench="concat", what="re-encode / packet copy", load=loads[1:], detail=runs[1:],
            ratios=[r["reencode_cpu_s"] / r["copy_cpu_s"] for r in runs[1:]],
            note=f"{SHORT} s at preview size, x264 veryfast crf 18; CPU time of all threads",
        )
    ]  # fmt: skip


if __name__ == "__main__":
    main("concat", 5, run)
