"""From the contract's plan to the cutting room's own values."""

from storyreel_contracts.brief import Transition
from storyreel_contracts.plan import Box as PlanBox
from storyreel_contracts.plan import Plan, PlannedShot

from storyreel_assembler.domain.film import Box, Brand, Film, Shot, Voice

UNSAID = PlannedShot.model_fields["subject"].default


def film_of(plan: Plan) -> Film:
    """The film that a plan describes. A subject box that nobody set counts as not said."""
    narration = plan.narration
    return Film(
        shots=tuple(_shot(shot) for shot in plan.shots),
        brand=_brand(plan),
        aspects=tuple(plan.aspects),
        fps=plan.fps,
        locale=plan.locale,
        burn_in=plan.captions.burn_in,
        voice=Voice(narration.voice, narration.words_per_minute) if narration else Voice(plan.locale.split("-")[0].lower()),
    )


def _shot(shot: PlannedShot) -> Shot:
    return Shot(
        shot_id=shot.shot_id,
        start_frame=shot.start_frame,
        frames=shot.frames,
        caption=shot.caption,
        narration=shot.narration,
        transition_in="dissolve" if shot.transition_in == Transition.DISSOLVE else "cut",
        subject=None if shot.subject == UNSAID else _box(shot.subject),
    )


def _box(box: PlanBox) -> Box:
    return Box(box.x, box.y, min(box.x + box.width, 1.0), min(box.y + box.height, 1.0))


def _brand(plan: Plan) -> Brand | None:
    kit = plan.brand
    if kit is None:
        return None
    return Brand(
        name=kit.name,
        primary_color=kit.primary_color.lower(),
        text_color=kit.text_color.lower(),
        call_to_action=kit.call_to_action,
        logo_sha256=plan.logo.sha256 if plan.logo else "",
        end_card_s=kit.end_card_s,
    )
