"""What operators did, for whoever asks later: the audit entries of the `storyreel` command."""

from typing import ClassVar

from pydantic import Field

from storyreel_contracts.base import Fact, OpenEnum
from storyreel_contracts.failures import FailureKind


class LetterAction(OpenEnum):
    """What an operator did with a dead letter."""

    REPLAY = "replay"  # its record was written to the topic it came from, unchanged
    DROP = "drop"  # nothing will be done about it
    UNKNOWN = "unknown"


class LetterHandled(Fact):
    """An operator dealt with one dead letter. The letter stays in its topic until that expires; this says what became of it."""

    TYPE: ClassVar[str] = "letter.handled.v1"
    letter_id: str = Field(min_length=1, max_length=200, description="topic/partition/offset, such as renderer-dlq/0/17")
    action: LetterAction
    by: str = Field(max_length=200, description="who, as the command knows them")
    note: str = Field(default="", max_length=500, description="why, in the operator's words")
    reason: FailureKind = Field(default=FailureKind.UNKNOWN, description="why the record died")
    record_id: str = Field(default="", max_length=200, description="ce_id of the dead record, if it has one")
    origin: str = Field(default="", max_length=300, description="topic/partition/offset where the record first lay")
    nth: int = Field(default=1, ge=1, description="how often this letter was dealt with, this time included")
    run_id: str = Field(description="one run of the command")
    run_letters: int = Field(default=1, ge=1, description="letters that this run deals with")
