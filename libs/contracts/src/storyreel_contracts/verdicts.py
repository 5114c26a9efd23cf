"""Safety's facts on `safety-verdicts`: nothing passes unchecked, no block is a dead end."""

from typing import ClassVar, Literal

from pydantic import AwareDatetime, Field

from storyreel_contracts.artifacts import ArtifactRef
from storyreel_contracts.base import Fact, Model, OpenEnum, Sha256, Version
from storyreel_contracts.brief import Tier


class PolicyRef(Model):
    """The policy in force when the verdict fell."""

    id: str
    version: str = Field(description="hash of the policy data")


class Severity(OpenEnum):
    """How much a finding weighs."""

    NOTE = "note"
    REVIEW = "review"
    BLOCK = "block"
    UNKNOWN = "unknown"


class Finding(Model):
    """One rule that fired, or was measured close to firing."""

    rule: str
    category: str
    severity: Severity
    where: str = Field(description="field, shot and frame, such as shots[2].caption or s03@1.20s")
    explanation: str
    score: float | None = Field(default=None, description="measured, in the rule's own unit")
    threshold: float | None = None
    evidence: ArtifactRef | None = None


class Remedy(Model):
    """A way out of a block."""

    action: Literal["rewrite", "new_seed", "replace_media", "human_review", "drop_caption", "slow_down"]
    explanation: str
    field: str = ""


class Verdict(Fact):
    """What every verdict says."""

    version: Version
    policy: PolicyRef
    findings: list[Finding] = Field(default_factory=list)
    reviewed_by: str = Field(default="", description="reviewer, where a person decided")


class Blocked(Verdict):
    """A verdict that stops something; always with a cause and at least one remedy."""

    remedies: list[Remedy] = Field(min_length=1)


class BriefCleared(Verdict):
    """The brief may be planned."""

    TYPE: ClassVar[str] = "brief.cleared.v1"


class BriefBlocked(Blocked):
    """The brief may not be planned as it is."""

    TYPE: ClassVar[str] = "brief.blocked.v1"


class PlanCleared(Verdict):
    """The plan's prompts, captions and narration may be rendered."""

    TYPE: ClassVar[str] = "plan.cleared.v1"
    plan_sha256: Sha256 | None = Field(
        default=None, description="the plan that this is about; none: written before plans were named"
    )


class PlanBlocked(Blocked):
    """The plan may not be rendered as it is."""

    TYPE: ClassVar[str] = "plan.blocked.v1"
    plan_sha256: Sha256 | None = Field(
        default=None, description="the plan that this is about; none: written before plans were named"
    )


class ShotCleared(Verdict):
    """This take may be cut into the film."""

    TYPE: ClassVar[str] = "shot.cleared.v1"
    shot_id: str
    tier: Tier
    key: str = Field(description="build key of the take")


class ShotBlocked(Blocked):
    """This take may not be cut into the film."""

    TYPE: ClassVar[str] = "shot.blocked.v1"
    shot_id: str
    tier: Tier
    key: str


class FilmCleared(Verdict):
    """The assembled cut may leave the house."""

    TYPE: ClassVar[str] = "film.cleared.v1"
    tier: Tier
    cut_key: str


class FilmBlocked(Blocked):
    """The assembled cut may not leave the house."""

    TYPE: ClassVar[str] = "film.blocked.v1"
    tier: Tier
    cut_key: str


class ReviewRequested(Fact):
    """A person must decide. Unanswered by `due_at`, the subject is blocked (fail closed)."""

    TYPE: ClassVar[str] = "review.requested.v1"
    version: Version
    review_id: str
    subject: Literal["brief", "plan", "shot", "film"]
    subject_key: str = Field(default="", description="shot or cut build key; empty for brief and plan")
    shot_id: str = ""
    policy: PolicyRef
    findings: list[Finding] = Field(min_length=1)
    remedies: list[Remedy] = Field(default_factory=list)
    due_at: AwareDatetime
