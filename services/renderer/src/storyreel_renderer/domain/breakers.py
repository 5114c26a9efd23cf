"""A circuit breaker for one server: after some faults in a row it gets no jobs for a while, then one, to see. Pure.

Called by the desk, which owns the clock. Times in seconds of that clock.
"""

from dataclasses import dataclass
from enum import IntEnum

_LONG_AGO = float("-inf")


class State(IntEnum):
    """Closed lets jobs through, open none, half-open one."""

    CLOSED = 0
    HALF_OPEN = 1
    OPEN = 2


@dataclass(frozen=True)
class BreakerPolicy:
    """Opens after `faults` in a row, first for `cool_s`, after each failed probe for twice as long, at most `longest_s`."""

    faults: int = 3
    cool_s: float = 30.0
    longest_s: float = 300.0


class Breaker:
    """Counts what a server did to its jobs."""

    def __init__(self, policy: BreakerPolicy) -> None:
        self._policy = policy
        self._last_fault = self._until = _LONG_AGO
        self._openings = 0
        self.faults = 0

    def state(self, now: float) -> State:
        """What may happen at this moment."""
        if not self._openings:
            return State.CLOSED
        return State.OPEN if now < self._until else State.HALF_OPEN

    def allows(self, now: float, running: int) -> bool:
        """Whether a job more may be placed beside the `running` ones."""
        state = self.state(now)
        return state is State.CLOSED or (state is State.HALF_OPEN and running == 0)

    def fault(self, placed: float, now: float) -> float:
        """A job that was placed at `placed` was lost to the server; returns when it may have one again.

        Jobs that fall together are one fault: what was placed before the last one was seen says nothing new.
        """
        if placed >= self._last_fault:
            self._last_fault = now
            self.faults += 1
            if self._openings or self.faults >= self._policy.faults:
                self._until = now + min(self._policy.cool_s * 2.0**self._openings, self._policy.longest_s)
                self._openings = min(self._openings + 1, 32)
        return self._until

    def success(self) -> None:
        """A job got on: whatever was wrong is over."""
        self.faults = self._openings = 0
        self._until = _LONG_AGO
