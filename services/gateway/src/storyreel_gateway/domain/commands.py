"""What people may ask of a film: the rules, and the facts that follow. Pure; the claim of the outcome is the workflow's."""

from collections.abc import Sequence
from datetime import datetime

from storyreel_contracts import (
    Envelope,
    Event,
    Fact,
    FilmApproved,
    FilmCancelled,
    FilmEditRequested,
    FilmStatus,
    Plan,
    Problem,
    ReviewDecided,
)
from storyreel_contracts.films import Edit, ReviewDecision, ShotEdit
from storyreel_contracts.ids import event_id

from storyreel_gateway.domain.briefs import SOURCE
from storyreel_gateway.domain.state import FilmState
from storyreel_gateway.domain.status import status_of
from storyreel_gateway.domain.view import ReviewView


class RefusedError(Exception):
    """The film is not where it would have to be; `reason` says where it is."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def cancelled(film: FilmState, version: int, reason: str, by: str, at: datetime, next_version: int | None = None) -> Event:
    """`film.cancelled` of a version; one fact per version, whoever asks and however often."""
    data = FilmCancelled(version=version, reason=reason, requested_by=by, superseded_by=next_version)
    return _event(film, data, f"v{version}", at)


def approved(film: FilmState, by: str, at: datetime) -> Event:
    """`film.approved` of the newest version. Raises RefusedError unless it waits for that."""
    version, status = film.newest, status_of(film)
    if film.version(version).approved is None and status != FilmStatus.AWAITING_APPROVAL:
        raise RefusedError(f"version {version} does not wait for approval; it is {status}")
    return _event(film, FilmApproved(version=version, approved_by=by), f"v{version}", at)


def edited(film: FilmState, edits: Sequence[Edit], by: str, at: datetime) -> Event:
    """`film.edit-requested` that begins the next version. Raises RefusedError while nothing is planned."""
    base = film.newest
    if film.version(base).planned is None:
        raise RefusedError(f"version {base} has no plan yet, so there is nothing to edit; it is {status_of(film)}")
    data = FilmEditRequested(version=base + 1, base_version=base, edits=list(edits), requested_by=by)
    return _event(film, data, f"v{base + 1}", at)


def edit_problems(film: FilmState, edits: Sequence[Edit]) -> list[Problem]:
    """Edits that name a shot which the plan does not have."""
    planned = film.version(film.newest).planned
    known = _shot_ids(planned.plan) if planned else []
    return [
        Problem(
            field=f"edits[{i}].shot_id", reason=f"there is no shot {edit.shot_id}", remedy=f"choose one of {', '.join(known)}"
        )
        for i, edit in enumerate(edits)
        if isinstance(edit, ShotEdit) and edit.shot_id not in known
    ]


def decided(film: FilmState, review: ReviewView, decision: ReviewDecision, by: str, note: str, at: datetime) -> Event:
    """`review.decided`: one answer per review."""
    data = ReviewDecided(version=review.version, review_id=review.review_id, decision=decision, reviewer=by, note=note)
    return _event(film, data, review.review_id, at)


def _shot_ids(plan: Plan) -> list[str]:
    return [shot.shot_id for shot in plan.shots]


def _event(film: FilmState, data: Fact, mark: str, at: datetime) -> Event:
    identity = event_id(film.film_id, data.TYPE, mark)
    deadline = film.requested.fact.brief.deadline if film.requested else None
    envelope = Envelope(
        event_id=identity, type=data.TYPE, source=SOURCE, film_id=film.film_id, tenant_id=film.tenant_id, occurred_at=at,
        cause_id=film.requested.id if film.requested else "", deadline=deadline,
    )  # fmt: skip
    return Event(envelope, data)
