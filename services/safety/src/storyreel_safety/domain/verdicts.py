"""From findings to one of three outcomes: cleared, review requested, blocked. Called by the decider only."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

from pydantic import AwareDatetime, BaseModel
from storyreel_contracts import (
    BriefBlocked,
    BriefCleared,
    Fact,
    FilmBlocked,
    FilmCleared,
    Finding,
    PlanBlocked,
    PlanCleared,
    PolicyRef,
    Remedy,
    ReviewRequested,
    Severity,
    ShotBlocked,
    ShotCleared,
)  # fmt: skip

from storyreel_safety.domain.screening import Screening, Subject
from storyreel_safety.domain.words import weight

_CLEARED: dict[str, type[Fact]] = {"brief": BriefCleared, "plan": PlanCleared, "shot": ShotCleared, "film": FilmCleared}
_BLOCKED: dict[str, type[Fact]] = {"brief": BriefBlocked, "plan": PlanBlocked, "shot": ShotBlocked, "film": FilmBlocked}
_LAST_WAY = Remedy(action="human_review", explanation="Ask a reviewer of your tenant to look at it.")


class OpenReview(BaseModel):
    """A question that a person has been asked."""

    subject: Subject
    policy: PolicyRef
    findings: list[Finding]
    about: list[str]  # what a yes would accept
    remedies: list[Remedy]
    due_at: AwareDatetime


def severity_of(findings: Sequence[Finding]) -> Severity:
    """The weightiest severity; NOTE where there is none."""
    return max((f.severity for f in findings), key=weight, default=Severity.NOTE)


def with_accepted(screening: Screening, accepted: Mapping[str, str]) -> tuple[list[Finding], str]:
    """Findings after what a reviewer accepted in this film has become a note, and that reviewer's name.

    Only what a reviewer may decide is ever accepted: a block stays a block.
    """
    reviewers = [accepted.get(m.about, "") if m.finding.severity is Severity.REVIEW else "" for m in screening.marks]
    findings = [
        m.finding.model_copy(update={"severity": Severity.NOTE}) if who else m.finding
        for m, who in zip(screening.marks, reviewers, strict=True)
    ]
    return findings, next((who for who in reviewers if who), "")


def cleared(subject: Subject, policy: PolicyRef, findings: Sequence[Finding], reviewer: str = "") -> Fact:
    """The verdict that lets the subject pass. Raises ValueError where a finding stands against it."""
    if severity_of(findings) is not Severity.NOTE:
        raise ValueError(f"{subject.kind} may not be cleared against its findings")
    said = {"policy": policy, "findings": list(findings), "reviewed_by": reviewer}
    return _CLEARED[subject.kind].model_validate(_named(subject) | said)


def blocked(
    subject: Subject, policy: PolicyRef, findings: Sequence[Finding], ways: Sequence[Remedy], reviewer: str = ""
) -> Fact:
    """The verdict that stops the subject, never without a way out."""
    said = {"policy": policy, "findings": list(findings), "remedies": list(ways) or [_LAST_WAY], "reviewed_by": reviewer}
    return _BLOCKED[subject.kind].model_validate(_named(subject) | said)


def review_requested(review_id: str, review: OpenReview) -> ReviewRequested:
    """The question to a person."""
    subject = review.subject
    return ReviewRequested(
        version=subject.version,
        review_id=review_id,
        subject=subject.kind,
        subject_key=subject.key if subject.kind in {"shot", "film"} else "",
        shot_id=subject.shot_id,
        policy=review.policy,
        findings=review.findings,
        remedies=review.remedies or [_LAST_WAY],
        due_at=review.due_at,
    )


def open_review(subject: Subject, screening: Screening, findings: list[Finding], asked_at: AwareDatetime) -> OpenReview:
    """A review that is due when the policy says, counted from the event that asked for it."""
    return OpenReview(
        subject=subject,
        policy=screening.policy,
        findings=findings,
        about=[m.about for m in screening.marks if m.finding.severity is Severity.REVIEW],
        remedies=screening.remedies,
        due_at=asked_at + timedelta(seconds=screening.review_due_s),
    )


def _named(subject: Subject) -> dict[str, object]:
    by_kind: dict[str, dict[str, object]] = {
        "plan": {"plan_sha256": subject.key},
        "shot": {"shot_id": subject.shot_id, "tier": subject.tier, "key": subject.key},
        "film": {"tier": subject.tier, "cut_key": subject.key},
    }
    return {"version": subject.version} | by_kind.get(subject.kind, {})
