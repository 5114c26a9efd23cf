"""Who is rendered next: tier first, then the tenant that had least, then the nearest deadline. Called by the desk.

Within one model and tier this is virtual token counting (Sheng et al., "Fairness in Serving Large Language Models",
arXiv 2401.00588) with device seconds for tokens: the waiting tenant with the lowest counter is next and is charged at
once; one that comes back is lifted to the lowest waiting counter, so idleness is not saved up. Counters of tenants
that wait all the time never differ by more than one job's cost, and a free server never idles while a job could run.
"""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from storyreel_contracts.brief import Tier

RANKS = {Tier.KEYFRAME: 0, Tier.PREVIEW: 1, Tier.FINAL: 2}
Model = tuple[str, str]
_NEVER = float("inf")


@dataclass(frozen=True)
class Ticket:
    """One job that waits. `cost` is its expected device seconds; `model` is name and version."""

    id: str
    tenant: str
    tier: Tier
    deadline: datetime | None
    model: Model
    cost: float

    @property
    def lane(self) -> tuple[Model, int]:
        """Jobs of one lane compete for the same servers with the same right."""
        return self.model, RANKS.get(self.tier, RANKS[Tier.FINAL])


class Lane:
    """Jobs of one model and tier; tenants share it by device seconds."""

    def __init__(self) -> None:
        self._waiting: dict[str, list[tuple[float, int, Ticket]]] = {}
        self._counters: dict[str, float] = {}
        self._floor = 0.0

    def __len__(self) -> int:
        return sum(map(len, self._waiting.values()))

    def counter(self, tenant: str) -> float:
        """Device seconds charged to the tenant, its lifts included."""
        return self._counters.get(tenant, self._floor)

    def add(self, ticket: Ticket, arrival: int) -> None:
        """Let the job wait; a tenant that had nothing waiting is lifted to the lowest that has."""
        if ticket.tenant not in self._waiting:
            lowest = min(map(self.counter, self._waiting), default=self._floor)
            self._counters[ticket.tenant] = max(self.counter(ticket.tenant), lowest)
        due = ticket.deadline.timestamp() if ticket.deadline else _NEVER
        heapq.heappush(self._waiting.setdefault(ticket.tenant, []), (due, arrival, ticket))

    def pick(self) -> Ticket | None:
        """Take out the next job and charge its tenant; None only when nothing waits."""
        if not self._waiting:
            return None
        tenant = min(self._waiting, key=lambda t: (self.counter(t), self._waiting[t][0][:2]))
        ticket = heapq.heappop(self._waiting[tenant])[2]
        self._counters[tenant] = self.counter(tenant) + ticket.cost
        self._leave_if_idle(tenant)
        return ticket

    def settle(self, ticket: Ticket, used: float) -> None:
        """Correct the charge of a picked job to the device seconds that it really used."""
        self._counters[ticket.tenant] = self.counter(ticket.tenant) + used - ticket.cost

    def remove(self, ticket: Ticket) -> bool:
        """Take a waiting job out uncharged; False if it does not wait here."""
        heap = self._waiting.get(ticket.tenant, [])
        kept = [entry for entry in heap if entry[2].id != ticket.id]
        if len(kept) == len(heap):
            return False
        heapq.heapify(kept)
        self._waiting[ticket.tenant] = kept
        self._leave_if_idle(ticket.tenant)
        return True

    def _leave_if_idle(self, tenant: str) -> None:
        if self._waiting[tenant]:
            return
        del self._waiting[tenant]
        # When all left, whoever comes first starts where the last one stood: an empty lane wipes nobody's slate.
        if not self._waiting:
            self._floor = max(self._floor, self.counter(tenant))


class FairQueue:
    """All waiting jobs, by model and tier."""

    def __init__(self) -> None:
        self._lanes: dict[tuple[Model, int], Lane] = {}
        self._arrivals = 0

    def add(self, ticket: Ticket) -> None:
        """Let a job wait."""
        self._arrivals += 1
        self._lane(ticket).add(ticket, self._arrivals)

    def pick(self, model: Model, *, finals: bool = True) -> Ticket | None:
        """The next job for a server with this model, charged; None only when none waits that it may have.

        Without `finals` only stills and previews are given out (a server keeps a place free for them).
        """
        last = RANKS[Tier.FINAL] if finals else RANKS[Tier.PREVIEW]
        return next((t for lane in self._by_rank(model, last) if (t := lane.pick())), None)

    def settle(self, ticket: Ticket, used: float) -> None:
        """Correct the charge of a picked job to what it really used, in device seconds."""
        self._lane(ticket).settle(ticket, used)

    def remove(self, ticket: Ticket) -> bool:
        """Take a waiting job out uncharged; False if it does not wait (any more)."""
        return self._lane(ticket).remove(ticket)

    def waiting(self, tier: Tier) -> int:
        """Jobs of this tier that wait, all models together."""
        return sum(len(lane) for (_, rank), lane in self._lanes.items() if rank == RANKS.get(tier))

    def _lane(self, ticket: Ticket) -> Lane:
        return self._lanes.setdefault(ticket.lane, Lane())

    def _by_rank(self, model: Model, last: int) -> Iterator[Lane]:
        ranks = sorted(rank for m, rank in self._lanes if m == model and rank <= last)
        return (self._lanes[model, rank] for rank in ranks)
