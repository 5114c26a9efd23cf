"""A toy room for the chassis' tests: counts facts of a film and repeats each as a progress fact."""

import asyncio
from collections.abc import Callable
from typing import Any

from pydantic import BaseModel
from storyreel_chassis.work import Context, Room
from storyreel_contracts import Event, FilmApproved, FilmCancelled, FilmRequested, ReviewDecided
from storyreel_contracts.decisions import Decision, NewFact, Task, Timer


class Count(BaseModel):
    """What the toy knows: how many approvals it has seen, whether the film began."""

    begun: bool = False
    approvals: int = 0


class Work(BaseModel):
    """The toy's work."""

    name: str


class Toy:
    """Approvals wait for the request; each asks for one task; its outcome is answered with one cancellation fact."""

    def empty(self) -> Count:
        return Count()

    def decide(self, state: Count, event: Event) -> Decision[Count]:
        if isinstance(event.data, FilmRequested):
            return Decision(state=state.model_copy(update={"begun": True}))
        if isinstance(event.data, ReviewDecided):
            return Decision(state=state, timers=(Timer(name="due", due=event.envelope.occurred_at),))
        if not isinstance(event.data, FilmApproved):
            return Decision(state=state)
        if not state.begun:
            return Decision(state=state, hold=True)
        more = state.model_copy(update={"approvals": state.approvals + 1})
        return Decision(state=more, tasks=(Task(key=event.data.approved_by, work=Work(name=event.data.approved_by)),))

    def absorb(self, state: Count, event: Event, task: Task, outcome: Any) -> Decision[Count]:
        fact = FilmCancelled(version=state.approvals, reason=str(outcome), requested_by=task.key)
        return Decision(state=state, facts=(NewFact(data=fact),))


class Hands:
    """Performer that does what the test says."""

    def __init__(self, do: Callable[[Context], Any] = lambda _: "done") -> None:
        self.performed: list[str] = []
        self._do = do

    async def perform(self, task: Task, context: Context) -> Any:
        self.performed.append(task.key)
        outcome = self._do(context)
        return await outcome if asyncio.iscoroutine(outcome) else outcome


def toy_room(hands: Hands | None = None, **more: Any) -> Room:
    """The toy under the gateway's name, whose topics its facts belong to."""
    return Room(name="gateway", decider=Toy(), state=Count, performer=hands or Hands(), **more)
