"""Price and finish time of a plan before a device second is spent.

Used by `composing` for new plans and by `editing` for edits, where only what the edit reaches counts.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from storyreel_contracts import Tier
from storyreel_contracts.plan import Estimate

from storyreel_planner.domain.rules import Rules
from storyreel_planner.domain.specs import first_render
from storyreel_planner.domain.work import PlanRecord


def estimate(record: PlanRecord, have: Mapping[Tier, Sequence[str]], rules: Rules, now: datetime) -> Estimate:
    """One take of each shot that is not in `have`, in each tier. Renders run side by side, stages one after the other."""
    plan, card = record.plan, record.card
    renders = [
        first_render(record, tier, i)
        for tier in record.stages
        for i, shot in enumerate(plan.shots)
        if shot.shot_id not in have.get(tier, ())
    ]
    seconds = sum(rules.expected_seconds(card, render) for render in renders)
    cuts = sum(1 for tier in record.stages if tier is not Tier.KEYFRAME) if renders else 1
    wait = seconds / rules.parallel_renders + cuts * rules.finishing_s
    return Estimate(
        price_micros=sum(rules.expected_micros(card, render) for render in renders),
        device_seconds=round(seconds, 6),
        finish_at=now + timedelta(seconds=wait),
    )
