"""What is screened and what came of it: the values that decider, performer and checks pass to each other."""

from typing import Literal

from pydantic import BaseModel, Field
from storyreel_contracts import ArtifactRef, Finding, PolicyRef, Remedy, Severity, Tier

from storyreel_safety.domain.policy import Stage
from storyreel_safety.domain.words import Mark, Passage

UNAVAILABLE, OVERDUE, NO_POLICY = "check-unavailable", "review-overdue", "policy-missing"


class Subject(BaseModel):
    """What a verdict is about."""

    kind: Literal["brief", "plan", "shot", "film"]
    version: int
    key: str = ""  # build key of a shot or cut
    shot_id: str = ""
    tier: Tier = Tier.UNKNOWN


class Clip(BaseModel):
    """A picture or film to look at, and how findings name it."""

    where: str
    artifact: ArtifactRef


class ScreenWords(BaseModel):
    """Work: judge these passages."""

    policy: str
    category: str
    passages: list[Passage]


class ScreenFootage(BaseModel):
    """Work: look at every frame of these clips."""

    policy: str
    category: str
    stage: Stage
    clips: list[Clip]


class Screening(BaseModel):
    """Outcome of a work: all checks of the stage ran, or the finding says which did not."""

    policy: PolicyRef
    marks: list[Mark] = Field(default_factory=list)
    remedies: list[Remedy] = Field(default_factory=list)
    review_due_s: int = 86_400


def refusal(policy: PolicyRef, rule: str, reason: str) -> Screening:
    """A screening that blocks because it could not be done: fail closed."""
    finding = Finding(rule=rule, category="operations", severity=Severity.BLOCK, where="", explanation=reason)
    way = Remedy(
        action="human_review", explanation="An operator brings the check back; then ask for the same again: nothing is lost."
    )
    return Screening(policy=policy, marks=[Mark(finding=finding, about=rule)], remedies=[way])
