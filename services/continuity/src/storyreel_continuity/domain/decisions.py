"""The decider of this room: what is measured when, and when a take can be judged. Pure.

A take is measured at once. It is judged at once if the shot before it has a take or lost it; otherwise it waits in the fold
until that comes or the wait is over (a timer), so nothing is ever held for good. Judging on a timer derives the report's id
from the take's own event, so early or late it is the same fact.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from pydantic import BaseModel, Field
from storyreel_contracts import (
    CutRequested,
    Event,
    Fact,
    FilmCancelled,
    FilmFailed,
    FilmPlanned,
    ShotDrifted,
    ShotMatched,
    ShotRendered,
    ShotRenderFailed,
    Tier,
    TimerDue,
)  # fmt: skip
from storyreel_contracts.decisions import Decision, NewFact, Task, Timer
from storyreel_contracts.takes import Axis, Correction, Measure

from storyreel_continuity.domain.comparing import Judgement, Neighbour, against_neighbour, against_plan, both
from storyreel_continuity.domain.readings import Measured, Reading
from storyreel_continuity.domain.shooting import Shape, Take, model_for, preview_of, shape_of, standing
from storyreel_continuity.domain.thresholds import Thresholds
from storyreel_continuity.domain.work import measure, tier_gap

_JUDGE = "judge/"


class ContinuityState(BaseModel):
    """What is known of one film."""

    shapes: dict[int, Shape] = Field(default_factory=dict, description="plans by version")
    takes: list[Take] = Field(default_factory=list)
    lost: list[str] = Field(default_factory=list, description="shots of a tier whose last render failed")
    ended: list[int] = Field(default_factory=list)
    previews: dict[int, dict[str, str]] = Field(
        default_factory=dict, description="build keys of the newest preview cut, by version and shot"
    )


Answer = Decision[ContinuityState]


class ContinuityDecider:
    """Measures every take, compares it, and reports."""

    def __init__(self, thresholds: Thresholds) -> None:
        self._limits = thresholds
        self._ways: dict[type[Fact], Callable[[ContinuityState, Event, Any], Answer]] = {
            FilmPlanned: _on_plan,
            CutRequested: _on_cut,
            ShotRendered: self._on_take,
            ShotRenderFailed: self._on_loss,
            TimerDue: self._on_timer,
            FilmCancelled: _on_end,
            FilmFailed: _on_end,
        }

    def empty(self) -> ContinuityState:
        """A film of which nothing is known."""
        return ContinuityState()

    def decide(self, state: ContinuityState, event: Event) -> Answer:
        """What to measure because of this event."""
        way = self._ways.get(type(event.data))
        if way is None or getattr(event.data, "version", 0) in state.ended:
            return Decision(state=state)
        return way(state, event, event.data)

    def absorb(self, state: ContinuityState, event: Event, task: Task, outcome: Any) -> Answer:
        """A measured take is judged, or waits for the shot before it; who waited for it is woken."""
        if not isinstance(outcome, Measured):
            raise TypeError(f"{task.key} did not end in a measurement")
        if isinstance(event.data, TimerDue):
            take = _waiting(state, event.data.name)
            return Decision(state=state) if take is None else self._report(state, _with(take, outcome, take.sound))
        take = self._measured(state, event, outcome).model_copy(update={"tier_gap": tier_gap(task.work, outcome)})
        known = state.model_copy(update={"takes": [*(t for t in state.takes if not _same(t, take)), take]})
        if take.reading is not None and not self._ready(known, take):
            due = event.envelope.occurred_at + timedelta(seconds=self._limits.wait_for_neighbour_s)
            answer: Answer = Decision(state=known, timers=[Timer(name=_name(take), due=due)])
        else:
            answer = self._report(known, take)
        woken = self._wake(answer.state, take.version, take.tier, take.shot_id, event.envelope.occurred_at)
        return Decision(state=answer.state, facts=answer.facts, timers=[*answer.timers, *woken])

    def _on_take(self, state: ContinuityState, _: Event, fact: ShotRendered) -> Answer:
        shape = state.shapes.get(fact.version)
        if shape is None:
            return Decision(state=state, hold=True)  # without its plan nobody knows what the take should look like
        found = state.model_copy(update={"lost": [x for x in state.lost if x != _slot(fact.version, fact.tier, fact.shot_id)]})
        model = model_for(found.takes, shape, shape.index(fact.shot_id), fact.tier)
        preview = preview_of(found.takes, found.previews, fact.version, fact.shot_id) if fact.tier is Tier.FINAL else None
        return Decision(state=found, tasks=[measure((fact.shot_id, fact.tier), fact.artifact, model, preview)])

    def _on_loss(self, state: ContinuityState, event: Event, fact: ShotRenderFailed) -> Answer:
        slot = _slot(fact.version, fact.tier, fact.shot_id)
        known = state.model_copy(update={"lost": [*(x for x in state.lost if x != slot), slot]})
        woken = self._wake(known, fact.version, fact.tier, fact.shot_id, event.envelope.occurred_at)
        return Decision(state=known, timers=woken)

    def _on_timer(self, state: ContinuityState, _: Event, fact: TimerDue) -> Answer:
        take = _waiting(state, fact.name)
        if take is None or take.version in state.ended:
            return Decision(state=state)
        shape = state.shapes[take.version]
        model = model_for(state.takes, shape, shape.index(take.shot_id), take.tier)
        return Decision(state=state, tasks=[measure((take.shot_id, take.tier), take.artifact, model)])

    def _measured(self, state: ContinuityState, event: Event, outcome: Measured) -> Take:
        fact: ShotRendered = event.data  # type: ignore[assignment]
        shape = state.shapes[fact.version]
        index = shape.index(fact.shot_id)
        take = Take(
            event_id=event.event_id,
            look=shape.shots[index].look if index >= 0 else "",
            artifact=fact.artifact,
            **{name: getattr(fact, name) for name in ("version", "shot_id", "tier", "attempt", "key")},
        )
        if outcome.reading is None:
            return _with(take, outcome, sound=False)
        alone = against_plan(outcome.reading, shape.expectation(index), self._limits)
        return _with(take, outcome, sound=not alone.corrections)

    def _ready(self, state: ContinuityState, take: Take) -> bool:
        """Whether all that a take is compared with has come, or will not come."""
        shape = state.shapes[take.version]
        index = shape.index(take.shot_id)
        if index <= 0 or shape.shots[index].end_card or shape.shots[index - 1].end_card:
            return True
        lost = _slot(take.version, take.tier, shape.shots[index - 1].shot_id) in state.lost
        return lost or standing(state.takes, shape, index - 1, take.tier) is not None

    def _wake(self, state: ContinuityState, version: int, tier: Tier, shot_id: str, now: datetime) -> list[Timer]:
        """Timers due at once for the takes that waited for this shot."""
        shape = state.shapes.get(version)
        after = shape.index(shot_id) + 1 if shape else 0
        if shape is None or not 0 < after < len(shape.shots):
            return []
        waited = (t for t in state.takes if not t.judged and t.version == version and t.tier is tier)
        return [Timer(name=_name(t), due=now) for t in waited if t.shot_id == shape.shots[after].shot_id]

    def _report(self, state: ContinuityState, take: Take) -> Answer:
        reading = take.reading and take.reading.model_copy(update={"swatches": []})  # only its means are needed from now on
        done = take.model_copy(update={"judged": True, "reading": reading})
        known = state.model_copy(update={"takes": [*(t for t in state.takes if not _same(t, take)), done]})
        fact = _fact(take, self._judge(state, take, take.reading) if take.reading else _UNMEASURED)
        return Decision(state=known, facts=[NewFact(data=fact, cause_id=take.event_id)])

    def _judge(self, state: ContinuityState, take: Take, reading: Reading) -> Judgement:
        shape = state.shapes[take.version]
        index = shape.index(take.shot_id)
        alone = against_plan(reading, shape.expectation(index), self._limits)
        model = model_for(state.takes, shape, index, take.tier)
        if model is None or model[1].reading is None:
            return alone
        at, other = model
        same_scene = shape.shots[at].scene == shape.shots[index].scene
        return both(alone, against_neighbour(reading, Neighbour(other.shot_id, model[1].reading, same_scene), self._limits))


_UNMEASURED = Judgement(
    (Measure(axis=Axis.UNKNOWN, value=0, threshold=1, unit="measurements done", against="bible", passed=False),),
    (Correction(axis=Axis.UNKNOWN, explanation="The take could not be measured; render it again or look at it."),),
)


def _on_plan(state: ContinuityState, _: Event, fact: FilmPlanned) -> Answer:
    known = state.shapes.get(fact.version)
    if known and known.attempt > fact.attempt:
        return Decision(state=state)
    shapes = state.shapes | {fact.version: shape_of(fact.plan, fact.attempt)}
    return Decision(state=state.model_copy(update={"shapes": shapes}))


def _on_end(state: ContinuityState, _: Event, fact: Any) -> Answer:
    shapes = {v: s for v, s in state.shapes.items() if v != fact.version}
    previews = {v: cut for v, cut in state.previews.items() if v != fact.version}
    ended = {"ended": [*state.ended, fact.version], "shapes": shapes, "previews": previews}
    return Decision(state=state.model_copy(update=ended))


def _fact(take: Take, judgement: Judgement) -> ShotMatched | ShotDrifted:
    same = ("version", "shot_id", "tier", "attempt", "key", "evidence", "tier_gap")
    said = {name: getattr(take, name) for name in same}
    said |= {"measures": list(judgement.measures)}
    if judgement.corrections:
        return ShotDrifted.model_validate(said | {"corrections": list(judgement.corrections)})
    return ShotMatched.model_validate(said)


def _on_cut(state: ContinuityState, _: Event, fact: CutRequested) -> Answer:
    """A preview cut names the previews that its finals are to be like."""
    if fact.tier is not Tier.PREVIEW:
        return Decision(state=state)
    previews = state.previews | {fact.version: {shot.shot_id: shot.key for shot in fact.shots}}
    return Decision(state=state.model_copy(update={"previews": previews}))


def _with(take: Take, outcome: Measured, sound: bool) -> Take:
    reading = outcome.reading or take.reading
    return take.model_copy(update={"reading": reading, "evidence": outcome.evidence or take.evidence, "sound": sound})


def _same(one: Take, other: Take) -> bool:
    return _name(one) == _name(other)


def _waiting(state: ContinuityState, name: str) -> Take | None:
    return next((t for t in state.takes if not t.judged and _name(t) == name), None)


def _name(take: Take) -> str:
    return f"{_JUDGE}{_slot(take.version, take.tier, take.shot_id)}/{take.attempt}"


def _slot(version: int, tier: Tier, shot_id: str) -> str:
    return f"{version}/{tier.value}/{shot_id}"
