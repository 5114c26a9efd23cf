"""Facts about the film as a whole that come from outside: the gateway writes them to `gateway-films`."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from storyreel_contracts.artifacts import ArtifactRef
from storyreel_contracts.base import Fact, Model, OpenEnum, Sha256, Version
from storyreel_contracts.brief import Brief, Camera, Text
from storyreel_contracts.failures import FailureKind
from storyreel_contracts.problems import Problem


class BriefSubmitted(Brief, Fact):
    """A campaign wants a film. Signed on Kafka (Standard Webhooks headers); lost: the campaign sends it again."""

    TYPE: ClassVar[str] = "brief.submitted.v1"


class FilmRequested(Fact):
    """A brief was accepted: its tenant is known, its signature and media checked. Starts version 1."""

    TYPE: ClassVar[str] = "film.requested.v1"
    version: Version = 1
    brief: Brief
    brief_event_id: str
    brief_sha256: Sha256
    policy: str = Field(default="default", description="name of the tenant's safety policy")
    source: Literal["kafka", "http"] = "kafka"
    dry_run: bool = Field(default=False, description="plan, price and screen only; render nothing")


class BriefRejected(Fact):
    """A brief was not accepted; nothing was spent."""

    TYPE: ClassVar[str] = "brief.rejected.v1"
    brief_event_id: str
    campaign_ref: str = ""
    kind: FailureKind
    problems: list[Problem] = Field(min_length=1)


class ShotEdit(Model):
    """Change of one shot; None leaves a field as it is."""

    target: Literal["shot"] = "shot"
    shot_id: str
    caption: Text | None = None
    narration: Text | None = None
    prompt: str | None = Field(default=None, min_length=1, max_length=4_000)
    camera: Camera | None = None
    new_take: bool = Field(default=False, description="render again with another seed")


class BrandEdit(Model):
    """Change of the brand kit's words or colour; None leaves a field as it is."""

    target: Literal["brand"] = "brand"
    primary_color: str | None = Field(default=None, pattern=r"^#[0-9a-fA-F]{6}$")
    call_to_action: str | None = Field(default=None, max_length=80)


Edit = Annotated[ShotEdit | BrandEdit, Field(discriminator="target")]


class FilmEditRequested(Fact):
    """Someone changed the film: a new version begins, and what the edit does not reach keeps its bytes."""

    TYPE: ClassVar[str] = "film.edit-requested.v1"
    version: Version
    base_version: Version
    edits: list[Edit] = Field(min_length=1, max_length=60)
    requested_by: str


class FilmApproved(Fact):
    """A person let the finals of this version be rendered."""

    TYPE: ClassVar[str] = "film.approved.v1"
    version: Version
    approved_by: str


class FilmCancelled(Fact):
    """This version ends without a film. Terminal: written only by the winner of the outcome claim."""

    TYPE: ClassVar[str] = "film.cancelled.v1"
    version: Version
    reason: str
    requested_by: str
    superseded_by: Version | None = None


class ReviewDecision(OpenEnum):
    """What a reviewer said."""

    APPROVE = "approve"
    REJECT = "reject"
    UNKNOWN = "unknown"


class ReviewDecided(Fact):
    """A reviewer answered a review request."""

    TYPE: ClassVar[str] = "review.decided.v1"
    version: Version
    review_id: str
    decision: ReviewDecision
    reviewer: str
    note: str = Field(default="", max_length=2_000)


class FilmStatus(OpenEnum):
    """Where a film stands, in the words that outsiders see."""

    REJECTED = "rejected"
    SCREENING = "screening"
    PLANNING = "planning"
    IN_REVIEW = "in_review"
    PREVIEW = "rendering_preview"
    AWAITING_APPROVAL = "awaiting_approval"
    FINAL = "rendering_final"
    ASSEMBLING = "assembling"
    PUBLISHED = "published"
    FAILED = "failed"
    BLOCKED = "blocked"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"

    @property
    def terminal(self) -> bool:
        """Whether nothing more happens to this version."""
        return self in {self.REJECTED, self.PUBLISHED, self.FAILED, self.BLOCKED, self.CANCELLED}


class FilmUpdated(Fact):
    """Public status for campaign systems, written to `film-updates` whenever it changes."""

    TYPE: ClassVar[str] = "film.updated.v1"
    version: Version
    status: FilmStatus
    brief_event_id: str
    campaign_ref: str = ""
    detail: str = Field(default="", description="one sentence for people")
    price_micros: int = Field(default=0, ge=0, description="spent so far, millionths of a dollar")
    budget_micros: int = Field(default=0, ge=0)
    finish_at: str = Field(default="", description="expected finish, ISO 8601, or empty")
    problems: list[Problem] = Field(default_factory=list)
    files: dict[str, ArtifactRef] = Field(default_factory=dict, description="by file name, once published")
