"""Assembler memory: peak of a 150-second film over that of a 15-second one, each cut in a process of its own.

Two ratios: of the assembler itself and of its largest encoding worker.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from measure import ROOT, Figure, child, collected, interleaved, main

SHORT, LONG = 15, 150  # seconds of film
_CUT = ROOT / "services" / "assembler" / "tests" / "bench_cut.py"


def run(pairs: int) -> Sequence[Figure]:
    """Long and short films in turn."""
    return asyncio.run(_measured(pairs))


async def cut(seconds: int, script: Path = _CUT) -> dict[str, Any]:
    """What the assembler's own script says of one cut."""
    return await child(script, str(seconds))


async def _measured(pairs: int) -> Sequence[Figure]:
    found = interleaved("memory", pairs, lambda: cut(LONG), lambda: cut(SHORT))
    longs, shorts, load = await collected(found)
    detail = [{"long": a, "short": b} for a, b in zip(longs, shorts, strict=True)]
    return [
        Figure(
            bench="memory", what=f"{who}, {LONG} s film / {SHORT} s film", load=load, detail=detail,
            ratios=[a[key] / b[key] for a, b in zip(longs, shorts, strict=True)],
            note="peak resident set; artifacts on disk, not in memory",
        )
        for who, key in (("assembler", "peak_rss_bytes"), ("its largest worker", "worker_peak_rss_bytes"))
    ]  # fmt: skip


if __name__ == "__main__":
    main("memory", 2, run)
