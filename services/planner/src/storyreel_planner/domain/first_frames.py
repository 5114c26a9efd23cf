"""Pictures to start from, for a model that cannot start from words alone. Used by `composing`.

Settled in the plan, before anything is spent: the shot's own picture, or one of the brief's as a stated substitution, or
a refusal. A model that makes stills starts from them and needs none of this.
"""

from collections.abc import Sequence

from storyreel_contracts import ArtifactRef, Brief, FailureKind, ModelCard, PlannedShot, Role, Tier
from storyreel_contracts.plan import Substitution

from storyreel_planner.domain.work import refusal

_MAY_START = (Role.PRODUCT, Role.CHARACTER, Role.PLACE, Role.STORYBOARD)
_REMEDY = "give the storyboard's frames pictures, or send a picture of the product"

Filled = tuple[list[PlannedShot], list[Substitution]]


def with_first_frames(shots: list[PlannedShot], brief: Brief, card: ModelCard, stages: Sequence[Tier], version: int) -> Filled:
    """The shots, each with a picture where the model must have one. Raises Refusal if the brief brings no picture."""
    if card.first_frame != "required" or Tier.KEYFRAME in stages:
        return shots, []
    filled, losses = list(shots), []
    for i, shot in enumerate(shots):
        if _is_picture(shot.picture):
            continue
        chosen = _nearest(shots, i) or _reference(brief)
        if chosen is None:
            reason = f"model {card.name} starts every take from a picture, and the brief brings none"
            raise refusal(version, FailureKind.INVALID_INPUT, reason, f"shots[{i}].picture", _REMEDY)
        picture, called = chosen
        filled[i] = shot.model_copy(update={"picture": picture})
        reason = f"model {card.name} starts every take from a picture"
        losses.append(
            Substitution(field=f"shots[{i}].picture", wanted="a first frame of its own", chosen=called, reason=reason)
        )
    return filled, losses


def _nearest(shots: Sequence[PlannedShot], at: int) -> tuple[ArtifactRef, str] | None:
    """The storyboard's picture that is nearest in the film; of two, the earlier one."""
    having = [(abs(i - at), i) for i, shot in enumerate(shots) if _is_picture(shot.picture)]
    if not having:
        return None
    shot = shots[min(having)[1]]
    return (shot.picture, f"the storyboard's picture of {shot.shot_id}") if shot.picture else None


def _reference(brief: Brief) -> tuple[ArtifactRef, str] | None:
    """A picture of the product, else of a character, a place or the storyboard."""
    pictures = [r for role in _MAY_START for r in brief.references if r.role is role and _is_picture(r.artifact)]
    return (pictures[0].artifact, f"reference {pictures[0].id} ({pictures[0].role.value})") if pictures else None


def _is_picture(artifact: ArtifactRef | None) -> bool:
    return artifact is not None and artifact.media_type.startswith("image/")
