"""Which take stands for which shot, and which take another is compared with: the order-tolerant part, over the fold.

A take is compared with the nearest earlier shot of its tier whose standing take is sound, that is, itself agrees with the
bible. A take that drifted from the bible is nobody's model, so one bad take cannot pull the rest of the film after it.
"""

from pydantic import BaseModel, Field
from storyreel_contracts import ArtifactRef, Camera, Plan, PlannedShot, Tier, build_key
from storyreel_contracts.takes import TierGap

from storyreel_continuity.domain.comparing import Expectation
from storyreel_continuity.domain.readings import Reading


class ShotShape(BaseModel):
    """What of a planned shot matters to its look."""

    shot_id: str
    camera: Camera
    look: str = Field(description="hash of what is rendered: a take of an equal look stands for this shot in any version")
    scene: int
    end_card: bool


class Shape(BaseModel):
    """A plan as continuity sees it."""

    attempt: int
    palette: list[str]
    lighting: str
    shots: list[ShotShape]

    def index(self, shot_id: str) -> int:
        """Place of the shot in the film, or -1 if the plan does not have it."""
        return next((i for i, s in enumerate(self.shots) if s.shot_id == shot_id), -1)

    def expectation(self, index: int) -> Expectation:
        """What the plan says of the shot; nothing of the camera where the shot is an end card or unknown."""
        shot = self.shots[index] if index >= 0 else None
        camera = shot.camera if shot and not shot.end_card else Camera.UNKNOWN
        return Expectation(camera=camera, palette=tuple(self.palette), lighting=self.lighting)


class Take(BaseModel):
    """A measured take. `judged` once its report is written; `reading` is None where it could not be measured."""

    event_id: str
    version: int
    shot_id: str
    tier: Tier
    attempt: int
    key: str
    look: str
    artifact: ArtifactRef
    evidence: ArtifactRef | None = None
    reading: Reading | None = None
    tier_gap: TierGap | None = None
    sound: bool = False
    judged: bool = False


def shape_of(plan: Plan, attempt: int) -> Shape:
    """The plan as continuity sees it."""
    scene = {shot_id: i for i, s in enumerate(plan.scenes) for shot_id in s.shot_ids}
    shots = [
        ShotShape(shot_id=s.shot_id, camera=s.camera, look=_look(plan, s), scene=scene.get(s.shot_id, -1), end_card=s.end_card)
        for s in plan.shots
    ]
    return Shape(attempt=attempt, palette=plan.bible.palette, lighting=plan.bible.lighting, shots=shots)


def _look(plan: Plan, shot: PlannedShot) -> str:
    rendered = shot.model_dump(mode="json", exclude={"start_frame", "caption", "narration", "transition_in", "subject"})
    return build_key("look", [plan.model.model_dump(mode="json"), rendered])


def standing(takes: list[Take], shape: Shape, index: int, tier: Tier) -> Take | None:
    """The take that stands for a shot: of the plan's look, newest version, last attempt."""
    shot = shape.shots[index]
    fitting = (t for t in takes if t.tier is tier and t.shot_id == shot.shot_id and t.look == shot.look)
    return max(fitting, key=lambda t: (t.version, t.attempt), default=None)


def model_for(takes: list[Take], shape: Shape, index: int, tier: Tier) -> tuple[int, Take] | None:
    """Nearest earlier shot with a sound standing take, with its place; None for the first shot and for end cards."""
    if index <= 0 or shape.shots[index].end_card:
        return None
    for i in range(index - 1, -1, -1):
        take = standing(takes, shape, i, tier)
        if take and take.sound and not shape.shots[i].end_card:
            return i, take
    return None


def preview_of(takes: list[Take], cuts: dict[int, dict[str, str]], version: int, shot_id: str) -> Take | None:
    """The preview of a shot that this version's preview cut shows; it may have been rendered for an earlier version."""
    key = cuts.get(version, {}).get(shot_id)
    shown = (t for t in takes if t.tier is Tier.PREVIEW and t.shot_id == shot_id and t.key == key)
    return max(shown, key=lambda t: (t.version, t.attempt), default=None)
