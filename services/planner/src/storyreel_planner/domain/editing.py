"""Edits as minimal rebuilds: what an edit does not name keeps its prompt, seed and build key, and so its bytes.

Called by `handlers` for versions after the first. Also holds what a blocked plan may be changed by (`softened`).
"""

import re
from collections.abc import Callable, Sequence

from storyreel_contracts import Brief, FailureKind, FilmFailed, Finding, Plan, PlannedShot, Problem
from storyreel_contracts.films import BrandEdit, Edit, ShotEdit
from storyreel_contracts.plan import Substitution

from storyreel_planner.domain.composing import priced
from storyreel_planner.domain.prompts import Prompts, prompts_for
from storyreel_planner.domain.rules import Rules
from storyreel_planner.domain.seeds import derive_seed
from storyreel_planner.domain.unsaid import film_words
from storyreel_planner.domain.words import Picture
from storyreel_planner.domain.work import Objection, PlanRecord, Refusal, WritePlan

_MENDS = {"rewrite", "drop_caption"}
_FIELD = re.compile(r"shots\[(\d+)\]\.(caption|narration|prompt)|\b(s\d{2,3})\b(?:\.(caption|narration|prompt))?")


def edited(work: WritePlan, base: PlanRecord, rules: Rules) -> PlanRecord:
    """The base plan with the edits applied and the price of what they reach. Raises Refusal for an unknown shot."""
    plan, prompts = base.plan, prompts_for(base.card)
    _check(work, plan)
    for edit in work.edits:
        plan = _brand(plan, edit) if isinstance(edit, BrandEdit) else _shot(plan, edit, work, prompts)
    reached = {s.shot_id for s, old in zip(plan.shots, base.plan.shots, strict=True) if repainted(old, s)}
    have = {tier: [s for s in shots if s not in reached] for tier, shots in work.have.items()}
    return priced(base.model_copy(update={"plan": plan}), work.model_copy(update={"have": have}), rules)


def repainted(old: PlannedShot, new: PlannedShot) -> bool:
    """Whether a shot's pictures depend on what changed; captions, narration and brand do not reach the model."""
    return (old.prompt, old.negative_prompt, old.seed) != (new.prompt, new.negative_prompt, new.seed)


def can_mend(brief: Brief, edits: Sequence[Edit], objection: Objection) -> bool:
    """Whether a machine may mend the plan: only words that this room wrote, and only where a remedy says rewrite.

    A campaign's own words (storyboard, edits) are never replaced behind its back: the film is blocked with the remedies.
    """
    if brief.storyboard or edits:
        return False
    named = [f.where for f in objection.findings] or [r.field for r in objection.remedies]
    return all(r.action in _MENDS for r in objection.remedies) and all(_FIELD.search(where) for where in named)


def softened(work: WritePlan, base: PlanRecord, rules: Rules) -> PlanRecord:
    """The base plan without the words that safety objected to; each loss stands in `substitutions`."""
    plan, prompts = base.plan, prompts_for(base.card)
    for objection in work.objections:
        for shot_id, field in _named(objection, plan):
            plan = _without(plan, (shot_id, field), objection.findings, prompts)
    return priced(base.model_copy(update={"plan": plan}), work, rules)


def _check(work: WritePlan, plan: Plan) -> None:
    known = {s.shot_id for s in plan.shots}
    problems = [
        Problem(field=f"edits[{i}].shot_id", reason=f"the plan has no shot {e.shot_id}", remedy=f"name one of {_span(known)}")
        for i, e in enumerate(work.edits)
        if isinstance(e, ShotEdit) and e.shot_id not in known
    ]
    problems += [
        Problem(field=f"edits[{i}]", reason="the film has no brand kit", remedy="send a new brief with a brand kit")
        for i, e in enumerate(work.edits)
        if isinstance(e, BrandEdit) and plan.brand is None
    ]
    if problems:
        reason = "the edit does not fit the film"
        raise Refusal(FilmFailed(version=work.version, kind=FailureKind.INVALID_INPUT, reason=reason, problems=problems))


def _span(shot_ids: set[str]) -> str:
    return f"{min(shot_ids)} to {max(shot_ids)}"


