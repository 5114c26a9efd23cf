"""The cut of a tier: its key, its request, and what its failures and verdict mean. Used by `directing`."""

from collections.abc import Sequence

from storyreel_contracts import CutRequested, CutShot, FailureKind, Fate, Problem, Tier, build_key

from storyreel_planner.domain.rules import Rules
from storyreel_planner.domain.state import Cut, VersionState
from storyreel_planner.domain.takes import Accepted, Lost
from storyreel_planner.domain.work import PlanRecord

# A LoRA is in the takes' own keys.
_NOT_IN_THE_PICTURE = {"estimate", "backend", "substitutions", "skipped", "logline", "scenes", "lora"}


def cut_of(version: VersionState, record: PlanRecord, tier: Tier, takes: Sequence[Accepted], tenant_id: str) -> CutRequested:
    """The request for a cut. Its key covers the takes and all of the plan that can be seen or heard."""
    shots = [_cut_shot(a) for a in takes]
    publish = tier is record.publish_tier
    inputs = {
        "tenant": tenant_id,
        "plan": record.plan.model_dump(mode="json", exclude=_NOT_IN_THE_PICTURE),
        "tier": tier,
        "publish": publish,
        "takes": [(s.shot_id, s.key, s.artifact.sha256) for s in shots],
    }
    key = build_key("cut", inputs)
    return CutRequested(version=version.number, tier=tier, cut_key=key, shots=shots, publish=publish)


def trouble(cut: Cut, rules: Rules, tier: Tier) -> Lost | None:
    """Why this cut ends the version, if it does: assembly failed for good, or safety blocked it."""
    if cut.verdict and not cut.verdict.cleared:
        problems = tuple(Problem(field=f.where, reason=f.explanation, remedy="see remedies") for f in cut.verdict.findings)
        reason = f"safety blocked the {tier.value} cut"
        return Lost(FailureKind.POLICY_BLOCKED, reason, problems, tuple(cut.verdict.remedies))
    if not cut.failures:
        return None
    last = cut.failures[-1]
    final = last.kind.fate is Fate.TERMINAL or len(cut.failures) >= rules.assembly_attempts
    return Lost(last.kind, f"the {tier.value} cut could not be assembled: {last.reason}") if final else None


def _cut_shot(accepted: Accepted) -> CutShot:
    rendered = accepted.take.rendered
    if rendered is None:
        raise ValueError(f"{accepted.request.name} was accepted without a take")
    return CutShot(
        shot_id=accepted.request.shot_id,
        key=accepted.request.key,
        artifact=rendered.artifact,
        seed=rendered.seed,
        model=rendered.model,
        cost_micros=rendered.cost_micros,
    )
