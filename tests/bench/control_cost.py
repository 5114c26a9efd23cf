"""Control cost of a film: time on its way that is not the model, over the sum of the raw primitives under that way.

The null engine takes no time, so all of it is ours. Two ratios: of the whole way (encoding, screening, assembling included)
and of the hops in which somebody only decides.
"""

import asyncio
import statistics
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from measure import ROOT, Figure, collected, interleaved, main

sys.path.insert(0, str(ROOT / "tests" / "e2e"))

import film
import primitives
from film import Hop, Told
from primitives import Costs
from storyreel_local.parts.base import Options
from storyreel_local.parts.service import NAMES
from storyreel_local.stack import Stack
from studio import Studio

BRIEF = {
    "prompt": "launch of a red sneaker",
    "duration_s": 3,
    "tier": "preview",
    "storyboard": [
        {"start_s": 0, "end_s": 1.5, "prompt": "a red sneaker on wet asphalt at dawn"},
        {"start_s": 1.5, "end_s": 3, "prompt": "the sneaker from the side"},
    ],
}
_RECORD, _FOLD, _ARTIFACT = 700, 4_000, 40_000  # bytes: medians of such a film


def run(pairs: int) -> Sequence[Figure]:
    """A stack of its own; films and primitives in turn."""
    options = Options(engine="null", tied=True, parts=("kafka", "redis", "s3", *NAMES))
    with tempfile.TemporaryDirectory() as folder, Stack(Path(folder), options=options) as stack:
        films, costs, load = asyncio.run(_measured(stack.endpoints, pairs))
    return _figures([film.way(told) for told in films], costs, load, [len(told) for told in films])


async def _measured(place: dict[str, Any], pairs: int) -> tuple[list[list[Told]], list[Costs], list[float]]:
    studio = Studio(place)

    async def one_film() -> list[Told]:
        return await film.finished(studio.brokers, await studio.submit(dict(BRIEF)))

    async def raw() -> Costs:
        return await primitives.measure(place, _RECORD, _FOLD, _ARTIFACT)

    return await collected(interleaved("control cost", pairs, one_film, raw))


def _figures(ways: list[list[Hop]], costs: list[Costs], load: list[float], records: list[int]) -> list[Figure]:
    decides = [[h for h in way if not h.pixels] for way in ways]
    detail = [_detail(*pair) for pair in zip(ways, costs, strict=True)]
    share = statistics.median(d["pixel_share"] for d in detail)
    hops = f"{_range([len(w) for w in ways])} hops on the way, of {_range(records)} records of the film"
    return [
        Figure(
            bench="control cost", what="whole way / raw primitives under it", load=load, detail=detail,
            ratios=[_ratio(w, c) for w, c in zip(ways, costs, strict=True)],
            note=f"{hops}; {share:.0%} of it encodes, screens, assembles",
        ),
        Figure(
            bench="control cost", what="deciding hops only / raw primitives under them", load=load,
            ratios=[_ratio(w, c) for w, c in zip(decides, costs, strict=True)],
            note=f"{_range([len(d) for d in decides])} hops that touch no pixel: request, text checks, plan, orders, cut",
        ),
    ]  # fmt: skip


def _ratio(hops: list[Hop], cost: Costs) -> float:
    raw = sum(cost.hop + cost.fold + h.puts * cost.put + h.gets * cost.get for h in hops)
    return sum(h.seconds for h in hops) / raw


def _detail(way: list[Hop], cost: Costs) -> dict[str, Any]:
    hops = [(h.effect.type, round(h.seconds, 3), h.gets, h.puts) for h in way]
    share = sum(h.seconds for h in way if h.pixels) / sum(h.seconds for h in way)
    return {"pixel_share": share, "hops": hops, "primitives": asdict(cost)}


def _range(numbers: list[int]) -> str:
    low, high = min(numbers), max(numbers)
    return str(low) if low == high else f"{low}-{high}"


if __name__ == "__main__":
    main("control-cost", 5, run)
