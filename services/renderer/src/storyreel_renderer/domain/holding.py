"""How many jobs this replica holds on a server. Pure; asked by the desk once it knows a server's card.

Enough that the engine always finds a full batch, no more than two or three: what waits here is still ordered by tier,
tenant and deadline, what waits there is out of our hands and lost with the server.
"""

import math
from dataclasses import dataclass

LEAST = 2  # one for a final, one for a preview that must pass it


@dataclass(frozen=True)
class Hold:
    """Jobs at once, and how many of them may be finals: the rest is kept free, so that a preview never waits for a place."""

    places: int
    finals: int


@dataclass(frozen=True)
class Allowance:
    """`batches` full batches of a server's model, shared evenly by the `replicas` of this room."""

    batches: int = 3
    replicas: int = 1

    def on(self, max_batch: int) -> Hold:
        """What this replica may hold on a server whose passes take `max_batch` jobs."""
        places = max(LEAST, math.ceil(self.batches * max_batch / self.replicas))
        kept_free = math.ceil(max_batch / self.replicas)
        return Hold(places, max(1, min(places - 1, places - kept_free)))
