"""The answer to a dry run, read from the film's state."""

from typing import Literal

from storyreel_gateway.domain.presenting import findings_of, remedies_of, script_of
from storyreel_gateway.domain.shots import shots_of
from storyreel_gateway.domain.slots import Ruling
from storyreel_gateway.domain.state import FilmState, VersionState
from storyreel_gateway.domain.status import is_open
from storyreel_gateway.domain.view import DryRun


def dry_run_of(film: FilmState) -> DryRun | None:
    """The answer to a dry run; None while plan or verdict is missing."""
    version = film.version(1)
    verdict = _dry_verdict(version)
    if verdict is None:
        return None
    planned, blocked = version.planned, _blocked(version)
    estimate = planned.plan.estimate if planned else None
    remedies = blocked.remedies if blocked else remedies_of(version)
    return DryRun(
        film_id=film.film_id, verdict=verdict, findings=findings_of(version), remedies=remedies,
        price_micros=estimate.price_micros if estimate else 0, finish_at=estimate.finish_at.isoformat() if estimate else "",
        script=script_of(version), shots=shots_of(film, 1), plan=planned.plan if planned else None,
    )  # fmt: skip


def _dry_verdict(version: VersionState) -> Literal["cleared", "blocked", "review"] | None:
    if any(is_open(version, review) for review in version.reviews.values()):
        return "review"
    if _blocked(version) is not None or (version.outcome is not None and version.outcome.word == "failed"):
        return "blocked"
    ruling = version.rulings.get("plan:")
    return "cleared" if version.planned is not None and ruling is not None and ruling.word == "cleared" else None


def _blocked(version: VersionState) -> Ruling | None:
    rulings = [version.rulings[k] for k in ("brief:", "plan:") if k in version.rulings]
    return next((r for r in rulings if r.word == "blocked"), None)
