"""Facts in plain words, each from its own data alone, so that the words do not depend on what came before."""

from collections.abc import Callable
from typing import Any

from storyreel_contracts import (
    BriefRejected,
    CutRequested,
    Event,
    Fact,
    FilmApproved,
    FilmAssembled,
    FilmAssemblyFailed,
    FilmCancelled,
    FilmEditRequested,
    FilmFailed,
    FilmPlanned,
    FilmPublished,
    FilmRequested,
    FilmUpdated,
    Plan,
    ReviewDecided,
    ReviewRequested,
    ShotDowngraded,
    ShotDrifted,
    ShotMatched,
    ShotProgressed,
    ShotRendered,
    ShotRenderFailed,
    TimerDue,
)
from storyreel_contracts.verdicts import Blocked, Verdict

from storyreel_gateway.domain.slots import Line

_SILENT = (ShotProgressed, FilmUpdated, TimerDue)
_TOLD = 3  # substitutions in one line of the history
_NAMES = {"brief": "The brief", "plan": "The plan", "film": "The cut"}


def money(micros: int) -> str:
    """Price with its unit: four digits after the point below a dollar, two above."""
    dollars = micros / 1_000_000
    return f"${dollars:,.2f}" if dollars >= 1 or micros == 0 else f"${dollars:.4f}"


def line_of(event: Event) -> Line | None:
    """The fact as a line of the film's history; None for facts that are no news."""
    data = event.data
    if isinstance(data, _SILENT):
        return None
    return Line(
        at=event.envelope.occurred_at, id=event.event_id, type=event.envelope.type, text=sentence(data),
        version=getattr(data, "version", 1), shot_id=getattr(data, "shot_id", ""),
    )  # fmt: skip


def sentence(data: Fact) -> str:
    """What happened, for people."""
    if isinstance(data, Verdict):
        return _verdict(data)
    words = _SENTENCES.get(type(data))
    return data.TYPE if words is None else words(data)


def _verdict(data: Verdict) -> str:
    noun = data.TYPE.split(".")[0]
    who = f"Take of shot {getattr(data, 'shot_id', '')} ({getattr(data, 'tier', '')})" if noun == "shot" else _NAMES[noun]
    by = f" by {data.reviewed_by}" if data.reviewed_by else " by safety"
    if isinstance(data, Blocked):
        why = data.findings[0].explanation if data.findings else "no reason given"
        return f"{who} was blocked{by}: {why} Way out: {data.remedies[0].explanation}"
    return f"{who} was cleared{by}."


def _planned(d: FilmPlanned) -> str:
    shots, plan = len(d.plan.shots), d.plan
    seconds = plan.frames / plan.fps
    again = f" (attempt {d.attempt})" if d.attempt > 1 else ""
    return f"Planned{again}: {shots} shots, {seconds:g} s, about {money(plan.estimate.price_micros)}.{_replaced(plan)}"


def _replaced(plan: Plan) -> str:
    """What the plan could not take from the brief as it was; the plan itself holds all of it."""
    losses = [f"{loss.wanted}: {loss.chosen}" for loss in plan.substitutions]
    more = f"; and {len(losses) - _TOLD} more" if len(losses) > _TOLD else ""
    return f" Not as asked: {'; '.join(losses[:_TOLD])}{more}." if losses else ""


def _rendered(d: ShotRendered) -> str:
    if d.reused:
        return f"Shot {d.shot_id}: an earlier {d.tier} take was used again, at no cost."
    effort = f"{d.device_seconds:.1f} device-seconds for {money(d.cost_micros)}"
    return f"Shot {d.shot_id}: {d.tier} take {d.attempt} rendered in {effort}."


def _drifted(d: ShotDrifted) -> str:
    return f"Shot {d.shot_id}: the {d.tier} take drifts ({d.corrections[0].explanation})"


def _edited(d: FilmEditRequested) -> str:
    what = "one edit" if len(d.edits) == 1 else f"{len(d.edits)} edits"
    return f"{d.requested_by} began version {d.version} from version {d.base_version} with {what}."


def _cancelled(d: FilmCancelled) -> str:
    if d.superseded_by:
        return f"Version {d.version} was ended by version {d.superseded_by}."
    return f"Version {d.version} was cancelled by {d.requested_by}: {d.reason}"


def _review(d: ReviewRequested) -> str:
    what = f"shot {d.shot_id}" if d.shot_id else f"the {d.subject}"
    return f"A person must look at {what}: {d.findings[0].explanation}"


def _cut(d: CutRequested) -> str:
    return f"All {len(d.shots)} shots are accepted: the {d.tier} cut is being assembled."


def _assembled(d: FilmAssembled) -> str:
    reused = sum(segment.reused for segment in d.segments)
    aspects = ", ".join(r.aspect for r in d.renditions)
    kept = f"; {reused} of {len(d.segments)} segments kept their bytes" if reused else ""
    return f"The {d.tier} cut is there in {aspects}{kept}."


_SENTENCES: dict[type[Fact], Callable[[Any], str]] = {
    FilmRequested: lambda d: f"The brief was accepted{' as a dry run' if d.dry_run else ''}.",
    BriefRejected: lambda d: f"The brief was refused: {d.problems[0].field}: {d.problems[0].reason}",
    FilmEditRequested: _edited,
    FilmApproved: lambda d: f"{d.approved_by} approved the preview of version {d.version}.",
    FilmCancelled: _cancelled,
    ReviewRequested: _review,
    ReviewDecided: lambda d: f"{d.reviewer} decided: {d.decision}{'. ' + d.note if d.note else '.'}",
    FilmPlanned: _planned,
    CutRequested: _cut,
    ShotDowngraded: lambda d: f"Shot {d.shot_id} is accepted as {d.quality}: {d.reason}",
    FilmFailed: lambda d: f"Version {d.version} ended without a film ({d.kind}): {d.reason}",
    ShotRendered: _rendered,
    ShotRenderFailed: lambda d: f"Shot {d.shot_id}: {d.tier} take {d.attempt} was lost ({d.kind}): {d.reason}",
    ShotMatched: lambda d: f"Shot {d.shot_id}: the {d.tier} take holds together with the film.",
    ShotDrifted: _drifted,
    FilmAssembled: _assembled,
    FilmAssemblyFailed: lambda d: f"The {d.tier} cut could not be assembled ({d.kind}): {d.reason}",
    FilmPublished: lambda d: f"Version {d.version} is published: {len(d.files)} files, provenance {d.provenance.state}.",
}
