"""What the handlers ask of the world. The adapters answer; tests have twins."""

from collections.abc import Awaitable, Callable
from typing import Protocol

from storyreel_assembler.domain.work import Assemble, Cut, Dropped, Publish, Published

StillWanted = Callable[[], Awaitable[bool]]


class CuttingRoom(Protocol):
    """Makes cuts. Raises `Unbuildable` for inputs that no attempt can cut, the chassis's errors for the store's."""

    async def cut(self, work: Assemble, wanted: StillWanted) -> Cut | Dropped:
        """The cut, made or found under its key; Dropped when `wanted` says no on the way."""
        ...


class Press(Protocol):
    """Signs and publishes, once per film version."""

    async def publish(self, work: Publish) -> Published | Dropped:
        """The published files; Dropped when another terminal outcome of this version was first."""
        ...