def _brand(plan: Plan, edit: BrandEdit) -> Plan:
    """The bible's palette stays: a brand colour in captions and end card must not repaint every shot."""
    if plan.brand is None:
        return plan
    wanted = {"primary_color": edit.primary_color, "call_to_action": edit.call_to_action}
    brand = plan.brand.model_copy(update={k: v for k, v in wanted.items() if v is not None})
    return plan.model_copy(update={"brand": brand})


def _shot(plan: Plan, edit: ShotEdit, work: WritePlan, prompts: Prompts) -> Plan:
    def change(shot: PlannedShot) -> PlannedShot:
        new = shot.model_copy(update=_words(edit))
        if edit.prompt is not None:
            picture = Picture(edit.prompt, edit.camera or shot.camera)
            new = new.model_copy(update={"prompt": prompts.written(picture, plan.bible, film_words(work.brief))})
        if edit.camera is not None:
            prompt = prompts.moved(new.prompt, shot.camera, edit.camera) if edit.prompt is None else new.prompt
            new = new.model_copy(update={"camera": edit.camera, "prompt": prompt})
        if edit.new_take:
            new = new.model_copy(update={"seed": derive_seed(shot.seed, work.film_id, work.version)})
        return new

    return _with_shot(_lossy(plan, edit, prompts), edit.shot_id, change)


def _lossy(plan: Plan, edit: ShotEdit, prompts: Prompts) -> Plan:
    """The plan with what of the edit's words cannot be said; older losses of the same words are over."""
    if edit.prompt is None:
        return plan
    field = f"{edit.shot_id}.prompt"
    camera = next((edit.camera or s.camera for s in plan.shots if s.shot_id == edit.shot_id), None)
    kept = [loss for loss in plan.substitutions if loss.field not in {field, _place(plan, edit.shot_id)}]
    return plan.model_copy(update={"substitutions": [*kept, *prompts.losses(field, edit.prompt, camera)]})


def _place(plan: Plan, shot_id: str) -> str:
    """How a storyboard's frame is named that this shot was made from."""
    return next((f"storyboard[{i}].prompt" for i, s in enumerate(plan.shots) if s.shot_id == shot_id), "")


def _words(edit: ShotEdit) -> dict[str, str]:
    wanted = {"caption": edit.caption, "narration": edit.narration}
    return {k: v for k, v in wanted.items() if v is not None}


def _with_shot(plan: Plan, shot_id: str, change: Callable[[PlannedShot], PlannedShot]) -> Plan:
    return plan.model_copy(update={"shots": [change(s) if s.shot_id == shot_id else s for s in plan.shots]})


def _named(objection: Objection, plan: Plan) -> list[tuple[str, str]]:
    """Shots and fields that the objection names, in order, once each."""
    places = [(r.field, "caption" if r.action == "drop_caption" else "prompt") for r in objection.remedies]
    places += [(f.where, "prompt") for f in objection.findings]
    found: dict[tuple[str, str], None] = {}
    for where, otherwise in places:
        for match in _FIELD.finditer(where):
            index, field, shot_id, tail = match.groups()
            named = _shot_at(plan, int(index)) if index else shot_id
            if named:
                found[named, field or tail or otherwise] = None
    return list(found)


def _shot_at(plan: Plan, index: int) -> str:
    return plan.shots[index].shot_id if index < len(plan.shots) else ""


def _without(plan: Plan, place: tuple[str, str], findings: Sequence[Finding], prompts: Prompts) -> Plan:
    shot_id, field = place
    old = next((s for s in plan.shots if s.shot_id == shot_id), None)
    if old is None or not getattr(old, field):
        return plan
    neutral = prompts.written(Picture(_neutral_subject(plan), old.camera), plan.bible) if field == "prompt" else ""
    if neutral == getattr(old, field):
        return plan
    why = findings[0].explanation if findings else "safety did not let it pass"
    loss = Substitution(
        field=f"{shot_id}.{field}", wanted=f"the {field} as written", chosen=neutral or f"no {field}", reason=why
    )
    plan = _with_shot(plan, shot_id, lambda s: s.model_copy(update={field: neutral}))
    return plan.model_copy(update={"substitutions": [*plan.substitutions, loss]})


def _neutral_subject(plan: Plan) -> str:
    """A picture that says nothing but what the film is for."""
    names = [c.name for c in plan.bible.characters if c.reference] or ([plan.brand.name] if plan.brand else [])
    return f"{names[0]} on a plain surface" if names else "an empty place, calm and well lit"
