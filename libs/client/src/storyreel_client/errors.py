"""What may go wrong, said for people: what happened, what it means for the film, what to do next.

Every error knows the exit code that the command line ends with; the codes are part of the interface (see README).
"""

from collections.abc import Sequence
from enum import IntEnum

from storyreel_contracts import Problem


class Exit(IntEnum):
    """Exit codes of the `storyreel` command."""

    OK = 0
    FILM_FAILED = 1  # the film failed, was blocked, rejected or cancelled
    USAGE = 2  # wrong arguments or a brief that breaks its rules
    UNREACHABLE = 3  # a part of the stack did not answer
    NOT_FOUND = 4  # no such film, review or record, or not yours
    VERIFICATION = 5  # provenance is missing, broken or not trusted
    CLIENT_FAULT = 70  # a mistake in this program
    INTERRUPTED = 130


class StoryreelError(Exception):
    """Base of all errors that this package raises on purpose."""

    exit_code = Exit.UNREACHABLE

    def __init__(self, what: str, *, meaning: str = "", next_step: str = "") -> None:
        super().__init__(what)
        self.what, self.meaning, self.next_step = what, meaning, next_step


class UsageError(StoryreelError):
    """The caller asked for something that makes no sense."""

    exit_code = Exit.USAGE


class BriefError(UsageError):
    """A brief breaks the contract; `problems` name each field, the reason and the remedy."""

    def __init__(self, what: str, problems: Sequence[Problem], *, meaning: str = "Nothing was started or spent.") -> None:
        super().__init__(what, meaning=meaning, next_step="Mend what is named and try again.")
        self.problems = tuple(problems)


class UnreachableError(StoryreelError):
    """Gateway, broker or store did not answer."""


class NotFoundError(StoryreelError):
    """It does not exist, or this key may not see it."""

    exit_code = Exit.NOT_FOUND


class VerificationError(StoryreelError):
    """A file does not prove where it comes from."""

    exit_code = Exit.VERIFICATION
