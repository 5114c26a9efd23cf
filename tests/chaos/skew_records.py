"""Made-up records of one version of the contract, and whether another version reads them. Runs under either's code.

`make COUNT` writes `[type, record]` lines, COUNT of each fact; `read` takes such lines and writes those that it refuses.
"""

import json
import random
import sys
from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError
from storyreel_contracts.registry import FACTS
from storyreel_contracts.tools.samples import samples
from storyreel_contracts.tools.schemas import schema_of


def made(type_: str, count: int) -> Iterator[dict[str, Any]]:
    """Records that this version itself accepts: mixtures of the gate's samples, always the same ones."""
    dice, model = random.Random(type_), FACTS[type_]
    pool = list(samples(schema_of(model)))
    while count:
        record = mixed(dice.choice(pool), dice.choice(pool), dice)
        try:
            model.model_validate_json(json.dumps(record))
        except ValidationError:
            continue
        count -= 1
        yield record


def mixed(one: Any, other: Any, dice: random.Random) -> Any:
    """Of each field one's or the other's; a field that only one of them has may be left out."""
    if not (isinstance(one, dict) and isinstance(other, dict)):
        return dice.choice((one, other))
    names = [n for n in one | other if (n in one and n in other) or dice.random() < 0.5]
    return {n: mixed(one.get(n, other.get(n)), other.get(n, one.get(n)), dice) for n in names}


def main(command: str, count: str = "0") -> None:
    """As the module says."""
    if command == "make":
        for type_ in sorted(FACTS):
            for record in made(type_, int(count)):
                sys.stdout.write(json.dumps([type_, record]) + "\n")
        return
    for line in sys.stdin:
        type_, record = json.loads(line)
        try:
            if type_ in FACTS:  # a reader leaves alone what it has never heard of
                FACTS[type_].model_validate_json(json.dumps(record))
        except ValidationError as error:
            sys.stdout.write(json.dumps([type_, str(error.errors(include_url=False, include_input=False)[0]["loc"])]) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
