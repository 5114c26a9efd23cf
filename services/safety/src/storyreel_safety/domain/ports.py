"""What this room asks of the outside. Adapters keep these; fakes stand in for them in tests."""

from pathlib import Path
from typing import Protocol

from pydantic import BaseModel

from storyreel_safety.domain.policy import Policy, Stage
from storyreel_safety.domain.words import Mark, Passage


class CheckUnavailable(Exception):  # noqa: N818 - named after the state of the check
    """A check could not run to its end: timeout, crash, memory. Nobody may conclude anything from it but a block."""


class Undecodable(Exception):  # noqa: N818 - named after what is the matter with the bytes
    """The bytes are no film, or break off; trying again will not help."""


class Sighted(BaseModel):
    """A frame check that fired, with its number and limit in the rule's own unit, and the frame as JPEG."""

    rule: str
    seconds: float
    score: float
    threshold: float
    detail: str
    picture: bytes


class PolicyBook(Protocol):
    """The policies in force."""

    def policy(self, name: str, category: str) -> Policy:
        """The effective policy. Raises PolicyMissing."""
        ...


class Checks(Protocol):
    """The checks themselves, away from the event loop and with a wall clock limit. Raise CheckUnavailable."""

    async def words(self, policy: Policy, passages: list[Passage]) -> list[Mark]:
        """Judge passages of text."""
        ...

    async def footage(self, policy: Policy, stage: Stage, path: Path, media_type: str) -> list[Sighted]:
        """Look at every frame of a file. Raises Undecodable too."""
        ...
