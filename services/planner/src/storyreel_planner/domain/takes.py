"""The course of a shot in a tier: which takes were tried, what each came to, and so what must happen next.

Pure reading of the state, asked by `directing` after every event. Nothing is remembered between events but the facts.
"""

from dataclasses import dataclass, field
from datetime import datetime

from storyreel_contracts import ArtifactRef, FailureKind, Fate, Problem, Remedy, RenderSpec, Tier

from storyreel_planner.domain.prompts import prompts_for
from storyreel_planner.domain.rules import Render, Rules
from storyreel_planner.domain.specs import (
    MACHINE_REMEDIES,
    after_block,
    after_drift,
    after_failure,
    asked_size,
    first_spec,
    key_of,
    render_of,
    seed_of,
)
from storyreel_planner.domain.state import Answer, FilmState, Take, VersionState, request_name, take_name
from storyreel_planner.domain.work import PlanRecord


@dataclass(frozen=True)
class Request:
    """One try at a shot."""

    version: int
    tier: Tier
    shot_id: str
    attempt: int
    spec: RenderSpec
    key: str
    render: Render

    @property
    def name(self) -> str:
        """Unique within the film."""
        return request_name(self.version, self.tier, self.shot_id, self.attempt)


@dataclass(frozen=True)
class Downgrade:
    """Accepted below what was asked, and why."""

    quality: str
    kind: FailureKind
    reason: str


@dataclass(frozen=True)
class Accepted:
    """This take goes into the cut."""

    request: Request
    take: Take
    downgrade: Downgrade | None = None


@dataclass(frozen=True)
class Wants:
    """This render must be asked for, not before `not_before`. With `fallback` it may also be left undone."""

    request: Request
    not_before: datetime | None = None
    fallback: Accepted | None = None


@dataclass(frozen=True)
class Waits:
    """Someone else must answer first."""


@dataclass(frozen=True)
class Lost:
    """No attempt is left, or none makes sense."""

    kind: FailureKind
    reason: str
    problems: tuple[Problem, ...] = ()
    remedies: tuple[Remedy, ...] = ()


Course = Accepted | Wants | Waits | Lost


@dataclass
class Takes:
    """Courses of all shots, computed once per event."""

    state: FilmState
    rules: Rules
    _known: dict[tuple[int, Tier, int], Course] = field(default_factory=dict)

    def course(self, version: VersionState, tier: Tier, index: int) -> Course:
        """Where the shot at `index` stands in `tier`. The version must have a plan."""
        where = (version.number, tier, index)
        if where not in self._known:
            self._known[where] = self._walk(version, tier, index)
        return self._known[where]

    def accepted(self, version: VersionState, tier: Tier, index: int) -> Accepted | None:
        """The take that was accepted, if one was."""
        course = self.course(version, tier, index)
        return course if isinstance(course, Accepted) else None

    def have(self, version: VersionState) -> dict[Tier, list[str]]:
        """Ids of the shots whose takes are accepted, per tier."""
        record = version.plan
        if record is None:
            return {}
        shots = list(enumerate(record.plan.shots))
        return {t: [s.shot_id for i, s in shots if self.accepted(version, t, i)] for t in record.stages}

    def _walk(self, version: VersionState, tier: Tier, index: int) -> Course:
        first = self._first(version, tier, index)
        if first is None:
            return Waits()
        inherited = self._inherited(version, tier, index, first)
        record = version.plan
        return inherited or (_Course(self, version, record, (tier, index), first).run() if record else Waits())

    def _first(self, version: VersionState, tier: Tier, index: int) -> RenderSpec | None:
        """The first spec, or None while a tier before has no accepted take to go on from."""
        record = version.plan
        if record is None or index >= len(record.plan.shots):
            return None
        before: RenderSpec | None = None
        still: ArtifactRef | None = None
        for earlier in record.stages[: record.stages.index(tier)]:
            taken = self.accepted(version, earlier, index)
            if taken is None or taken.take.rendered is None:
                return None
            before = taken.request.spec
            still = taken.take.rendered.artifact if earlier is Tier.KEYFRAME else still
        return first_spec(record, tier, index, before, still)

    def _inherited(self, version: VersionState, tier: Tier, index: int, first: RenderSpec) -> Accepted | None:
        """The base version's take, where the edit does not reach this shot: accepted once, its bytes stay."""
        base = self.state.versions.get(version.base) if version.base else None
        if base is None or base.plan is None or tier not in base.plan.stages:
            return None
        return self.accepted(base, tier, index) if self._first(base, tier, index) == first else None


