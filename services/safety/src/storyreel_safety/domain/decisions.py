"""The decider of this room: what is screened when, and what a screening or a reviewer's answer leads to. Pure.

Law: a `cleared` fact is only ever made from a screening whose checks all ran, or from a reviewer's yes to one.
"""

from collections.abc import Callable
from typing import Any

from pydantic import BaseModel, Field
from storyreel_contracts import (
    Event,
    Fact,
    FilmAssembled,
    FilmCancelled,
    FilmFailed,
    FilmPlanned,
    FilmPublished,
    FilmRequested,
    Finding,
    ReviewDecided,
    ReviewRequested,
    Severity,
    ShotRendered,
    TimerDue,
)  # fmt: skip
from storyreel_contracts.decisions import Decision, NewFact, Task, Timer
from storyreel_contracts.films import ReviewDecision
from storyreel_contracts.ids import event_id

from storyreel_safety.domain import passages, verdicts
from storyreel_safety.domain.screening import OVERDUE, Clip, ScreenFootage, Screening, ScreenWords, Subject
from storyreel_safety.domain.verdicts import OpenReview

_REVIEW_TIMER = "review/"


class SafetyState(BaseModel):
    """What is known of one film."""

    policy: str = ""  # empty: the film is not known yet
    category: str = "general"
    ended: list[int] = Field(default_factory=list)
    reviews: dict[str, OpenReview] = Field(default_factory=dict)
    answered: list[str] = Field(default_factory=list)
    accepted: dict[str, str] = Field(default_factory=dict, description="what a reviewer accepted, to the reviewer")


Answer = Decision[SafetyState]


class SafetyDecider:
    """Screens the brief, the plan, every take and every cut."""

    def __init__(self) -> None:
        self._ways: dict[type[Fact], Callable[[SafetyState, Any], Answer]] = {
            FilmRequested: self._on_screenable,
            FilmPlanned: self._on_screenable,
            ShotRendered: self._on_screenable,
            FilmAssembled: self._on_screenable,
            ReviewDecided: self._on_answer,
            TimerDue: self._on_timer,
            FilmCancelled: self._on_end,
            FilmFailed: self._on_end,
            FilmPublished: self._on_end,
        }

    def empty(self) -> SafetyState:
        """A film of which nothing is known."""
        return SafetyState()

    def decide(self, state: SafetyState, event: Event) -> Answer:
        """What to screen because of this event, or what a person's answer or silence means."""
        known = _without_outdated(_learn(state, event.data), event.data)
        way = self._ways.get(type(event.data))
        if way is None or getattr(event.data, "version", 0) in state.ended:
            return Decision(state=known)
        return way(known, event.data)

    def absorb(self, state: SafetyState, event: Event, task: Task, outcome: Any) -> Answer:
        """The outcome of a screening becomes a verdict or a question."""
        subject = _subject_of(event.data)
        if not isinstance(outcome, Screening) or subject is None:
            raise TypeError(f"{task.key} did not end in a screening")
        findings, reviewer = verdicts.with_accepted(outcome, state.accepted)
        severity = verdicts.severity_of(findings)
        if severity is Severity.NOTE:
            return _say(state, verdicts.cleared(subject, outcome.policy, findings, reviewer))
        if severity is Severity.REVIEW:
            return _ask(state, event, verdicts.open_review(subject, outcome, findings, event.envelope.occurred_at))
        return _say(state, verdicts.blocked(subject, outcome.policy, findings, outcome.remedies, reviewer))

    def _on_screenable(self, state: SafetyState, fact: Fact) -> Answer:
        if not state.policy:
            return Decision(state=state, hold=True)  # without the brief nobody knows which policy is in force
        subject = _subject_of(fact)
        if subject is None or any(r.subject == subject for r in state.reviews.values()):
            return Decision(state=state)  # the very same is with a reviewer already
        return Decision(state=state, tasks=[Task(key=f"{subject.kind}:{subject.key}", work=_work(state, fact))])

    def _on_answer(self, state: SafetyState, fact: ReviewDecided) -> Answer:
        if fact.review_id in state.answered or fact.decision is ReviewDecision.UNKNOWN:
            return Decision(state=state)
        review = state.reviews.get(fact.review_id)
        if review is None:
            return Decision(state=state, hold=True)  # the answer overtook the question (another topic, or a replay)
        closed = _closed(state, fact.review_id)
        if fact.decision is ReviewDecision.APPROVE:
            return _approved(closed, review, fact.reviewer)
        return _say(closed, verdicts.blocked(review.subject, review.policy, review.findings, review.remedies, fact.reviewer))

    def _on_timer(self, state: SafetyState, fact: TimerDue) -> Answer:
        review_id = fact.name.removeprefix(_REVIEW_TIMER)
        review = state.reviews.get(review_id)
        if review is None:
            return Decision(state=state)
        overdue = Finding(
            rule=OVERDUE,
            category="operations",
            severity=Severity.BLOCK,
            where="",
            explanation=f"No reviewer answered by {review.due_at.isoformat()}; unanswered questions block",
        )
        said = verdicts.blocked(review.subject, review.policy, [*review.findings, overdue], review.remedies)
        return _say(_closed(state, review_id), said)

    def _on_end(self, state: SafetyState, fact: Any) -> Answer:
        left = {i: r for i, r in state.reviews.items() if r.subject.version != fact.version}
        return Decision(state=state.model_copy(update={"ended": [*state.ended, fact.version], "reviews": left}))


