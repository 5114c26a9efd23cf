"""Every fact by its type name."""

from storyreel_contracts import assembly, films, operations, planning, takes, timers, verdicts
from storyreel_contracts.base import Fact

_ROOMS = (films, verdicts, planning, takes, assembly, timers, operations)


def _facts() -> dict[str, type[Fact]]:
    found = (v for room in _ROOMS for v in vars(room).values() if isinstance(v, type) and issubclass(v, Fact))
    return {fact.TYPE: fact for fact in found if hasattr(fact, "TYPE")}


FACTS: dict[str, type[Fact]] = _facts()