@dataclass
class _Course:
    """Walks the attempts of one shot in one tier."""

    takes: Takes
    version: VersionState
    record: PlanRecord
    where: tuple[Tier, int]
    first: RenderSpec
    _drifted: list[Accepted] = field(default_factory=list)
    _last: Lost = field(default_factory=lambda: Lost(FailureKind.INTERNAL, "no attempt was allowed"))

    @property
    def tier(self) -> Tier:
        """The tier that is walked."""
        return self.where[0]

    def run(self) -> Course:
        """Follow the attempts until one is accepted, is open, or none is left."""
        spec: RenderSpec | None = self.first
        not_before: datetime | None = None
        for attempt in range(1, self.takes.rules.shot_attempts + 1):
            if spec is None:
                break
            request = self._request(attempt, spec)
            take = self.takes.state.takes.get(take_name(request.shot_id, request.key))
            answer = self.takes.state.answers.get(request.name)
            if answer and answer.kind:  # first: a later attempt may have brought a take under the same key
                spec, not_before = self._after_failure(request, answer, answer.kind)
            elif take and take.rendered and take.cleared is not None and take.matched is not None:
                if take.cleared and take.matched:
                    return Accepted(request, take, _smaller_than_asked(spec, asked_size(self.record, self.tier)))
                spec, not_before = self._after_verdict(request, take), None
            elif answer is None:
                return self._open(request, not_before)
            else:
                return Waits()
        return self._best() or self._last

    def _request(self, attempt: int, spec: RenderSpec) -> Request:
        tier, index = self.where
        return Request(
            version=self.version.number,
            tier=tier,
            shot_id=self.record.plan.shots[index].shot_id,
            attempt=attempt,
            spec=spec,
            key=key_of(self.takes.state.tenant_id, spec),
            render=render_of(self.record, tier, index, spec, self.first),
        )

    def _open(self, request: Request, not_before: datetime | None) -> Course:
        if request.name in self.takes.state.issued:
            return Waits()
        best = self._best()
        kind = self.version.settled_for.get(f"{self.tier}:{request.shot_id}")
        if best and kind:
            return Accepted(best.request, best.take, Downgrade("unmatched", kind, "no money is left for another take"))
        return Wants(request, not_before, best)

    def _after_verdict(self, request: Request, take: Take) -> RenderSpec | None:
        seed = seed_of(self.first, request.attempt + 1)
        if take.cleared:
            self._drifted.append(Accepted(request, take))
            self._last = Lost(FailureKind.MODEL_FAULT, f"{request.shot_id} does not match the film")
            return after_drift(request.spec, seed, take.hints, prompts_for(self.record.card))
        self._last = _blocked(request, take)
        if not MACHINE_REMEDIES & {r.action for r in take.remedies}:
            return None
        return after_block(request.spec, seed, take.findings, take.remedies, prompts_for(self.record.card))

    def _after_failure(self, request: Request, answer: Answer, kind: FailureKind) -> tuple[RenderSpec | None, datetime | None]:
        self._last = Lost(kind, f"{request.shot_id} could not be rendered ({request.tier.value}): {answer.reason}")
        if kind.fate is Fate.RETRY:
            return request.spec, answer.at + self.takes.rules.retry_delay
        if kind.fate is Fate.REMEDY:
            return after_failure(request.spec, seed_of(self.first, request.attempt + 1), kind), None
        return None, None

    def _best(self) -> Accepted | None:
        """The drifted take that misses least; it is better than no film, and the downgrade says so."""
        if not self._drifted:
            return None
        best = min(self._drifted, key=lambda a: (a.take.drift, a.request.attempt))
        reason = f"best of {len(self._drifted)} takes that drift from the film's look"
        return Accepted(best.request, best.take, Downgrade("unmatched", self._last.kind, reason))


def _blocked(request: Request, take: Take) -> Lost:
    problems = tuple(
        Problem(field=f.where or request.shot_id, reason=f.explanation, remedy="see remedies") for f in take.findings
    )
    reason = f"{request.shot_id} was blocked by safety in {request.tier.value}, take {request.attempt}"
    return Lost(FailureKind.POLICY_BLOCKED, reason, problems, tuple(take.remedies))


def _smaller_than_asked(spec: RenderSpec, size: tuple[int, int]) -> Downgrade | None:
    if (spec.width, spec.height) == size:
        return None
    asked, got = f"{size[0]}x{size[1]}", f"{spec.width}x{spec.height}"
    return Downgrade("reduced-size", FailureKind.OUT_OF_MEMORY, f"rendered at {got} instead of {asked}")
