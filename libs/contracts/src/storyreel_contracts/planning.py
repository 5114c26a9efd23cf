"""The planner's facts: the director alone decides what is rendered, accepted, downgraded or given up."""

from typing import ClassVar

from pydantic import Field

from storyreel_contracts.artifacts import ArtifactRef
from storyreel_contracts.base import Fact, Micros, Model, Sha256, Version
from storyreel_contracts.brief import Lora, Tier
from storyreel_contracts.failures import FailureKind
from storyreel_contracts.plan import ModelRef, Plan
from storyreel_contracts.problems import Problem
from storyreel_contracts.verdicts import Remedy


class FilmPlanned(Fact):
    """A plan was made for this version; safety must clear it before anything is rendered."""

    TYPE: ClassVar[str] = "film.planned.v1"
    version: Version
    plan: Plan
    plan_sha256: Sha256
    attempt: int = Field(default=1, ge=1, description="plans tried for this version, this one included")


class RenderSpec(Model):
    """All inputs of a render; the take's build key is their hash."""

    prompt: str
    negative_prompt: str = ""
    width: int = Field(ge=16, le=4096, description="pixels")
    height: int = Field(ge=16, le=4096, description="pixels")
    frames: int = Field(ge=1, description="frames that the model makes")
    fps: int = Field(ge=1, le=60)
    steps: int = Field(ge=1, le=200, description="denoise steps")
    guidance: float = Field(ge=0, le=30)
    seed: int = Field(ge=0, lt=2**31)
    model: ModelRef
    continues: ArtifactRef | None = Field(default=None, description="artifact this render starts from")
    references: list[ArtifactRef] = Field(default_factory=list)
    stop_after: int = Field(
        default=0,
        ge=0,
        description="a draft: decode a copy after so many of `steps`, the final goes on from there; 0: no draft",
    )
    lora: Lora | None = None


class ShotRequested(Fact):
    """Render this shot. Keyframes and previews go to one topic, finals to another."""

    TYPE: ClassVar[str] = "shot.requested.v1"
    version: Version
    shot_id: str
    tier: Tier
    attempt: int = Field(ge=1)
    key: Sha256
    spec: RenderSpec
    price_limit_micros: Micros = Field(description="the most this render may cost")


class CutShot(Model):
    """A take chosen for the cut."""

    shot_id: str
    key: Sha256
    artifact: ArtifactRef
    seed: int
    model: ModelRef
    cost_micros: Micros = 0


class CutRequested(Fact):
    """All shots of this tier are rendered, cleared and matched: assemble them."""

    TYPE: ClassVar[str] = "cut.requested.v1"
    version: Version
    tier: Tier
    cut_key: Sha256
    shots: list[CutShot] = Field(min_length=1)
    publish: bool = Field(default=False, description="this cut is the film: sign and publish it once it is cleared")


class ShotDowngraded(Fact):
    """A shot is accepted below what was asked; never silent."""

    TYPE: ClassVar[str] = "shot.downgraded.v1"
    version: Version
    shot_id: str
    tier: Tier
    quality: str = Field(description="quality class given, such as unmatched or preview")
    kind: FailureKind
    reason: str


class FilmFailed(Fact):
    """This version ends without a film. Terminal; kind `policy_blocked` is what outsiders see as blocked."""

    TYPE: ClassVar[str] = "film.failed.v1"
    version: Version
    kind: FailureKind
    reason: str
    spent_micros: Micros = 0
    problems: list[Problem] = Field(default_factory=list)
    remedies: list[Remedy] = Field(default_factory=list)
