"""The director: a pure state machine over the film's facts. Called by the chassis for every event of a film.

`decide` records the fact, then looks at the film anew (`directing`). It never holds an event back: what came too early
is a record that a later look will use.
"""

from dataclasses import dataclass
from typing import Any

from storyreel_contracts import Event, FilmFailed, FilmPlanned
from storyreel_contracts.decisions import Decision, NewFact, Task

from storyreel_planner.domain.desk import Desk
from storyreel_planner.domain.directing import Directing
from storyreel_planner.domain.recording import record
from storyreel_planner.domain.rules import Rules
from storyreel_planner.domain.state import FilmState, VersionState
from storyreel_planner.domain.work import ClaimOutcome, ClaimResult, PlanOutcome, PlanRecord, WritePlan


@dataclass(frozen=True)
class Director:
    """The planner's decider. `rules` are the limits and prices in force."""

    rules: Rules

    def empty(self) -> FilmState:
        """A film of which nothing is known yet."""
        return FilmState()

    def decide(self, state: FilmState, event: Event) -> Decision[FilmState]:
        """Record the fact and say what follows from all that is known."""
        after = state.copied()
        if not record(after, event):
            return Decision(state=state)
        return self._look(after, event)

    def absorb(self, state: FilmState, event: Event, task: Task, outcome: Any) -> Decision[FilmState]:
        """Take in a plan or the result of a claim."""
        after = state.copied()
        if isinstance(task.work, WritePlan) and isinstance(outcome, PlanOutcome):
            return self._planned(after, event, task.work, outcome)
        if isinstance(task.work, ClaimOutcome) and isinstance(outcome, ClaimResult):
            version = after.version(task.work.version)
            return Decision(state=after, facts=_end(version, outcome.failed))
        raise TypeError(f"{task.key}: no such work, or {type(outcome).__name__} is not its outcome")

    def _planned(self, state: FilmState, event: Event, work: WritePlan, outcome: PlanOutcome) -> Decision[FilmState]:
        version = state.version(work.version)
        if outcome.record is None:
            return Decision(state=state, facts=_end(version, outcome.failed))
        if len(version.plans) != work.attempt - 1:
            return Decision(state=state)  # it was written while this one was under way
        version.plans.append(outcome.record)
        version.plan_names.append(outcome.record.sha256)
        planned = _film_planned(version, outcome.record)
        rest = self._look(state, event, may_work=False)
        return Decision(state=rest.state, facts=[planned, *rest.facts], timers=rest.timers)

    def _look(self, state: FilmState, event: Event, *, may_work: bool = True) -> Decision[FilmState]:
        at = event.envelope.occurred_at
        state.latest = max(at, state.latest or at)  # an older event that is read late must not undo a timer that rang
        desk = Desk(state, self.rules, event.film_id, state.latest, may_work=may_work)
        Directing(desk).run()
        return Decision(state=state, facts=desk.facts, tasks=desk.tasks, timers=desk.timers)


def _film_planned(version: VersionState, plan: PlanRecord) -> NewFact:
    attempt = len(version.plans)
    fact = FilmPlanned(version=version.number, plan=plan.plan, plan_sha256=version.plan_names[-1], attempt=attempt)
    named = f"v{version.number}:plan:{attempt}"
    return NewFact(data=fact, discriminator=named, cause_id=version.cause_id, deadline=version.deadline)


def _end(version: VersionState, failed: FilmFailed | None) -> list[NewFact]:
    """The version ends here if the claim was won; otherwise another fact ends it. One id, whatever the reason was."""
    version.outcome = "failed" if failed else "lost"
    if failed is None:
        return []
    return [NewFact(data=failed, discriminator=f"v{version.number}:failed", cause_id=version.cause_id)]
