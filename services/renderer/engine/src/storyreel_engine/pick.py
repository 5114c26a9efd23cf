"""Which job gets the next unit of work. Pure: the engine asks before every single step."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from storyreel_engine.wire import RenderRequest, Tier

CLASS_ORDER = {Tier.KEYFRAME: 0, Tier.PREVIEW: 1, Tier.FINAL: 2}


class Candidate(Protocol):
    """What a choice needs to know of a job."""

    @property
    def request(self) -> RenderRequest:
        """The shot."""

    @property
    def arrival(self) -> int:
        """Rank of arrival at this engine, for fair ties."""


C = TypeVar("C", bound=Candidate)


@dataclass(frozen=True, order=True)
class Rank:
    """Sort key of a job: class first (stills, previews, finals), then earliest deadline, then first come."""

    tier: int
    deadline: float
    arrival: int


def rank(job: Candidate) -> Rank:
    """A job's place in the order; one without a deadline comes after all that have one."""
    deadline = job.request.deadline_unix
    return Rank(CLASS_ORDER[job.request.tier], math.inf if deadline is None else deadline, job.arrival)


def pick(jobs: Iterable[C]) -> C | None:
    """The job to advance by one unit, or None when there is none."""
    return min(jobs, key=rank, default=None)
