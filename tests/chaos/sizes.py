"""How much of a goal is run."""

import random
from dataclasses import dataclass

IN_FLIGHT = 8  # open films at once
GRACE_MS = 3_000  # covers a render that was about to start while the end was written
PATIENCE_S = 120.0  # for what a control waits for
CONTROL_SILENCE_S = 25.0  # longer than a session, a start, and the planner's and the first retry lane's 10 s


@dataclass(frozen=True)
class Size:
    """Films at least, strikes at least, mean seconds between strikes, and whether the controls run too."""

    films: int
    strikes: int
    every_s: float
    seed: int = 0
    controls: bool = True

    def chance(self) -> random.Random:
        """The dice of a goal."""
        return random.Random(self.seed)
