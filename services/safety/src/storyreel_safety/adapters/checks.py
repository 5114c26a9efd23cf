"""The checks in child processes: keeps the `Checks` port."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

from storyreel_chassis.children import ChildLost, Children

from storyreel_safety.adapters.decoding import look
from storyreel_safety.domain.policy import Policy, Stage
from storyreel_safety.domain.ports import CheckUnavailable, Sighted, Undecodable
from storyreel_safety.domain.words import Mark, Passage, judge


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What the checks may use."""

    workers: int = 2
    words_s: float = 30.0
    footage_s: float = 300.0
    memory_mib: int = 4096


class ChildChecks:
    """Every check in its own child; whatever goes wrong there is CheckUnavailable here."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._children = Children(limits.workers, limits.memory_mib, preload=[__name__])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._children.close()

    async def words(self, policy: Policy, passages: list[Passage]) -> list[Mark]:
        """Judge passages of text."""
        try:
            return await self._children.run(self._limits.words_s, judge, passages, policy)
        except ChildLost as error:
            raise CheckUnavailable(f"words: {error}") from error

    async def footage(self, policy: Policy, stage: Stage, path: Path, media_type: str) -> list[Sighted]:
        """Look at every frame of a file."""
        try:
            seen = await self._children.run(self._limits.footage_s, look, policy, stage, path, media_type)
        except ChildLost as error:
            raise CheckUnavailable(f"footage: {error}") from error
        if isinstance(seen, str):
            raise Undecodable(seen)
        return seen
