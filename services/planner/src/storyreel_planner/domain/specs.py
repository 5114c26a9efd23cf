"""Render specs: the first of a shot in a tier, and what changes after a drift, a block or a failure.

Used by `takes`. Everything here is a function of plan, verdict and attempt, so a replay asks for the same build keys.
"""

from collections.abc import Sequence
from dataclasses import replace

from storyreel_contracts import ArtifactRef, FailureKind, Finding, PlannedShot, Remedy, RenderSpec, Tier, build_key

from storyreel_planner.domain.grid import frames_for
from storyreel_planner.domain.prompts import Prompts
from storyreel_planner.domain.rules import Render
from storyreel_planner.domain.seeds import derive_seed
from storyreel_planner.domain.work import PlanRecord

MACHINE_REMEDIES = {"rewrite", "new_seed", "slow_down"}
_SMALLER = 0.75
_GRID = 16  # pixels; every video model of the house takes multiples of it
_CALM = "Slow gentle movement in steady, even light"
_DECENT = "Suitable for every audience"


def key_of(tenant_id: str, spec: RenderSpec) -> str:
    """Build key of a take. The tenant is part of it: nothing is reused across tenants."""
    later = {name for name in ("stop_after", "lora") if not getattr(spec, name)}  # keys without them are as they always were
    plain = spec.model_dump(mode="json", exclude=later)
    return build_key("take", {"tenant": tenant_id, "spec": plain})


def asked_size(record: PlanRecord, tier: Tier) -> tuple[int, int]:
    """Width and height in pixels that a tier should have. A draft has its final's."""
    sizes = record.card.sizes[_like(record, tier)]
    return sizes.get(record.plan.aspects[0]) or sizes[sorted(sizes)[0]]


def first_render(record: PlanRecord, tier: Tier, index: int) -> Render:
    """What the first take of a shot is priced by: a draft and its final share the device time of one final."""
    frames = frames_for(tier, record.plan.shots, index, record.plan.fps, record.card)
    if not record.drafted or tier is Tier.KEYFRAME:
        return Render(tier, frames)
    draft = record.card.draft_steps / record.card.steps[Tier.FINAL]
    return Render(Tier.FINAL, frames, draft) if tier is Tier.PREVIEW else Render(tier, frames, 1 - draft, worst=1.0)


def render_of(record: PlanRecord, tier: Tier, index: int, spec: RenderSpec, first: RenderSpec) -> Render:
    """What a take is priced by: a final that is not its draft's any more (another seed, other words) is rendered whole."""
    render = first_render(record, tier, index)
    return replace(render, share=1.0) if render.worst and spec != first else render


def first_spec(record: PlanRecord, tier: Tier, index: int, before: RenderSpec | None, still: ArtifactRef | None) -> RenderSpec:
    """What is asked for first. `before` is the accepted take's spec of the tier before: its words and seed carry over.

    `still` is the accepted keyframe; previews and finals start from it, where the model makes stills. The final of a
    draft is the draft's spec to its end, so that it may go on from the draft's state.
    """
    if before and before.stop_after:
        return before.model_copy(update={"stop_after": 0})
    plan, card, shot = record.plan, record.card, record.plan.shots[index]
    width, height = asked_size(record, tier)
    return RenderSpec(
        prompt=before.prompt if before else shot.prompt,
        negative_prompt=before.negative_prompt if before else shot.negative_prompt,
        width=width,
        height=height,
        frames=frames_for(tier, plan.shots, index, plan.fps, card),
        fps=card.fps,
        steps=card.steps[_like(record, tier)],
        guidance=card.guidance,
        seed=before.seed if before else shot.seed,
        model=card.ref,
        continues=still or _first_frame(record, shot, tier),
        references=_references(record, shot),
        stop_after=card.draft_steps if record.drafted and tier is Tier.PREVIEW else 0,
        lora=plan.lora,
    )


def after_drift(spec: RenderSpec, seed: int, hints: Sequence[str], prompts: Prompts) -> RenderSpec:
    """Another seed, and continuity's hints in the prompt."""
    return spec.model_copy(update={"seed": seed, "prompt": prompts.mended(spec.prompt, hints)})


def after_block(
    spec: RenderSpec, seed: int, findings: Sequence[Finding], remedies: Sequence[Remedy], prompts: Prompts
) -> RenderSpec:
    """Another seed, and the words that keep away what safety saw."""
    actions = {r.action for r in remedies}
    added = [_CALM] if "slow_down" in actions else []
    added += [_DECENT] if "rewrite" in actions else []
    avoid = [f.category.replace("_", " ").replace("-", " ") for f in findings if f.category]
    negative = prompts.avoiding(spec.negative_prompt, avoid)
    changes = {"seed": seed, "prompt": prompts.mended(spec.prompt, added), "negative_prompt": negative}
    return spec.model_copy(update=changes)


def after_failure(spec: RenderSpec, seed: int, kind: FailureKind) -> RenderSpec:
    """A smaller picture when memory ran out, another seed when the model failed."""
    if kind is FailureKind.OUT_OF_MEMORY:
        return spec.model_copy(update={"width": _smaller(spec.width), "height": _smaller(spec.height)})
    return spec.model_copy(update={"seed": seed})


def seed_of(first: RenderSpec, attempt: int) -> int:
    """Seed of a later attempt; the same whatever went wrong before."""
    return derive_seed(first.seed, "attempt", attempt)


def _smaller(pixels: int) -> int:
    return max(4 * _GRID, round(pixels * _SMALLER / _GRID) * _GRID)


def _like(record: PlanRecord, tier: Tier) -> Tier:
    """The tier whose figures of the card hold."""
    return Tier.FINAL if record.drafted and tier is Tier.PREVIEW else tier


def _first_frame(record: PlanRecord, shot: PlannedShot, tier: Tier) -> ArtifactRef | None:
    """The shot's own picture, where the model starts from one."""
    return shot.picture if record.card.first_frame != "none" and tier is not Tier.KEYFRAME else None


def _references(record: PlanRecord, shot: PlannedShot) -> list[ArtifactRef]:
    cast = [c.reference for c in record.plan.bible.characters if c.id in shot.characters and c.reference]
    wanted = [shot.picture, *cast] if shot.picture else cast
    return list({ref.sha256: ref for ref in wanted}.values())
