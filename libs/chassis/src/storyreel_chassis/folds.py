"""A fold: what a room knows of one film, as far as it has read. Rebuildable by replay; saved by compare-and-set."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from pydantic import BaseModel, Field
from storyreel_contracts.decisions import Timer


class Held(BaseModel):
    """An event that waits for a prerequisite, as it was encoded."""

    headers: dict[str, str]
    value: str


class Fold(BaseModel):
    """State of a film in one room, with the marks that make handling an event twice harmless."""

    state: dict[str, object] | None = None
    seen: list[str] = Field(default_factory=list)
    held: list[Held] = Field(default_factory=list)
    parked: list[str] = Field(default_factory=list, description="event ids that wait in a retry topic, oldest first")

    @property
    def blocking(self) -> list[str]:
        """Parked events that later ones must wait behind, oldest first.

        Not those that a slower replica noted as parked after another had done them or was holding them: nobody takes such a
        note back, and what is held may wait for the very event that would wait behind it.
        """
        held = {h.headers["ce_id"] for h in self.held}
        return [event_id for event_id in self.parked if event_id not in self.seen and event_id not in held]


class Loaded(NamedTuple):
    """A fold and the version that a save must name."""

    fold: Fold
    version: int


class DueTimer(NamedTuple):
    """A timer that has run out."""

    film_id: str
    tenant_id: str
    name: str
    due: datetime


class TimerKey(NamedTuple):
    """Whose timers are set along with a fold."""

    film_id: str
    tenant_id: str


class FoldStore(Protocol):
    """Folds, timers and read positions of one service. All writes survive the process; a lost store costs a replay."""

    async def load(self, film_id: str) -> Loaded:
        """The fold of a film (empty, version 0, if there is none)."""
        ...

    async def save(self, whose: TimerKey, loaded: Loaded, timers: Sequence[Timer]) -> bool:
        """Write fold and timers if the stored version is still `loaded.version`; False if another was first."""
        ...

    async def due(self, now: datetime, limit: int) -> list[DueTimer]:
        """Timers that have run out, oldest first."""
        ...

    async def forget(self, timer: DueTimer) -> None:
        """Drop a timer, unless it was set anew meanwhile."""
        ...

    async def positions(self) -> Mapping[str, int] | None:
        """Offsets up to which this store holds the folds, by `topic/partition`; None if the store is empty (lost or new)."""
        ...

    async def advance(self, positions: Mapping[str, int]) -> bool:
        """Record positions. False if the store has lost the earlier ones: the caller must replay."""
        ...


class MemoryFoldStore:
    """Twin of the Redis store, with the same promises for as long as the process lives."""

    def __init__(self) -> None:
        self._folds: dict[str, tuple[str, int]] = {}
        self._timers: dict[tuple[str, str, str], datetime] = {}
        self._positions: dict[str, int] = {}
        self._opened = False

    async def load(self, film_id: str) -> Loaded:
        """The fold of a film (empty, version 0, if there is none)."""
        data, version = self._folds.get(film_id, ("{}", 0))
        return Loaded(Fold.model_validate_json(data), version)

    async def save(self, whose: TimerKey, loaded: Loaded, timers: Sequence[Timer]) -> bool:
        """Write fold and timers if the stored version is still `loaded.version`."""
        if self._folds.get(whose.film_id, ("", 0))[1] != loaded.version:
            return False
        self._folds[whose.film_id] = (loaded.fold.model_dump_json(), loaded.version + 1)
        for timer in timers:
            self._timers[(*whose, timer.name)] = timer.due
        return True

    async def due(self, now: datetime, limit: int) -> list[DueTimer]:
        """Timers that have run out, oldest first."""
        ripe = sorted((due, key) for key, due in self._timers.items() if due <= now)
        return [DueTimer(*key, due) for due, key in ripe[:limit]]

    async def forget(self, timer: DueTimer) -> None:
        """Drop a timer, unless it was set anew meanwhile."""
        key = (timer.film_id, timer.tenant_id, timer.name)
        if self._timers.get(key) == timer.due:
            del self._timers[key]

    async def positions(self) -> Mapping[str, int] | None:
        """Offsets up to which this store holds the folds; None if it is empty."""
        known = dict(self._positions) if self._opened else None
        self._opened = True
        return known

    async def advance(self, positions: Mapping[str, int]) -> bool:
        """Record positions; False if the store was cleared since `positions`."""
        if not self._opened:
            return False
        self._positions.update(positions)
        return True

    def lose_everything(self) -> None:
        """What a crash without a log does to the real store."""
        self.__init__()  # type: ignore[misc]
