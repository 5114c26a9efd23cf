"""Folding facts into a film's state. Called by `decisions` for every fact of the seven topics that the gateway reads."""

from collections.abc import Callable
from typing import Any, Literal, TypeVar

from storyreel_contracts import (
    BriefRejected,
    CutRequested,
    Event,
    Fact,
    FilmApproved,
    FilmAssembled,
    FilmCancelled,
    FilmEditRequested,
    FilmFailed,
    FilmPlanned,
    FilmPublished,
    FilmRequested,
    ReviewDecided,
    ReviewRequested,
    ShotDowngraded,
    ShotDrifted,
    ShotMatched,
    ShotProgressed,
    ShotRendered,
    ShotRenderFailed,
)
from storyreel_contracts.verdicts import Blocked, Verdict

from storyreel_gateway.domain import slots as s
from storyreel_gateway.domain.state import HISTORY_LIMIT, FilmState, VersionState
from storyreel_gateway.domain.words import line_of

S = TypeVar("S", bound=s.Stamp)
_SUBJECTS: dict[str, s.Subject] = {"brief": "brief", "plan": "plan", "shot": "shot", "film": "film"}


def read(film: FilmState, event: Event) -> FilmState:
    """The film's state once `event` is known. Reading it twice, or earlier or later, makes no difference."""
    film = _with_line(film, event)
    film = film.model_copy(update={"film_id": event.film_id, "tenant_id": max(film.tenant_id, event.envelope.tenant_id)})
    data = event.data
    if isinstance(data, FilmRequested):
        film = film.model_copy(update={"requested": _first(film.requested, s.Requested(**_stamp(event), fact=data))})
    if isinstance(data, BriefRejected):
        return film.model_copy(update={"rejected": _last(film.rejected, _rejected(event, data))})
    number = getattr(data, "version", None)
    return film if number is None else _with_version(film, number, _read_version(film.version(number), event))


def _read_version(known: VersionState, event: Event) -> VersionState:
    if isinstance(event.data, Verdict):
        return _ruling(known, event, event.data)
    reader = _READERS.get(type(event.data))
    return known if reader is None else reader(known, event, event.data)


def _with_version(film: FilmState, number: int, version: VersionState) -> FilmState:
    return film.model_copy(update={"versions": {**film.versions, number: version}})


def _with_line(film: FilmState, event: Event) -> FilmState:
    line = line_of(event)
    if line is None or any(known.id == line.id for known in film.history):
        return film
    history = sorted([*film.history, line], key=lambda known: known.order, reverse=True)
    return film.model_copy(update={"history": history[:HISTORY_LIMIT]})


def _stamp(event: Event) -> dict[str, Any]:
    return {"at": event.envelope.occurred_at, "id": event.event_id}


def _first(known: S | None, new: S) -> S:
    return new if known is None else min(known, new, key=lambda slot: slot.order)


def _last(known: S | None, new: S) -> S:
    return new if known is None else max(known, new, key=lambda slot: slot.order)


def _put(version: VersionState, table: str, key: str, new: s.Stamp) -> VersionState:
    known = getattr(version, table)
    return version.model_copy(update={table: {**known, key: _last(known.get(key), new)}})


def _rejected(event: Event, data: BriefRejected) -> s.Rejected:
    return s.Rejected(**_stamp(event), **data.model_dump(include={"brief_event_id", "campaign_ref", "kind", "problems"}))


def _ruling(version: VersionState, event: Event, data: Verdict) -> VersionState:
    subject = _SUBJECTS[data.TYPE.split(".")[0]]
    blocked = isinstance(data, Blocked)
    key = getattr(data, "key", "") or getattr(data, "cut_key", "")
    ruling = s.Ruling(
        **_stamp(event), subject=subject, key=key, word="blocked" if blocked else "cleared", findings=data.findings,
        remedies=getattr(data, "remedies", []), reviewed_by=data.reviewed_by,
    )  # fmt: skip
    return _put(version, "rulings", f"{subject}:{key}", ruling)


def _edited(version: VersionState, event: Event, data: FilmEditRequested) -> VersionState:
    return version.model_copy(update={"edited": _first(version.edited, s.Edited(**_stamp(event), fact=data))})


def _planned(version: VersionState, event: Event, data: FilmPlanned) -> VersionState:
    new = s.Planned(**_stamp(event), attempt=data.attempt, plan=data.plan)
    return version.model_copy(update={"planned": _last(version.planned, new)})


def _take(version: VersionState, data: ShotProgressed | ShotRendered | ShotRenderFailed) -> tuple[str, s.Take]:
    key = f"{data.shot_id}/{data.tier}/{data.attempt}"
    return key, version.takes.get(key) or s.Take(shot_id=data.shot_id, tier=data.tier, attempt=data.attempt)


