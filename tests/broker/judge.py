"""What must be true of the answers to a load, whatever was done to broker and members meanwhile. Pure."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple


class Answer(NamedTuple):
    """One record of the output topic. `cause` is the id of the take that it answers, `<load>-<number>`."""

    cause: str
    event_id: str
    film: str
    at_ms: int


@dataclass(frozen=True)
class Verdict:
    """Takes acknowledged and never answered; answered under two ids; films answered out of order; the same answer again."""

    lost: tuple[str, ...]
    two_ids: tuple[str, ...]
    disordered: tuple[str, ...]
    again: int

    @property
    def good(self) -> bool:
        """Whether every take has one answer. Again under the same id is allowed: readers drop what they have seen."""
        return not (self.lost or self.two_ids or self.disordered)


def judge(acknowledged: Iterable[str], answers: Sequence[Answer], log: Sequence[str]) -> Verdict:
    """Hold the answers against what the broker had acknowledged and against `log`, the takes as they lie in their partitions.

    A take that a writer's repetition put into the log twice counts where it lies first.
    """
    place: dict[str, int] = {}
    for cause in log:
        place.setdefault(cause, len(place))
    ids: dict[str, set[str]] = defaultdict(set)
    first: dict[str, list[int]] = defaultdict(list)
    for answer in answers:
        if answer.cause not in ids:
            first[answer.film].append(place[answer.cause])
        ids[answer.cause].add(answer.event_id)
    return Verdict(
        lost=tuple(cause for cause in acknowledged if cause not in ids),
        two_ids=tuple(cause for cause, found in ids.items() if len(found) > 1),
        disordered=tuple(film for film, places in first.items() if places != sorted(places)),
        again=len(answers) - sum(map(len, ids.values())),
    )


def miscounted(acknowledged: Iterable[str], films: int, counted: Mapping[int, int]) -> dict[int, tuple[int, int]]:
    """Films whose fold has another number of takes than were written: film -> (written, counted)."""
    written = Counter(number_of(cause) % films for cause in acknowledged)
    return {film: (written[film], counted.get(film, 0)) for film in written if written[film] != counted.get(film, 0)}


def went_back(samples: Sequence[Mapping[Any, int]]) -> list[tuple[Any, int, int]]:
    """Partitions whose commit sank from one sample to the next: (partition, before, after)."""
    return [(key, a[key], b.get(key, 0)) for a, b in pairwise(samples) for key in a if b.get(key, 0) < a[key]]


def number_of(cause: str) -> int:
    """The take's number within its load."""
    return int(cause.rpartition("-")[2])
