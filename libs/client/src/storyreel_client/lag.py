"""How far each service is behind: per group, topic and partition, straight from the broker's offsets."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from storyreel_contracts.topics import SERVICES, topics_read_by


class Place(NamedTuple):
    """One partition."""

    topic: str
    partition: int


class LagRow(NamedTuple):
    """Lag of one group on one partition, records. `committed` is None where the group never committed."""

    group: str
    topic: str
    partition: int
    committed: int | None
    end: int
    lag: int


class OffsetSource(Protocol):
    """Where offsets come from."""

    async def committed(self, group: str) -> Mapping[Place, int]:
        """Offset that the group reads next, for every partition it ever committed."""
        ...

    async def bounds(self, topics: frozenset[str]) -> Mapping[Place, tuple[int, int]]:
        """First offset and end offset of every partition of those topics that exist."""
        ...


async def measure(source: OffsetSource, groups: Sequence[str] = SERVICES) -> list[LagRow]:
    """Rows of all groups, in the order of group, topic, partition. A group's topics come from the catalogue."""
    wanted = {group: frozenset(topics_read_by(group)) for group in groups}
    bounds = await source.bounds(frozenset().union(*wanted.values()))
    rows = []
    for group, topics in wanted.items():
        committed = await source.committed(group)
        rows += [_row(group, place, bounds[place], committed.get(place)) for place in sorted(bounds) if place.topic in topics]
    return rows


def _row(group: str, place: Place, bounds: tuple[int, int], committed: int | None) -> LagRow:
    first, end = bounds
    behind = max(0, end - max(first, committed if committed is not None else first))
    return LagRow(group, place.topic, place.partition, committed, end, behind)
