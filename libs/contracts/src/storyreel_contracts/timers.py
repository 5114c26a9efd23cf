"""Time as an event: a decider asks for a timer, the chassis writes this when it is due."""

from typing import ClassVar

from pydantic import AwareDatetime

from storyreel_contracts.base import Fact


class TimerDue(Fact):
    """A timer that a service set for a film has run out."""

    TYPE: ClassVar[str] = "timer.due.v1"
    name: str
    due: AwareDatetime
