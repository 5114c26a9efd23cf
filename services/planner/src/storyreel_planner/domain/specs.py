"""Render specs: the first of a shot in a tier, and what changes after a drift, a block or a failure.

Used by `takes`. Everything here is a function of plan, verdict and attempt, so a replay asks for the same build keys.
"""

from collections.abc import Sequence

from storyreel_contracts import ArtifactRef, FailureKind, Finding, PlannedShot, Remedy, RenderSpec, Tier, build_key

from storyreel_planner.domain.composing import derive_seed
from storyreel_planner.domain.grid import frames_for
from storyreel_planner.domain.work import PlanRecord

MACHINE_REMEDIES = {"rewrite", "new_seed", "slow_down"}
_MAX_PROMPT = 8_000
_SMALLER = 0.75
_GRID = 16  # pixels; every video model of the house takes multiples of it
_CALM = "Slow gentle movement in steady, even light"
_DECENT = "Suitable for every audience"


def key_of(tenant_id: str, spec: RenderSpec) -> str:
    """Build key of a take. The tenant is part of it: nothing is reused across tenants."""
    return build_key("take", {"tenant": tenant_id, "spec": spec.model_dump(mode="json")})


def first_spec(record: PlanRecord, tier: Tier, index: int, before: RenderSpec | None, still: ArtifactRef | None) -> RenderSpec:
    """What is asked for first. `before` is the accepted take's spec of the tier before: its words and seed carry over.

    `still` is the accepted keyframe; previews and finals start from it, where the model makes stills.
    """
    plan, card, shot = record.plan, record.card, record.plan.shots[index]
    sizes = card.sizes[tier]
    width, height = sizes.get(plan.aspects[0]) or sizes[sorted(sizes)[0]]
    return RenderSpec(
        prompt=before.prompt if before else shot.prompt,
        negative_prompt=before.negative_prompt if before else shot.negative_prompt,
        width=width,
        height=height,
        frames=frames_for(tier, plan.shots, index, plan.fps, card),
        fps=card.fps,
        steps=card.steps[tier],
        guidance=card.guidance,
        seed=before.seed if before else shot.seed,
        model=card.ref,
        continues=still,
        references=_references(record, shot),
    )


def after_drift(spec: RenderSpec, seed: int, hints: Sequence[str]) -> RenderSpec:
    """Another seed, and continuity's hints in the prompt."""
    return spec.model_copy(update={"seed": seed, "prompt": _with(spec.prompt, hints)})


def after_block(spec: RenderSpec, seed: int, findings: Sequence[Finding], remedies: Sequence[Remedy]) -> RenderSpec:
    """Another seed, and the words that keep away what safety saw."""
    actions = {r.action for r in remedies}
    added = [_CALM] if "slow_down" in actions else []
    added += [_DECENT] if "rewrite" in actions else []
    avoid = [f.category.replace("_", " ").replace("-", " ") for f in findings if f.category]
    negative = ", ".join(dict.fromkeys([*spec.negative_prompt.split(", "), *avoid]))
    changes = {"seed": seed, "prompt": _with(spec.prompt, added), "negative_prompt": negative[:_MAX_PROMPT]}
    return spec.model_copy(update=changes)


def after_failure(spec: RenderSpec, seed: int, kind: FailureKind) -> RenderSpec:
    """A smaller picture when memory ran out, another seed when the model failed."""
    if kind is FailureKind.OUT_OF_MEMORY:
        return spec.model_copy(update={"width": _smaller(spec.width), "height": _smaller(spec.height)})
    return spec.model_copy(update={"seed": seed})


def seed_of(first: RenderSpec, attempt: int) -> int:
    """Seed of a later attempt; the same whatever went wrong before."""
    return derive_seed(first.seed, "attempt", attempt)


def _with(prompt: str, additions: Sequence[str]) -> str:
    for words in additions:
        if words and words not in prompt:
            prompt = f"{prompt.rstrip(' .')}. {words.strip().rstrip('.')}."
    return prompt[:_MAX_PROMPT]


def _smaller(pixels: int) -> int:
    return max(4 * _GRID, round(pixels * _SMALLER / _GRID) * _GRID)


def _references(record: PlanRecord, shot: PlannedShot) -> list[ArtifactRef]:
    cast = [c.reference for c in record.plan.bible.characters if c.id in shot.characters and c.reference]
    wanted = [shot.picture, *cast] if shot.picture else cast
    return list({ref.sha256: ref for ref in wanted}.values())
