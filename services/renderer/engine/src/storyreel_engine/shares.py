"""Device time between shares: a virtual counter of measured seconds for each, the lowest goes first. Pure.

The counters work as in VTC: what was used is charged, a share that comes back is lifted to the least busy of those that
were here, so nobody saves up time while away and nobody is punished for having been alone.
"""

from collections.abc import Iterable, Mapping


class Shares:
    """Seconds charged to each share that has open jobs, and to those that left with more than the others."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {}
        self._open: dict[str, int] = {}

    def arrive(self, share: str) -> None:
        """A job of this share was taken over."""
        if not self._open.get(share):
            others = [self._seconds[name] for name in self._open]
            self._seconds[share] = max(self._seconds.get(share, 0.0), min(others, default=0.0))
        self._open[share] = self._open.get(share, 0) + 1

    def leave(self, share: str) -> None:
        """A job of this share ended."""
        self._open[share] -= 1
        if not self._open[share]:
            del self._open[share]
            self._forget()

    def charge(self, used: Mapping[str, float]) -> None:
        """Add measured device seconds; a share without open jobs pays too."""
        for share, seconds in used.items():
            self._seconds[share] = self._seconds.get(share, 0.0) + seconds

    def lift(self, satisfied: Iterable[str], waiting: Iterable[str]) -> None:
        """Shares whose every job was served keep no credit over those that still wait."""
        least = min((self._seconds.get(share, 0.0) for share in waiting), default=None)
        if least is not None:
            for share in satisfied:
                self._seconds[share] = max(self._seconds.get(share, 0.0), least)

    def seconds(self, share: str) -> float:
        """A share's counter."""
        return self._seconds.get(share, 0.0)

    def to_json(self) -> dict[str, float]:
        """Counters of the shares that have open jobs."""
        return {share: self._seconds[share] for share in list(self._open) if share in self._seconds}

    def _forget(self) -> None:
        # What lies below the least busy would be lifted on return anyway; with nobody here, nobody is owed anything.
        least = min((self._seconds[share] for share in self._open), default=None)
        self._seconds = {
            share: seconds
            for share, seconds in self._seconds.items()
            if share in self._open or (least is not None and seconds > least)
        }
