"""What this room asks of the outside. Adapters keep these; fakes stand in for them in tests."""

from pathlib import Path
from typing import NamedTuple, Protocol

from storyreel_continuity.domain.readings import Reading


class Footage(NamedTuple):
    """A file to look at and how to name it in the picture."""

    label: str
    path: Path
    media_type: str


class Other(NamedTuple):
    """A take to show beside the measured one, with the reading it already has."""

    footage: Footage
    reading: Reading


class Seen(NamedTuple):
    """A reading and the evidence picture (JPEG)."""

    reading: Reading
    picture: bytes


class MeasuringFailed(Exception):  # noqa: N818 - named after what happened
    """No reading could be made: undecodable (`lasting`), or a timeout or crash that may pass."""

    def __init__(self, reason: str, *, lasting: bool) -> None:
        super().__init__(reason)
        self.lasting = lasting


class Measuring(Protocol):
    """Decodes and measures, away from the event loop and with a wall clock limit."""

    async def measure(self, take: Footage, beside: Other | None) -> Seen:
        """Reading of the take, and a picture of it beside the other. Raises MeasuringFailed."""
        ...
