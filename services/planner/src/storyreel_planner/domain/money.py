"""The film's ledger: what was spent, what is reserved for open requests, and whether another render may be asked for.

Used by `directing`. The budget is the film's, over all its versions.
"""

from dataclasses import dataclass
from typing import Literal

from storyreel_planner.domain.state import FilmState, version_of

Affords = Literal["yes", "later", "never"]


@dataclass(frozen=True)
class Ledger:
    """Amounts in millionths of a US dollar, computed from the state."""

    budget: int
    spent: int
    reserved: int

    @property
    def free(self) -> int:
        """What nobody has spent or reserved."""
        return self.budget - self.spent - self.reserved

    def limit_for(self, expected: int, full: int, kept_back: int = 0) -> tuple[Affords, int]:
        """Whether a render fits, and its price limit. `kept_back` is money that other shots will need.

        The full limit has headroom. Where it does not fit and nothing is open that could give money back, the rest of
        the budget is the limit, as long as it covers what is expected.
        """
        free = self.free - kept_back
        if full <= free:
            return "yes", full
        if self.reserved:
            return "later", 0
        return ("yes", free) if 0 < expected <= free else ("never", 0)


def ledger(state: FilmState) -> Ledger:
    """The ledger of a film. Open reservations of ended versions count until they are written off."""
    open_requests = {
        name: limit
        for name, limit in state.issued.items()
        if name not in state.answers and version_of(name) not in state.written_off
    }
    return Ledger(
        budget=state.brief.budget.micros if state.brief else 0,
        spent=sum(a.cost_micros for a in state.answers.values()),
        reserved=sum(open_requests.values()),
    )
