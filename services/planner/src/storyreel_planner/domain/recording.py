"""Writes facts into the state. One small function per fact; facts that the director does not need are left alone.

Called by `director` for every event. Recording the same fact twice changes nothing.
"""

import re
from collections.abc import Callable
from typing import Any

from storyreel_contracts import (
    BriefBlocked,
    BriefCleared,
    Event,
    FilmApproved,
    FilmAssemblyFailed,
    FilmBlocked,
    FilmCancelled,
    FilmCleared,
    FilmEditRequested,
    FilmPublished,
    FilmRequested,
    PlanBlocked,
    PlanCleared,
    ShotBlocked,
    ShotCleared,
    ShotDrifted,
    ShotMatched,
    ShotRendered,
    ShotRenderFailed,
    TimerDue,
)
from storyreel_contracts.verdicts import Blocked
from storyreel_contracts.verdicts import Verdict as VerdictFact

from storyreel_planner.domain.state import (
    Answer,
    AssemblyFailure,
    FilmState,
    Rendered,
    Verdict,
    VersionState,
    request_name,
)

DEADLINE, WRITE_OFF = "deadline", "write-off"
_TIMER = re.compile(rf"({DEADLINE}|{WRITE_OFF}):v(\d+)")


def record(state: FilmState, event: Event) -> bool:
    """Write the fact into `state`. False: this room does not need it, nothing changed."""
    writer = _WRITERS.get(type(event.data))
    if writer is None:
        return False
    state.tenant_id = state.tenant_id or event.envelope.tenant_id
    writer(state, event, event.data)
    return True


def _requested(state: FilmState, event: Event, fact: FilmRequested) -> None:
    state.brief, state.dry_run = fact.brief, fact.dry_run
    version = state.version(fact.version)
    _begin(version, event)
    version.deadline = fact.brief.deadline or event.envelope.deadline


def _edit_requested(state: FilmState, event: Event, fact: FilmEditRequested) -> None:
    version = state.version(fact.version)
    _begin(version, event)
    version.base, version.edits = fact.base_version, list(fact.edits)
    due = event.envelope.deadline
    version.deadline = due if due and due > event.envelope.occurred_at else None  # a delivered film may still be edited


def _begin(version: VersionState, event: Event) -> None:
    version.cause_id, version.at = event.event_id, event.envelope.occurred_at


def _brief_verdict(state: FilmState, event: Event, fact: VerdictFact) -> None:
    state.version(fact.version).brief_verdict = _verdict(event, fact)


def _plan_verdict(state: FilmState, event: Event, fact: VerdictFact) -> None:
    verdicts = state.version(fact.version).plan_verdicts
    if event.event_id not in {v.event_id for v in verdicts}:
        verdicts.append(_verdict(event, fact))


def _shot_verdict(state: FilmState, _event: Event, fact: ShotCleared | ShotBlocked) -> None:
    take = state.take(fact.shot_id, fact.key)
    take.cleared = isinstance(fact, ShotCleared)
    take.findings = list(fact.findings)
    take.remedies = list(fact.remedies) if isinstance(fact, ShotBlocked) else []


def _film_verdict(state: FilmState, event: Event, fact: FilmCleared | FilmBlocked) -> None:
    state.version(fact.version).cut(fact.tier, fact.cut_key).verdict = _verdict(event, fact)


def _verdict(event: Event, fact: VerdictFact) -> Verdict:
    return Verdict(
        event_id=event.event_id,
        cleared=not isinstance(fact, Blocked),
        plan_sha256=getattr(fact, "plan_sha256", None) or "",
        at=event.envelope.occurred_at,
        findings=list(fact.findings),
        remedies=list(fact.remedies) if isinstance(fact, Blocked) else [],
    )


def _report(state: FilmState, _event: Event, fact: ShotMatched | ShotDrifted) -> None:
    take = state.take(fact.shot_id, fact.key)
    take.matched = isinstance(fact, ShotMatched)
    if isinstance(fact, ShotDrifted):
        take.hints = list(dict.fromkeys(c.prompt_hint for c in fact.corrections if c.prompt_hint))
        missed = [m for m in fact.measures if not m.passed]
        take.drift = sum(1 + abs(m.value - m.threshold) / (abs(m.threshold) or 1.0) for m in missed) or 1.0


def _rendered(state: FilmState, event: Event, fact: ShotRendered) -> None:
    _answer(state, event, fact)
    take = state.take(fact.shot_id, fact.key)
    if take.rendered is None:
        take.rendered = Rendered(artifact=fact.artifact, seed=fact.seed, model=fact.model, cost_micros=fact.cost_micros)


def _answer(state: FilmState, event: Event, fact: ShotRendered | ShotRenderFailed) -> None:
    name = request_name(fact.version, fact.tier, fact.shot_id, fact.attempt)
    state.answers[name] = Answer(
        at=event.envelope.occurred_at,
        cost_micros=fact.cost_micros,
        kind=fact.kind if isinstance(fact, ShotRenderFailed) else None,
        reason=fact.reason if isinstance(fact, ShotRenderFailed) else "",
    )


def _assembly_failed(state: FilmState, event: Event, fact: FilmAssemblyFailed) -> None:
    failures = state.version(fact.version).cut(fact.tier, fact.cut_key).failures
    if event.event_id not in {f.event_id for f in failures}:
        failures.append(AssemblyFailure(event_id=event.event_id, kind=fact.kind, reason=fact.reason))


def _approved(state: FilmState, _event: Event, fact: FilmApproved) -> None:
    state.version(fact.version).approved = True


def _cancelled(state: FilmState, _event: Event, fact: FilmCancelled) -> None:
    state.version(fact.version).outcome = "cancelled"


def _published(state: FilmState, _event: Event, fact: FilmPublished) -> None:
    state.version(fact.version).outcome = "published"


def _timer(state: FilmState, _event: Event, fact: TimerDue) -> None:
    """Our own timers; any other (a retry's, a later release's) only makes the director look again."""
    ours = _TIMER.fullmatch(fact.name)
    if ours and ours[1] == DEADLINE:
        state.version(int(ours[2])).overdue = True
    elif ours:
        state.written_off.add(int(ours[2]))


_Writer = Callable[[FilmState, Event, Any], None]
_WRITERS: dict[type, _Writer] = {
    FilmRequested: _requested,
    FilmEditRequested: _edit_requested,
    BriefCleared: _brief_verdict,
    BriefBlocked: _brief_verdict,
    PlanCleared: _plan_verdict,
    PlanBlocked: _plan_verdict,
    ShotCleared: _shot_verdict,
    ShotBlocked: _shot_verdict,
    FilmCleared: _film_verdict,
    FilmBlocked: _film_verdict,
    ShotMatched: _report,
    ShotDrifted: _report,
    ShotRendered: _rendered,
    ShotRenderFailed: _answer,
    FilmAssemblyFailed: _assembly_failed,
    FilmApproved: _approved,
    FilmCancelled: _cancelled,
    FilmPublished: _published,
    TimerDue: _timer,
}
