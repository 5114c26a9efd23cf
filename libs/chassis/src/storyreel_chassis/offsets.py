"""The contiguous done mark: work may finish in any order, a commit never passes unfinished work."""


class OffsetTracker:
    """Offsets of one partition, taken in rising order and done in any."""

    def __init__(self) -> None:
        self._open: dict[int, None] = {}
        self._next: int | None = None
        self._committed: int | None = None

    def take(self, offset: int) -> None:
        """A record was taken to be worked on."""
        self._open[offset] = None
        self._next = offset + 1

    def done(self, offset: int) -> None:
        """The record's work is finished, whatever its fate."""
        del self._open[offset]

    @property
    def in_flight(self) -> int:
        """Records taken and not done."""
        return len(self._open)

    @property
    def next_offset(self) -> int | None:
        """Offset after the last record taken; None before the first."""
        return self._next

    @property
    def mark(self) -> int | None:
        """Offset to commit: everything before it is done. None if nothing was taken."""
        return next(iter(self._open), self._next)

    def uncommitted(self) -> int | None:
        """The mark, if it moved since the last `committed`."""
        return self.mark if self.mark != self._committed else None

    def committed(self, offset: int) -> None:
        """The broker has this mark."""
        self._committed = offset
