"""The cut's state machine: a plan and a cut request make a cut; a cleared final cut is published; an end ends it."""

from typing import Any

from pydantic import BaseModel, Field
from storyreel_contracts import (
    Event,
    FilmAssembled,
    FilmAssemblyFailed,
    FilmCancelled,
    FilmCleared,
    FilmFailed,
    FilmPlanned,
    FilmPublished,
    FilmRequested,
    Plan,
    Tier,
)
from storyreel_contracts.decisions import Decision, NewFact, Task
from storyreel_contracts.planning import CutRequested

from storyreel_assembler.domain.work import Assemble, Cut, Dropped, Failed, Publish, Published


class Version(BaseModel):
    """What is known of one version of the film."""

    plan: Plan | None = None
    cuts: dict[str, CutRequested] = Field(default_factory=dict)
    latest: dict[str, str] = Field(default_factory=dict, description="newest cut key by tier")
    assembled: list[str] = Field(default_factory=list, description="keys of the cuts that were assembled")
    ended: str = ""


class State(BaseModel):
    """The room's fold of one film."""

    wanted: Tier | None = Field(default=None, description="the tier that the brief wants published")
    versions: dict[int, Version] = Field(default_factory=dict)

    def version(self, number: int) -> Version:
        """What is known of a version; an empty one at first."""
        return self.versions.get(number, Version())

    def keeping(self, number: int, version: Version) -> "State":
        """With this version as it is now."""
        return self.model_copy(update={"versions": {**self.versions, number: version}})

    def ending(self, number: int, how: str) -> "State":
        """With this version over; what it was made of is forgotten, that it ended is not."""
        return self.keeping(number, Version(ended=how))


class AssemblerDecider:
    """Pure: see `storyreel_contracts.decisions.Decider`."""

    def empty(self) -> State:
        """Nothing is known."""
        return State()

    def decide(self, state: State, event: Event) -> Decision[State]:
        """What follows from a fact; facts that this room does not need change nothing."""
        data = event.data
        if isinstance(data, FilmRequested):
            return Decision(state=state.model_copy(update={"wanted": Tier(data.brief.tier)}))
        if isinstance(data, FilmPlanned | CutRequested | FilmCleared | FilmCancelled | FilmFailed):
            if state.version(data.version).ended:
                return Decision(state=state)
            return self._open(state, event, data)
        return Decision(state=state)

    def absorb(self, state: State, event: Event, task: Task, outcome: Any) -> Decision[State]:  # noqa: ARG002 - the port
        """What follows from a finished job; nothing, when the version ended while it ran."""
        cut = task.work.cut if isinstance(task.work, Assemble | Publish) else None
        if cut is None or isinstance(outcome, Dropped) or state.version(cut.version).ended:
            return Decision(state=state)
        if isinstance(outcome, Cut):
            return _assembled(state, cut, outcome)
        if isinstance(outcome, Published):
            return _published(state, cut, outcome)
        if isinstance(outcome, Failed):
            said = FilmAssemblyFailed(
                version=cut.version, tier=cut.tier, cut_key=cut.cut_key, kind=outcome.kind, reason=outcome.reason
            )
            return Decision(state=state, facts=[NewFact(data=said, discriminator=cut.cut_key)])
        raise TypeError(f"{task.key}: unknown outcome {type(outcome).__name__}")

    def _open(
        self, state: State, event: Event, data: FilmPlanned | CutRequested | FilmCleared | FilmCancelled | FilmFailed
    ) -> Decision[State]:
        if isinstance(data, FilmPlanned):
            known = state.version(data.version)
            return Decision(state=state.keeping(data.version, known.model_copy(update={"plan": data.plan})))
        if isinstance(data, CutRequested):
            return _requested(state, event, data)
        if isinstance(data, FilmCleared):
            return _cleared(state, event, data)
        return Decision(state=state.ending(data.version, data.TYPE))


def _requested(state: State, event: Event, cut: CutRequested) -> Decision[State]:
    known = state.version(cut.version)
    if known.plan is None:
        return Decision(state=state, hold=True)
    cuts, latest = {**known.cuts, cut.cut_key: cut}, {**known.latest, str(cut.tier): cut.cut_key}
    changed = state.keeping(cut.version, known.model_copy(update={"cuts": cuts, "latest": latest}))
    work = Assemble(tenant_id=event.envelope.tenant_id, film_id=event.film_id, plan=known.plan, cut=cut)
    return Decision(state=changed, tasks=[Task(key=f"assemble:{cut.version}:{cut.cut_key}", work=work)])


def _cleared(state: State, event: Event, verdict: FilmCleared) -> Decision[State]:
    """Publish the newest cut of the wanted tier. A verdict that overtook what it is about waits for it."""
    known = state.version(verdict.version)
    if verdict.tier != Tier.FINAL and state.wanted is None:
        return Decision(state=state, hold=True)
    if verdict.tier != (state.wanted or Tier.FINAL):
        return Decision(state=state)
    if known.plan is None or verdict.cut_key not in known.assembled:
        return Decision(state=state, hold=True)
    if known.latest.get(str(verdict.tier)) != verdict.cut_key:
        return Decision(state=state)
    cut = known.cuts[verdict.cut_key]
    work = Publish(tenant_id=event.envelope.tenant_id, film_id=event.film_id, plan=known.plan, cut=cut)
    return Decision(state=state, tasks=[Task(key=f"publish:{verdict.version}:{verdict.cut_key}", work=work)])


def _assembled(state: State, cut: CutRequested, made: Cut) -> Decision[State]:
    known = state.version(cut.version)
    done = [*(key for key in known.assembled if key != cut.cut_key), cut.cut_key]
    said = FilmAssembled(
        version=cut.version,
        tier=cut.tier,
        cut_key=cut.cut_key,
        renditions=made.renditions,
        segments=made.segments,
        captions=made.captions,
        timeline=made.timeline,
        thumbnail=made.thumbnail,
    )
    changed = state.keeping(cut.version, known.model_copy(update={"assembled": done}))
    return Decision(state=changed, facts=[NewFact(data=said, discriminator=cut.cut_key)])


def _published(state: State, cut: CutRequested, made: Published) -> Decision[State]:
    said = FilmPublished(
        version=cut.version,
        cut_key=cut.cut_key,
        files=made.files,
        provenance=made.provenance,
        cost_micros=made.cost_micros,
    )
    return Decision(state=state.ending(cut.version, said.TYPE), facts=[NewFact(data=said)])
