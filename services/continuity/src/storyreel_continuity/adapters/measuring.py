"""Measuring in child processes: keeps the `Measuring` port."""

from typing import Self

from storyreel_chassis.children import ChildLost, Children

from storyreel_continuity.adapters.decoding import look
from storyreel_continuity.domain.ports import Footage, MeasuringFailed, Other, Seen


class ChildMeasuring:
    """Every take in its own child."""

    def __init__(self, workers: int, limit_s: float, memory_mib: int) -> None:
        self._limit_s = limit_s
        self._children = Children(workers, memory_mib, preload=[__name__])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._children.close()

    async def measure(self, take: Footage, beside: Other | None, preview: Footage | None = None) -> Seen:
        """Reading of the take, a picture of it beside the other, its gap from the preview."""
        try:
            seen = await self._children.run(self._limit_s, look, take, beside, preview)
        except ChildLost as error:
            raise MeasuringFailed(str(error), lasting=False) from error
        if isinstance(seen, str):
            raise MeasuringFailed(seen, lasting=True)
        return seen
