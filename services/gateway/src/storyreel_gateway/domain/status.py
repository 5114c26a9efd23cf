"""Where a film stands, worked out from its slots; and when each stage began."""

from collections.abc import Iterator
from datetime import datetime

from storyreel_contracts import Approval, FailureKind, FilmStatus, Model, Tier
from storyreel_contracts.verdicts import ReviewRequested

from storyreel_gateway.domain.slots import Review
from storyreel_gateway.domain.state import FilmState, VersionState


class Stage(Model):
    """A stage that a version entered."""

    status: FilmStatus
    at: datetime
    version: int


def status_of(film: FilmState) -> FilmStatus:
    """Status of the newest version, in the words that outsiders see."""
    return status_of_version(film, film.newest)


def status_of_version(film: FilmState, number: int) -> FilmStatus:
    """Status of one version."""
    version = film.version(number)
    if version.outcome is not None:
        return outcome_status(version)
    if film.requested is None and not film.versions:
        return FilmStatus.UNKNOWN if film.rejected is None else FilmStatus.REJECTED
    if any(is_open(version, review) for review in version.reviews.values()):
        return FilmStatus.IN_REVIEW
    reached = [stage.status for stage in _stages(film, number)]
    return reached[-1] if reached else FilmStatus.SCREENING


def outcome_status(version: VersionState) -> FilmStatus:
    """Status of a version that has ended."""
    outcome = version.outcome
    if outcome is None:
        return FilmStatus.UNKNOWN
    if outcome.word == "failed":
        return FilmStatus.BLOCKED if outcome.kind == FailureKind.POLICY_BLOCKED else FilmStatus.FAILED
    return FilmStatus.PUBLISHED if outcome.word == "published" else FilmStatus.CANCELLED


def is_open(version: VersionState, review: Review) -> bool:
    """Whether a review still waits for a person: asked, not answered, and its subject not ruled on since."""
    if review.asked is None or review.answered is not None or version.outcome is not None:
        return False
    ruling = version.rulings.get(subject_of(review.asked.fact))
    return ruling is None or ruling.order < review.asked.order


def subject_of(request: ReviewRequested) -> str:
    """Key of the ruling that a review is about."""
    return f"{request.subject}:{request.subject_key}"


def open_reviews(film: FilmState) -> dict[str, tuple[int, Review]]:
    """Reviews that wait for a person, with their version, by review id."""
    return {
        review_id: (number, review)
        for number, version in film.versions.items()
        for review_id, review in version.reviews.items()
        if is_open(version, review)
    }


def stages_of(film: FilmState) -> list[Stage]:
    """Every stage of every version with the time it began, oldest first."""
    if film.requested is None and film.rejected is not None and not film.versions:
        return [Stage(status=FilmStatus.REJECTED, at=film.rejected.at, version=1)]
    found = [stage for number in film.versions for stage in (*_stages(film, number), *_closing(film, number))]
    return sorted(found, key=lambda stage: (stage.version, stage.at))


def _closing(film: FilmState, number: int) -> Iterator[Stage]:
    version = film.version(number)
    for review in version.reviews.values():
        if review.asked is not None:
            yield Stage(status=FilmStatus.IN_REVIEW, at=review.asked.at, version=number)
    if version.outcome is not None:
        yield Stage(status=outcome_status(version), at=version.outcome.at, version=number)


def _stages(film: FilmState, number: int) -> list[Stage]:
    """Stages on the straight way that this version has reached, in the film's order (not the clock's)."""
    marks = _marks(film, film.version(number))
    return [Stage(status=status, at=at, version=number) for status, at in marks if at is not None]


def _marks(film: FilmState, version: VersionState) -> list[tuple[FilmStatus, datetime | None]]:
    edited = version.edited.at if version.edited else None
    requested = film.requested.at if film.requested and not edited else None
    planned = version.planned.at if version.planned else None
    return [
        (FilmStatus.SCREENING, requested),
        (FilmStatus.PLANNING, edited or _ruled(version, "brief:") or planned),
        (FilmStatus.PREVIEW, _rendering_since(version)),
        (FilmStatus.AWAITING_APPROVAL, _waiting_since(film, version)),
        (FilmStatus.FINAL, _finals_since(film, version)),
        (FilmStatus.ASSEMBLING, _assembling_since(version)),
    ]


def _ruled(version: VersionState, key: str) -> datetime | None:
    ruling = version.rulings.get(key)
    return ruling.at if ruling is not None and ruling.word == "cleared" else None


def _rendering_since(version: VersionState) -> datetime | None:
    begun = [take.end.at for take in version.takes.values() if take.tier != Tier.FINAL and take.end is not None]
    return _ruled(version, "plan:") or min(begun, default=None)


def _waiting_since(film: FilmState, version: VersionState) -> datetime | None:
    by_person = film.requested is not None and film.requested.fact.brief.approval == Approval.PERSON
    return _preview_cleared(version) if by_person and version.approved is None else None


def _preview_cleared(version: VersionState) -> datetime | None:
    cut = version.cuts.get(Tier.PREVIEW)
    return None if cut is None or cut.publish else _ruled(version, f"film:{cut.cut_key}")


def _finals_since(film: FilmState, version: VersionState) -> datetime | None:
    begun = [take.end.at for take in version.takes.values() if take.tier == Tier.FINAL and take.end is not None]
    if version.approved is not None:
        return version.approved.at
    automatic = film.requested is None or film.requested.fact.brief.approval != Approval.PERSON
    return (_preview_cleared(version) if automatic else None) or min(begun, default=None)


def _assembling_since(version: VersionState) -> datetime | None:
    asked = [cut.at for tier, cut in version.cuts.items() if cut.publish or tier == Tier.FINAL]
    return min(asked, default=None)
