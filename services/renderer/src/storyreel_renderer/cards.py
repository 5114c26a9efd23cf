"""Model cards that this room can hand to the planner: `python -m storyreel_renderer.cards null > card.json`."""

import sys
from importlib.resources import files

from storyreel_contracts.plan import ModelCard


def null_card() -> ModelCard:
    """Card of the null engine."""
    return ModelCard.model_validate_json(files(__package__).joinpath("null_card.json").read_bytes())


def main(arguments: list[str]) -> int:
    """Print the card that is named; 2 if there is none of that name."""
    if arguments != ["null"]:
        print("usage: python -m storyreel_renderer.cards null", file=sys.stderr)
        return 2
    print(null_card().model_dump_json(indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
