"""How often and in which order: A B B A ..., the first round dropped, the load average told."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from engine.rows import say


@dataclass(frozen=True)
class Plan:
    """`pairs` beside the one that warms up; `loads` collects the load average before each round."""

    pairs: int
    seed: int = 1
    loads: list[float] = field(default_factory=list)


def interleaved(what: str, sides: Sequence[str], plan: Plan) -> Iterator[tuple[int, list[str]]]:
    """Number and order of the sides for each round; the caller drops what the first round measured."""
    for number in range(plan.pairs + 1):
        load = os.getloadavg()[0]
        plan.loads.append(load)
        say(f"{what}: {f'pair {number} of {plan.pairs}' if number else 'warming up'}, load {load:.1f}")
        yield number, list(sides) if number % 2 == 0 else list(reversed(sides))
