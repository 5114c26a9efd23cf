"""Review requests as reviewers see them."""

from typing import Any, Literal

from storyreel_gateway.domain.files import evidence_names
from storyreel_gateway.domain.slots import Review
from storyreel_gateway.domain.state import FilmState, VersionState
from storyreel_gateway.domain.status import is_open
from storyreel_gateway.domain.view import ReviewView


def reviews_of(film: FilmState) -> list[ReviewView]:
    """All review requests of the film, next due first."""
    found = [
        _review(film, number, review_id, review)
        for number, version in film.versions.items()
        for review_id, review in version.reviews.items()
        if review.asked is not None
    ]
    return sorted((view for view in found if view is not None), key=lambda view: (view.due_at, view.review_id))


def _review(film: FilmState, number: int, review_id: str, review: Review) -> ReviewView | None:
    if review.asked is None:
        return None
    asked = review.asked.fact
    policy = f"{asked.policy.id}@{asked.policy.version[:12]}"
    return ReviewView(
        review_id=review_id, film_id=film.film_id, version=number, state=_review_state(film.version(number), review),
        subject=asked.subject, shot_id=asked.shot_id, due_at=asked.due_at, asked_at=review.asked.at, policy=policy,
        findings=asked.findings, remedies=asked.remedies, evidence=evidence_names(review_id, asked.findings), **_answer(review),
    )  # fmt: skip


def _review_state(version: VersionState, review: Review) -> Literal["open", "decided", "closed"]:
    if is_open(version, review):
        return "open"
    return "decided" if review.answered else "closed"


def _answer(review: Review) -> dict[str, Any]:
    answer = review.answered.fact if review.answered else None
    return {"decision": str(answer.decision), "reviewer": answer.reviewer, "note": answer.note} if answer else {}
