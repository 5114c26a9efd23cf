"""A film's state as outsiders see it. Called by the routes, by `decisions` for live events, by the pages."""

from storyreel_contracts import FilmStatus, Finding, Problem, Provenance, Remedy, Tier

from storyreel_gateway.domain.files import files_of, published_of
from storyreel_gateway.domain.reviewing import reviews_of
from storyreel_gateway.domain.shots import accepted_count, shots_of
from storyreel_gateway.domain.state import FilmState, VersionState
from storyreel_gateway.domain.status import stages_of, status_of, status_of_version
from storyreel_gateway.domain.view import (
    FilmView,
    Script,
    Summary,
    VersionView,
)

_STEPS = {
    FilmStatus.SCREENING: "Safety reads the brief.",
    FilmStatus.PLANNING: "The plan is being written and checked.",
    FilmStatus.IN_REVIEW: "A person must decide before the film goes on.",
    FilmStatus.AWAITING_APPROVAL: "The preview waits for your approval.",
    FilmStatus.ASSEMBLING: "The film is being cut, checked and signed.",
    FilmStatus.PUBLISHED: "The film is published.",
}


def links_of(film_id: str) -> dict[str, str]:
    """Where to go next; relative to the gateway's address. Clients follow these and build none themselves."""
    base = f"/v1/films/{film_id}"
    actions = {name: f"{base}/{name}" for name in ("events", "edits", "approve", "cancel", "artifacts")}
    return {"self": base, **actions, "page": f"/films/{film_id}"}


def spent_micros(film: FilmState) -> int:
    """What the film has cost so far, lost takes and earlier versions included, millionths of a dollar."""
    ends = [take.end for version in film.versions.values() for take in version.takes.values() if take.end]
    return sum(end.cost_micros for end in ends if not end.reused)


def summary_of(film: FilmState) -> Summary:
    """The film in one row."""
    status, brief = status_of(film), film.requested.fact.brief if film.requested else None
    planned = film.version(film.newest).planned
    finish = planned.plan.estimate.finish_at.isoformat() if planned and not status.terminal else ""
    reference = film.rejected.campaign_ref if film.rejected and brief is None else ""
    return Summary(
        film_id=film.film_id, version=film.newest, status=status, detail=detail_of(film, status), title=title_of(film),
        campaign_ref=brief.campaign_ref if brief else reference, tier=brief.tier if brief else "",
        terminal=status.terminal, price_micros=spent_micros(film), budget_micros=brief.budget.micros if brief else 0,
        finish_at=finish, requested_at=film.requested.at if film.requested else None,
        updated_at=film.history[0].at if film.history else None,
    )  # fmt: skip


def title_of(film: FilmState) -> str:
    """The brief's title, else the plan's, else the beginning of the prompt."""
    brief = film.requested.fact.brief if film.requested else None
    planned = film.version(film.newest).planned
    prompt = brief.prompt if brief else ""
    short = prompt if len(prompt) <= 60 else f"{prompt[:59].rstrip()}…"
    nameless = "Refused brief" if brief is None and film.rejected else "Film"
    return (brief.title if brief else "") or (planned.plan.title if planned else "") or short or nameless


def detail_of(film: FilmState, status: FilmStatus) -> str:
    """One sentence on where the film stands."""
    version = film.version(film.newest)
    if status == FilmStatus.REJECTED and film.rejected is not None:
        return f"{film.rejected.problems[0].field}: {film.rejected.problems[0].reason}"
    if status in {FilmStatus.FAILED, FilmStatus.BLOCKED, FilmStatus.CANCELLED} and version.outcome is not None:
        return version.outcome.reason
    if status in {FilmStatus.PREVIEW, FilmStatus.FINAL}:
        return _rendering(film, "final" if status == FilmStatus.FINAL else "preview")
    return _STEPS.get(status, "")


def film_view(film: FilmState) -> FilmView:
    """Everything about the film."""
    number, version = film.newest, film.version(film.newest)
    planned, brief = version.planned, film.requested.fact.brief if film.requested else None
    return FilmView(
        **dict(summary_of(film)), tenant_id=film.tenant_id, brief_event_id=brief_event_id(film),
        source=film.requested.fact.source if film.requested else "", dry_run=is_dry_run(film),
        approval=str(brief.approval) if brief else "", prompt=brief.prompt if brief else "",
        duration_s=brief.duration_s if brief else 0.0, aspects=list(brief.aspects) if brief else [],
        fps=planned.plan.fps if planned else 0, estimate_micros=planned.plan.estimate.price_micros if planned else 0,
        shots=shots_of(film, number), stages=stages_of(film), facts=film.history, problems=_problems(film, version),
        remedies=remedies_of(version), findings=findings_of(version), reviews=reviews_of(film), files=published_of(film),
        artifacts=files_of(film),
        provenance=_provenance(film), versions=_versions(film), script=script_of(version), links=links_of(film.film_id),
    )  # fmt: skip


def brief_event_id(film: FilmState) -> str:
    """Event id of the brief, accepted or refused."""
    if film.requested is not None:
        return film.requested.fact.brief_event_id
    return film.rejected.brief_event_id if film.rejected else ""


def is_dry_run(film: FilmState) -> bool:
    """Whether the film ends with its plan."""
    return film.requested is not None and film.requested.fact.dry_run


def _rendering(film: FilmState, tier: str) -> str:
    planned = film.version(film.newest).planned
    shots = len(planned.plan.shots) if planned else 0
    return f"{accepted_count(film, film.newest, {tier, Tier.FINAL})} of {shots} shots are accepted ({tier})."


def _problems(film: FilmState, version: VersionState) -> list[Problem]:
    if film.requested is None and film.rejected is not None:
        return film.rejected.problems
    return version.outcome.problems if version.outcome else []


def remedies_of(version: VersionState) -> list[Remedy]:
    """Ways out, where the version failed."""
    return version.outcome.remedies if version.outcome else []


def findings_of(version: VersionState) -> list[Finding]:
    """What safety found in brief, plan and cut."""
    whole = [ruling for key, ruling in sorted(version.rulings.items()) if ruling.subject != "shot"]
    return [finding for ruling in whole for finding in ruling.findings]


def _provenance(film: FilmState) -> Provenance | None:
    ended = [film.versions[n].outcome for n in sorted(film.versions, reverse=True)]
    return next((outcome.provenance for outcome in ended if outcome is not None and outcome.provenance), None)


def _versions(film: FilmState) -> list[VersionView]:
    return [_version(film, number) for number in sorted(film.versions, reverse=True)]


def _version(film: FilmState, number: int) -> VersionView:
    edited, status = film.version(number).edited, status_of_version(film, number)
    if edited is None:
        return VersionView(version=number, status=status)
    edits = [edit.model_dump(mode="json", exclude_none=True) for edit in edited.fact.edits]
    return VersionView(version=number, status=status, base_version=edited.fact.base_version, edits=edits)


def script_of(version: VersionState) -> Script | None:
    """The story of the version's plan, once there is one."""
    plan = version.planned.plan if version.planned else None
    return None if plan is None else Script(title=plan.title, logline=plan.logline, scenes=plan.scenes)
