"""Where a film stands, in one word. Used for metrics only; decisions never read it."""

from datetime import datetime

from storyreel_contracts import Tier

from storyreel_planner.domain.state import FilmState, VersionState


def standing(state: FilmState) -> tuple[str, datetime | None]:
    """State of the newest living version and when it began; no time if nothing is unfinished."""
    living = [v for v in state.versions.values() if v.live]
    if not living:
        return "ended", None
    newest = max(living, key=lambda v: v.number)
    return _stage(newest, state), newest.at


def _stage(version: VersionState, state: FilmState) -> str:
    if version.brief_verdict is None and version.base is None and not version.plans:
        return "screening"
    if not version.plans:
        return "planning"
    if version.plan_verdict is None:
        return "plan_screening"
    return "answered" if state.dry_run else _production(version)


def _production(version: VersionState) -> str:
    cuts = {name.split(":", 1)[0]: cut for name, cut in version.cuts.items()}
    publish = version.plan.publish_tier if version.plan else Tier.FINAL
    if publish in cuts:
        return "publishing" if cuts[publish].verdict else "assembling"
    if Tier.PREVIEW in cuts and not version.finals_open:
        return "awaiting_approval" if cuts[Tier.PREVIEW].verdict else "assembling_preview"
    return "rendering_final" if version.finals_open else "rendering_preview"
