"""What the director remembers of a film: the facts it has read, joined without regard to their order.

Nothing here is a decision. Every decision is computed anew from these records (`takes`, `directing`), so any order of
arrival ends in the same film, and a lost store is rebuilt by reading the facts again. Two exceptions are kept on
purpose, because a later, cheaper moment must not take them back: requests that were made (`issued`) and shots on which
no more money is spent (`settled_for`).
"""

from typing import Literal

from pydantic import AwareDatetime, BaseModel, Field
from storyreel_contracts import ArtifactRef, Brief, FailureKind, Finding, ModelRef, Remedy, Tier
from storyreel_contracts.films import Edit

from storyreel_planner.domain.work import PlanRecord

Outcome = Literal["", "failed", "cancelled", "published", "lost"]


class Answer(BaseModel):
    """What came back for one request; `kind` is empty for a take."""

    at: AwareDatetime
    cost_micros: int
    kind: FailureKind | None = None
    reason: str = ""


class Rendered(BaseModel):
    """A take's bytes and their price."""

    artifact: ArtifactRef
    seed: int
    model: ModelRef
    cost_micros: int


class Take(BaseModel):
    """All that is known of one shot under one build key. It is judged when it is rendered, screened and measured."""

    rendered: Rendered | None = None
    cleared: bool | None = None
    findings: list[Finding] = Field(default_factory=list)
    remedies: list[Remedy] = Field(default_factory=list)
    matched: bool | None = None
    drift: float = Field(default=0.0, description="how far over the thresholds, summed; orders drifted takes")
    hints: list[str] = Field(default_factory=list)


class Verdict(BaseModel):
    """A verdict on the brief, a plan or a cut."""

    event_id: str
    cleared: bool
    plan_sha256: str = Field(default="", description="the plan that it names; empty for briefs, cuts and unnamed plans")
    at: AwareDatetime
    findings: list[Finding] = Field(default_factory=list)
    remedies: list[Remedy] = Field(default_factory=list)


class AssemblyFailure(BaseModel):
    """One failed assembly of a cut."""

    event_id: str
    kind: FailureKind
    reason: str


class Cut(BaseModel):
    """What is known of one cut."""

    failures: list[AssemblyFailure] = Field(default_factory=list)
    verdict: Verdict | None = None


class VersionState(BaseModel):
    """One version of the film. `cause_id` is empty while only consequences of it have arrived."""

    number: int
    cause_id: str = ""
    at: AwareDatetime | None = None
    deadline: AwareDatetime | None = None
    base: int | None = None
    edits: list[Edit] = Field(default_factory=list)
    brief_verdict: Verdict | None = None
    plans: list[PlanRecord] = Field(default_factory=list, description="by attempt; the last one holds")
    plan_names: list[str] = Field(default_factory=list, description="hash of each plan; empty in a fold of an earlier release")
    plan_verdicts: list[Verdict] = Field(default_factory=list, description="in the order of their topic")
    approved: bool = False
    finals_open: bool = Field(default=False, description="the preview cut was cleared, and approved where a person must")
    overdue: bool = False
    cuts: dict[str, Cut] = Field(default_factory=dict, description="by tier and cut key")
    settled_for: dict[str, FailureKind] = Field(default_factory=dict, description="by tier and shot: why no more takes")
    said: set[str] = Field(default_factory=set, description="facts and timers of this version, so that none is said twice")
    outcome: Outcome = ""

    def copied(self) -> "VersionState":
        """A copy that may be written to; frozen values are shared."""
        cuts = {name: cut.model_copy(update={"failures": list(cut.failures)}) for name, cut in self.cuts.items()}
        own = {
            "plans": list(self.plans), "plan_names": list(self.plan_names), "plan_verdicts": list(self.plan_verdicts),
            "cuts": cuts, "said": set(self.said), "settled_for": dict(self.settled_for),
        }  # fmt: skip
        return self.model_copy(update=own)

    @property
    def live(self) -> bool:
        """Whether anything may still happen to this version."""
        return bool(self.cause_id) and not self.outcome

    @property
    def plan(self) -> PlanRecord | None:
        """The plan that holds."""
        return self.plans[-1] if self.plans else None

    @property
    def plan_verdict(self) -> Verdict | None:
        """The verdict on the plan that holds: the one that names it, or, of a safety that names none, the n-th on the n-th."""
        if self.plan is None or not self.plan_verdicts:
            return None
        name = self.plan_names[-1] if self.plan_names else self.plan.sha256
        named = [v for v in self.plan_verdicts if v.plan_sha256 == name]
        at = len(self.plans) - 1
        nth = [v for v in self.plan_verdicts[at : at + 1] if not v.plan_sha256]
        return next(iter([*named[-1:], *nth]), None)

    def cut(self, tier: Tier, key: str) -> Cut:
        """The record of a cut."""
        return self.cuts.setdefault(f"{tier}:{key}", Cut())


class FilmState(BaseModel):
    """One film with all its versions."""

    tenant_id: str = ""
    brief: Brief | None = None
    dry_run: bool = False
    versions: dict[int, VersionState] = Field(default_factory=dict)
    issued: dict[str, int] = Field(default_factory=dict, description="price limit (micros) by request name")
    answers: dict[str, Answer] = Field(default_factory=dict, description="by request name")
    takes: dict[str, Take] = Field(default_factory=dict, description="by shot id and build key")
    written_off: set[int] = Field(default_factory=set, description="ended versions whose open reservations are released")
    latest: AwareDatetime | None = Field(default=None, description="latest time that any event brought; never goes back")

    def copied(self) -> "FilmState":
        """A copy that may be written to. Written by hand: a deep copy of plans and briefs cost most of a decision."""
        own = {
            "versions": {number: version.copied() for number, version in self.versions.items()},
            "issued": dict(self.issued), "answers": dict(self.answers), "written_off": set(self.written_off),
            "takes": {name: take.model_copy() for name, take in self.takes.items()},
        }  # fmt: skip
        return self.model_copy(update=own)

    def version(self, number: int) -> VersionState:
        """The record of a version."""
        return self.versions.setdefault(number, VersionState(number=number))

    def take(self, shot_id: str, key: str) -> Take:
        """The record of a take."""
        return self.takes.setdefault(take_name(shot_id, key), Take())


def request_name(version: int, tier: Tier, shot_id: str, attempt: int) -> str:
    """Names one request within the film; also the discriminator of its fact, so any order of arrival gives one id."""
    return f"v{version}:{tier}:{shot_id}:{attempt}"


def take_name(shot_id: str, key: str) -> str:
    """Names the take of a shot within the film."""
    return f"{shot_id}/{key}"


def version_of(request: str) -> int:
    """The version that a request name belongs to."""
    return int(request.split(":", 1)[0][1:])
