"""Which unit of work comes next, and which jobs do it together. Pure: no clock, no torch; asked before every single unit.

Order: class (keyframes, previews, finals); between shares the one that had least of the device; inside a share whoever
can wait least, then whoever must run now so that the batches stay full to the end, then deadline, then arrival. How many
jobs go together is `batching.py`'s answer.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from storyreel_engine.costs import StepCosts
from storyreel_engine.wire import Tier

CLASS_ORDER = {Tier.KEYFRAME: 0, Tier.PREVIEW: 1, Tier.FINAL: 2}

URGENT = 1.25
"""A job is urgent when what is left to its deadline is less than so many times what it still needs."""
STRETCH = 2.0
"""A final may pass previews as long as each of them still ends within so many times what it takes alone."""


class Phase(StrEnum):
    """What a job's next unit is."""

    PREPARE = "prepare"
    PASS = "pass"  # noqa: S105 - a pass of the network
    DECODE = "decode"


@dataclass(frozen=True, slots=True)
class Candidate:
    """What the policy knows of an open job. Times are seconds of the engine's clock; `arrival` is its rank and its name.

    `alone` jobs share no pass (one of a batch that broke), `working` is in bytes. `passes` are those of the whole job on
    this engine, `passes_left` those still to do.
    """

    arrival: int
    tier: Tier
    key: str
    phase: Phase
    passes: int
    passes_left: int
    share: str = ""
    deadline: float = math.inf
    submitted: float = 0.0
    working: int = 0
    alone: bool = False


@dataclass(frozen=True)
class World:
    """What a choice rests on beside the jobs: the time, learned costs, seconds charged to each share, and the limits.

    `limits[key]` is the largest batch of a key, `default_limit` that of the others; `free_memory` is in bytes.
    """

    now: float
    costs: StepCosts
    charged: Callable[[str], float]
    default_limit: int
    limits: Mapping[str, int]
    free_memory: float = math.inf

    def limit(self, key: str) -> int:
        """The most jobs of one pass."""
        return self.limits.get(key, self.default_limit)

    def remaining(self, job: Candidate, batch: int = 1) -> float | None:
        """Seconds of the device until the job's result when each of its passes is one of `batch` jobs; None if unknown."""
        one = self.costs.pass_seconds(job.key, batch)
        if one is None:
            return None
        before = self.costs.phase_seconds(job.key, Phase.PREPARE) if job.phase is Phase.PREPARE else 0.0
        return before + job.passes_left * one + self.costs.phase_seconds(job.key, Phase.DECODE)

    def alone(self, job: Candidate) -> float | None:
        """Seconds that the whole job takes on a device of its own; None if unknown."""
        one = self.costs.pass_seconds(job.key, 1)
        if one is None:
            return None
        around = self.costs.phase_seconds(job.key, Phase.PREPARE) + self.costs.phase_seconds(job.key, Phase.DECODE)
        return around + job.passes * one

    def next_unit(self, job: Candidate) -> float:
        """Seconds of the job's next unit, as far as they are known."""
        if job.phase is Phase.PASS:
            return self.costs.pass_seconds(job.key, 1) or 0.0
        return self.costs.phase_seconds(job.key, job.phase)

    def is_urgent(self, job: Candidate) -> bool:
        """True when the job can hardly wait any more and can still make it."""
        if job.deadline == math.inf:
            return False
        left = self.remaining(job)
        return left is not None and left <= job.deadline - self.now < URGENT * left


@dataclass(frozen=True)
class Rank:
    """The order of jobs for one choice; `place[arrival]` is a job's inside its class and share: smaller is earlier."""

    world: World
    place: Mapping[int, tuple[bool, bool, float, int]]

    def order(self, job: Candidate) -> tuple[bool, bool, float, int]:
        """The job's place."""
        return self.place[job.arrival]

    def deal(self, jobs: Iterable[Candidate], slot: float) -> list[Candidate]:
        """All jobs in the order in which slots of `slot` seconds each go to them: share by share, the least charged first."""
        hands: dict[str, list[Candidate]] = defaultdict(list)
        for job in sorted(jobs, key=self.order, reverse=True):
            hands[job.share].append(job)
        charged = {share: self.world.charged(share) for share in hands}
        dealt = []
        while len(hands) > 1:
            share = min(hands, key=lambda name: (charged[name], self.order(hands[name][-1])))
            dealt.append(hands[share].pop())
            charged[share] += slot
            if not hands[share]:
                del hands[share]
        return dealt + [job for hand in hands.values() for job in reversed(hand)]


def ranked(jobs: Sequence[Candidate], world: World) -> Rank:
    """The order that holds for this choice."""
    now = critical(jobs, world)
    return Rank(world, {j.arrival: (not world.is_urgent(j), j.arrival not in now, j.deadline, j.arrival) for j in jobs})


def critical(jobs: Sequence[Candidate], world: World) -> frozenset[int]:
    """Arrivals of the jobs that must be in every pass from now on, or the last passes of their key will not be full.

    With m places and T passes in all, m full rows are ceil(T / m) long; a job with as many passes left can miss none
    (McNaughton's bound for preemptive schedules).
    """
    by_key: dict[str, list[Candidate]] = defaultdict(list)
    for job in jobs:
        by_key[job.key].append(job)
    found: set[int] = set()
    for key, group in by_key.items():
        places = world.costs.best(key, world.limit(key))
        rows = math.ceil(sum(job.passes_left for job in group) / places)
        found |= {job.arrival for job in group if places > 1 and job.passes_left >= rows}
    return frozenset(found)


def lead(jobs: Sequence[Candidate], rank: Rank) -> Candidate:
    """The job whose unit comes next; `jobs` must not be empty."""
    first = min(CLASS_ORDER[job.tier] for job in jobs)
    waiting = [job for job in jobs if CLASS_ORDER[job.tier] == first]
    pressed = [job for job in jobs if CLASS_ORDER[job.tier] > first and job.deadline < math.inf]
    for job in sorted(pressed, key=rank.order):
        if _may_overtake(job, waiting, rank.world):
            return job
    least = min(rank.world.charged(job.share) for job in waiting)
    return min((job for job in waiting if rank.world.charged(job.share) == least), key=rank.order)


def _may_overtake(final: Candidate, ahead: Sequence[Candidate], world: World) -> bool:
    """True when the final breaks its deadline if it waits for those ahead, and none of them is hurt if it does not."""
    left = world.remaining(final)
    queue = [world.remaining(job) for job in ahead]
    if left is None or None in queue or final.deadline - world.now < left:
        return False
    if final.deadline - world.now - left >= sum(seconds or 0.0 for seconds in queue):
        return False
    ends = world.now + world.next_unit(final)
    for job in sorted(ahead, key=lambda job: job.arrival):
        ends += world.remaining(job) or 0.0
        if ends - job.submitted > STRETCH * (world.alone(job) or 0.0):
            return False
    return True