def _with_take(version: VersionState, key: str, take: s.Take, **update: Any) -> VersionState:
    return version.model_copy(update={"takes": {**version.takes, key: take.model_copy(update=update)}})


def _progressed(version: VersionState, _: Event, data: ShotProgressed) -> VersionState:
    key, take = _take(version, data)
    return _with_take(version, key, take, step=max(take.step, data.step), steps=max(take.steps, data.steps))


def _ended(version: VersionState, event: Event, data: ShotRendered | ShotRenderFailed) -> VersionState:
    key, take = _take(version, data)
    end = s.TakeEnd(
        **_stamp(event), key=data.key, artifact=getattr(data, "artifact", None), kind=getattr(data, "kind", None),
        reason=getattr(data, "reason", ""), cost_micros=data.cost_micros, device_seconds=data.device_seconds,
        reused=getattr(data, "reused", False),
    )  # fmt: skip
    return _with_take(version, key, take, end=_last(take.end, end))


def _matched(version: VersionState, event: Event, data: ShotMatched | ShotDrifted) -> VersionState:
    corrections = data.corrections if isinstance(data, ShotDrifted) else []
    word: Literal["matched", "drifted"] = "drifted" if isinstance(data, ShotDrifted) else "matched"
    match = s.Match(
        **_stamp(event), word=word, measures=data.measures, corrections=corrections, evidence=data.evidence,
        tier_gap=data.tier_gap,
    )  # fmt: skip
    return _put(version, "matches", data.key, match)


def _downgraded(version: VersionState, event: Event, data: ShotDowngraded) -> VersionState:
    new = s.Downgrade(**_stamp(event), quality=data.quality, reason=data.reason)
    return _put(version, "downgrades", f"{data.shot_id}/{data.tier}", new)


def _cut(version: VersionState, event: Event, data: CutRequested) -> VersionState:
    shots = {shot.shot_id: shot.key for shot in data.shots}
    return _put(version, "cuts", data.tier, s.Cut(**_stamp(event), cut_key=data.cut_key, publish=data.publish, shots=shots))


def _assembled(version: VersionState, event: Event, data: FilmAssembled) -> VersionState:
    parts = {n: getattr(data, n) for n in ("cut_key", "renditions", "captions", "timeline", "thumbnail")}
    return _put(version, "assembled", data.tier, s.Assembled(**_stamp(event), **parts))


def _approved(version: VersionState, event: Event, data: FilmApproved) -> VersionState:
    return version.model_copy(update={"approved": _first(version.approved, s.Approved(**_stamp(event), fact=data))})


def _asked(version: VersionState, event: Event, data: ReviewRequested) -> VersionState:
    review = version.reviews.get(data.review_id, s.Review())
    review = review.model_copy(update={"asked": _first(review.asked, s.Asked(**_stamp(event), fact=data))})
    return version.model_copy(update={"reviews": {**version.reviews, data.review_id: review}})


def _answered(version: VersionState, event: Event, data: ReviewDecided) -> VersionState:
    review = version.reviews.get(data.review_id, s.Review())
    review = review.model_copy(update={"answered": _first(review.answered, s.Answered(**_stamp(event), fact=data))})
    return version.model_copy(update={"reviews": {**version.reviews, data.review_id: review}})


def _published(version: VersionState, event: Event, data: FilmPublished) -> VersionState:
    end = s.Outcome(
        **_stamp(event), word="published", files=data.files, provenance=data.provenance, cost_micros=data.cost_micros
    )
    return version.model_copy(update={"outcome": _first(version.outcome, end)})


def _failed(version: VersionState, event: Event, data: FilmFailed) -> VersionState:
    end = s.Outcome(
        **_stamp(event), word="failed", kind=data.kind, reason=data.reason, problems=data.problems, remedies=data.remedies
    )
    return version.model_copy(update={"outcome": _first(version.outcome, end)})


def _cancelled(version: VersionState, event: Event, data: FilmCancelled) -> VersionState:
    end = s.Outcome(**_stamp(event), word="cancelled", reason=data.reason)
    return version.model_copy(update={"outcome": _first(version.outcome, end)})


_READERS: dict[type[Fact], Callable[[VersionState, Event, Any], VersionState]] = {
    FilmEditRequested: _edited,
    FilmPlanned: _planned,
    ShotProgressed: _progressed,
    ShotRendered: _ended,
    ShotRenderFailed: _ended,
    ShotMatched: _matched,
    ShotDrifted: _matched,
    ShotDowngraded: _downgraded,
    CutRequested: _cut,
    FilmAssembled: _assembled,
    FilmApproved: _approved,
    ReviewRequested: _asked,
    ReviewDecided: _answered,
    FilmPublished: _published,
    FilmFailed: _failed,
    FilmCancelled: _cancelled,
}
