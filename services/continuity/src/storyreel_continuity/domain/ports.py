"""What this room asks of the outside. Adapters keep these; fakes stand in for them in tests."""

from pathlib import Path
from typing import NamedTuple, Protocol

from storyreel_continuity.domain.readings import Gap, Reading


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
    """A reading, the evidence picture (JPEG), and the gap from the preview or why there is none."""

    reading: Reading
    picture: bytes
    gap: Gap | str = "no preview was given"


class MeasuringFailed(Exception):  # noqa: N818 - named after what happened
    """No reading could be made: undecodable (`lasting`), or a timeout or crash that may pass."""

    def __init__(self, reason: str, *, lasting: bool) -> None:
        super().__init__(reason)
        self.lasting = lasting


class Measuring(Protocol):
    """Decodes and measures, away from the event loop and with a wall clock limit."""

    async def measure(self, take: Footage, beside: Other | None, preview: Footage | None = None) -> Seen:
        """Reading of the take, a picture of it beside the other, its gap from the preview. Raises MeasuringFailed.

        A preview that cannot be decoded is no failure: the take is measured, and the gap is the reason.
        """
        ...
