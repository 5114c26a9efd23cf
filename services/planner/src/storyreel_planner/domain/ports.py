"""What planning asks of the world."""

from typing import Protocol

from storyreel_contracts import FailureKind, ModelCard

from storyreel_planner.domain.composing import Written
from storyreel_planner.domain.work import WritePlan


class WriterUnavailable(Exception):  # noqa: N818 - named after what the handler does about it
    """The writer gave no usable script within its tries; `kind` and `reason` go into the plan or the failure."""

    def __init__(self, kind: FailureKind, reason: str) -> None:
        super().__init__(reason)
        self.kind, self.reason = kind, reason


class ScriptWriter(Protocol):
    """Writes scripts that are not a function of the brief alone.

    Promise: the same work gives the same script, for everyone and for ever (the first answer is stored).
    """

    @property
    def name(self) -> str:
        """Backend and model, for people."""
        ...

    async def write(self, work: WritePlan, card: ModelCard) -> Written:
        """A checked script. Raises WriterUnavailable after its own tries, Transient if the store is away."""
        ...