def _learn(state: SafetyState, fact: Fact) -> SafetyState:
    """Policy and category hold for all versions, so they are learned even where version 1 has ended (replay)."""
    if not isinstance(fact, FilmRequested):
        return state
    return state.model_copy(update={"policy": fact.policy, "category": fact.brief.category})


def _without_outdated(state: SafetyState, fact: Fact) -> SafetyState:
    """A new plan of a version withdraws the question about the one before: a late yes must not clear the new one."""
    if not isinstance(fact, FilmPlanned):
        return state
    outdated = [
        i
        for i, r in state.reviews.items()
        if r.subject.kind == "plan" and r.subject.version == fact.version and r.subject.key != fact.plan_sha256
    ]
    left = {i: r for i, r in state.reviews.items() if i not in outdated}
    return state.model_copy(update={"reviews": left, "answered": [*state.answered, *outdated]})


def _subject_of(fact: Fact) -> Subject | None:
    match fact:
        case FilmRequested():
            return Subject(kind="brief", version=fact.version)
        case FilmPlanned():
            return Subject(kind="plan", version=fact.version, key=fact.plan_sha256)
        case ShotRendered():
            return Subject(kind="shot", version=fact.version, key=fact.key, shot_id=fact.shot_id, tier=fact.tier)
        case FilmAssembled():
            return Subject(kind="film", version=fact.version, key=fact.cut_key, tier=fact.tier)
    return None


def _work(state: SafetyState, fact: Fact) -> BaseModel:
    who = {"policy": state.policy, "category": state.category}
    match fact:
        case FilmRequested():
            return ScreenWords(**who, passages=passages.of_brief(fact.brief))
        case FilmPlanned():
            return ScreenWords(**who, passages=passages.of_plan(fact.plan))
        case ShotRendered():
            return ScreenFootage(**who, stage="take", clips=[Clip(where=fact.shot_id, artifact=fact.artifact)])
        case FilmAssembled():
            clips = [Clip(where=f"film {r.aspect}", artifact=r.artifact) for r in fact.renditions]
            return ScreenFootage(**who, stage="film", clips=clips)
    raise TypeError(f"{fact.TYPE} cannot be screened")


def _say(state: SafetyState, fact: Fact) -> Answer:
    return Decision(state=state, facts=[NewFact(data=fact)])


def _ask(state: SafetyState, event: Event, review: OpenReview) -> Answer:
    review_id = event_id(event.event_id, ReviewRequested.TYPE)
    asked = state.model_copy(update={"reviews": state.reviews | {review_id: review}})
    fact = NewFact(data=verdicts.review_requested(review_id, review))
    return Decision(state=asked, facts=[fact], timers=[Timer(name=f"{_REVIEW_TIMER}{review_id}", due=review.due_at)])


def _closed(state: SafetyState, review_id: str) -> SafetyState:
    left = {i: r for i, r in state.reviews.items() if i != review_id}
    return state.model_copy(update={"reviews": left, "answered": [*state.answered, review_id]})


def _approved(state: SafetyState, review: OpenReview, reviewer: str) -> Answer:
    accepted = state.accepted | dict.fromkeys(review.about, reviewer)
    notes = [f.model_copy(update={"severity": Severity.NOTE}) for f in review.findings]
    fact = verdicts.cleared(review.subject, review.policy, notes, reviewer)
    return _say(state.model_copy(update={"accepted": accepted}), fact)
