"""What outsiders see of a film: the JSON of `GET /v1/films/{id}` and the values behind the page."""

from datetime import datetime
from typing import Literal

from pydantic import Field
from storyreel_contracts import FilmStatus, Finding, Model, Plan, Problem, Provenance, Remedy
from storyreel_contracts.plan import Scene
from storyreel_contracts.takes import Correction, Measure, TierGap

from storyreel_gateway.domain.slots import Line
from storyreel_gateway.domain.status import Stage


class File(Model):
    """Something to download."""

    media_type: str
    size: int
    sha256: str
    href: str


class ShotView(Model):
    """One shot as it stands."""

    shot_id: str
    start_s: float
    duration_s: float
    prompt: str
    caption: str
    narration: str
    camera: str
    end_card: bool
    tier: str = ""
    attempt: int = 0
    status: Literal["waiting", "rendering", "rendered", "failed"] = "waiting"
    step: int = 0
    steps: int = 0
    progress: float = 0.0
    reason: str = Field(default="", description="why the newest take was lost or downgraded")
    safety: Literal["cleared", "blocked", "review", "pending"] = "pending"
    findings: list[Finding] = Field(default_factory=list, description="what safety found in the newest take")
    continuity: Literal["matched", "drifted", "pending"] = "pending"
    measures: list[Measure] = Field(default_factory=list, description="what continuity measured on the newest take")
    corrections: list[Correction] = Field(default_factory=list)
    tier_gap: TierGap | None = Field(default=None, description="how far the newest final is from the preview that was approved")
    price_micros: int = Field(default=0, description="all attempts of all tiers")
    device_seconds: float = 0.0
    reused: bool = False
    quality: str = Field(default="", description="quality class, where it is below what was asked")
    artifact: str = Field(default="", description="name of the newest take among the film's artifacts")


class ReviewView(Model):
    """One review request."""

    review_id: str
    film_id: str
    version: int
    state: Literal["open", "decided", "closed"]
    subject: str
    shot_id: str
    due_at: datetime
    asked_at: datetime
    policy: str
    findings: list[Finding]
    remedies: list[Remedy]
    evidence: list[str] = Field(default_factory=list, description="artifact names")
    decision: str = ""
    reviewer: str = ""
    note: str = ""


class VersionView(Model):
    """A version in one line."""

    version: int
    status: FilmStatus
    base_version: int | None = None
    edits: list[dict[str, object]] = Field(default_factory=list)


class Script(Model):
    """The story of the plan."""

    title: str
    logline: str
    scenes: list[Scene]


class Summary(Model):
    """A film in one row; also what every live event carries."""

    film_id: str
    version: int
    status: FilmStatus
    detail: str
    title: str
    campaign_ref: str
    tier: str
    terminal: bool
    price_micros: int
    budget_micros: int
    finish_at: str
    requested_at: datetime | None
    updated_at: datetime | None


class FilmView(Summary):
    """Everything about a film."""

    tenant_id: str
    brief_event_id: str
    source: str
    dry_run: bool
    approval: str
    prompt: str
    duration_s: float
    aspects: list[str]
    fps: int
    estimate_micros: int
    shots: list[ShotView]
    stages: list[Stage]
    facts: list[Line]
    problems: list[Problem]
    remedies: list[Remedy]
    findings: list[Finding]
    reviews: list[ReviewView]
    files: dict[str, File] = Field(description="the published film's files")
    artifacts: dict[str, File] = Field(description="files, previews, takes and evidence")
    provenance: Provenance | None
    versions: list[VersionView]
    script: Script | None
    links: dict[str, str]


class DryRun(Model):
    """Answer to a dry run: what the film would be and cost."""

    film_id: str
    verdict: Literal["cleared", "blocked", "review"]
    findings: list[Finding]
    remedies: list[Remedy]
    price_micros: int
    finish_at: str
    script: Script | None
    shots: list[ShotView]
    plan: Plan | None
