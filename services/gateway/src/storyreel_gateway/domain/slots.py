"""The slots that a film's state is made of; each holds what one fact, or a few that belong together, said."""

from typing import Literal

from pydantic import AwareDatetime, Field
from storyreel_contracts import (
    ArtifactRef,
    FailureKind,
    FilmApproved,
    FilmEditRequested,
    FilmRequested,
    Finding,
    Model,
    Plan,
    Problem,
    Provenance,
    Remedy,
    Rendition,
    ReviewDecided,
    ReviewRequested,
    Tier,
)
from storyreel_contracts.takes import Correction, Measure, TierGap

Subject = Literal["brief", "plan", "shot", "film"]


class Stamp(Model):
    """When a fact happened and which one it was; gives every slot its order."""

    at: AwareDatetime
    id: str

    @property
    def order(self) -> tuple[float, str]:
        """Total order of facts: time, then id."""
        return (self.at.timestamp(), self.id)


class Line(Stamp):
    """One fact in plain words."""

    type: str
    text: str
    version: int = 1
    shot_id: str = ""


class Requested(Stamp):
    """The accepted brief."""

    fact: FilmRequested


class Rejected(Stamp):
    """The brief as refused."""

    brief_event_id: str
    campaign_ref: str
    kind: FailureKind
    problems: list[Problem]


class Edited(Stamp):
    """The edit that began a version."""

    fact: FilmEditRequested


class Ruling(Stamp):
    """What safety said of a brief, plan, take or cut."""

    subject: Subject
    key: str
    word: Literal["cleared", "blocked"]
    findings: list[Finding]
    remedies: list[Remedy]
    reviewed_by: str


class Planned(Stamp):
    """A plan; of several attempts the highest counts."""

    attempt: int
    plan: Plan

    @property
    def order(self) -> tuple[float, str]:
        """Later attempts win, whatever the clocks say."""
        return (float(self.attempt), self.id)


class TakeEnd(Stamp):
    """How a render ended."""

    key: str
    artifact: ArtifactRef | None
    kind: FailureKind | None
    reason: str
    cost_micros: int
    device_seconds: float
    reused: bool


class Take(Model):
    """One attempt at a shot in one tier."""

    shot_id: str
    tier: Tier
    attempt: int
    step: int = 0
    steps: int = 0
    end: TakeEnd | None = None


class Match(Stamp):
    """What continuity said of a take."""

    word: Literal["matched", "drifted"]
    measures: list[Measure]
    corrections: list[Correction]
    evidence: ArtifactRef | None
    tier_gap: TierGap | None = None


class Downgrade(Stamp):
    """A shot accepted below what was asked."""

    quality: str
    reason: str


class Cut(Stamp):
    """A cut that was asked for."""

    cut_key: str
    publish: bool
    shots: dict[str, str] = Field(description="build key of the chosen take by shot")


class Assembled(Stamp):
    """A cut that exists."""

    cut_key: str
    renditions: list[Rendition]
    captions: ArtifactRef
    timeline: ArtifactRef
    thumbnail: ArtifactRef


class Approved(Stamp):
    """A person let the finals be rendered."""

    fact: FilmApproved


class Asked(Stamp):
    """A review that was asked for."""

    fact: ReviewRequested


class Answered(Stamp):
    """A review that was decided."""

    fact: ReviewDecided


class Review(Model):
    """A review request with its answer, whichever came first."""

    asked: Asked | None = None
    answered: Answered | None = None


class Outcome(Stamp):
    """How a version ended."""

    word: Literal["published", "failed", "cancelled"]
    kind: FailureKind | None = None
    reason: str = ""
    files: dict[str, ArtifactRef] = Field(default_factory=dict)
    provenance: Provenance | None = None
    cost_micros: int = 0
    problems: list[Problem] = Field(default_factory=list)
    remedies: list[Remedy] = Field(default_factory=list)
