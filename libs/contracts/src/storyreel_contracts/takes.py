"""The renderer's and continuity's facts about takes: rendered, failed, progressed; matched, drifted."""

from typing import ClassVar

from pydantic import Field

from storyreel_contracts.artifacts import ArtifactRef
from storyreel_contracts.base import Fact, Micros, Model, OpenEnum, Seconds, Sha256, Version
from storyreel_contracts.brief import Tier
from storyreel_contracts.failures import FailureKind
from storyreel_contracts.plan import ModelRef


class ShotRendered(Fact):
    """A take is in the store. `reused` takes were found under their build key and cost nothing again."""

    TYPE: ClassVar[str] = "shot.rendered.v1"
    version: Version
    shot_id: str
    tier: Tier
    attempt: int = Field(ge=1)
    key: Sha256
    artifact: ArtifactRef
    width: int = Field(ge=1, description="pixels")
    height: int = Field(ge=1, description="pixels")
    frames: int = Field(ge=1)
    fps: int = Field(ge=1)
    seed: int
    model: ModelRef
    device_seconds: Seconds
    cost_micros: Micros
    reused: bool = False
    windows: int = Field(default=1, ge=1, description="temporal windows that the shot was made in")
    seam: float | None = Field(
        default=None, ge=0, description="largest change between frames at a window's edge over the usual change; 1 is seamless"
    )


class ShotRenderFailed(Fact):
    """A render ended without a take; what it used is on the bill all the same."""

    TYPE: ClassVar[str] = "shot.render-failed.v1"
    version: Version
    shot_id: str
    tier: Tier
    attempt: int = Field(ge=1)
    key: Sha256
    kind: FailureKind
    reason: str
    device_seconds: Seconds = 0.0
    cost_micros: Micros = 0


class ShotProgressed(Fact):
    """A render moved by some denoise steps. Lossy: short retention, nobody's state depends on it."""

    TYPE: ClassVar[str] = "shot.progressed.v1"
    version: Version
    shot_id: str
    tier: Tier
    attempt: int = Field(ge=1)
    step: int = Field(ge=0)
    steps: int = Field(ge=1)
    device_seconds: Seconds = 0.0


class Axis(OpenEnum):
    """What continuity measures."""

    PALETTE = "palette"
    EXPOSURE = "exposure"
    CAMERA = "camera"
    CHARACTER = "character"
    UNKNOWN = "unknown"


class Measure(Model):
    """One number against its threshold."""

    axis: Axis
    value: float
    threshold: float
    unit: str = Field(description="deltaE2000, stops, pixels per frame, ...")
    against: str = Field(description="bible, or the shot compared with, such as s02")
    passed: bool


class Correction(Model):
    """What would bring the take back; the planner decides whether to follow."""

    axis: Axis
    explanation: str
    prompt_hint: str = ""
    grade: dict[str, float] = Field(default_factory=dict, description="exposure in stops, a/b shift in CIELAB")


class TierGap(Model):
    """How far a final is from the preview that was approved."""

    preview: Sha256 = Field(description="build key of the preview")
    ssim: float = Field(ge=-1, le=1, description="mean structural similarity at the smaller of the two sizes; 1 is equal")
    delta_e: float = Field(ge=0, description="mean colour difference, deltaE2000")


class Comparison(Fact):
    """What every continuity report says."""

    version: Version
    shot_id: str
    tier: Tier
    attempt: int = Field(ge=1)
    key: Sha256
    measures: list[Measure]
    evidence: ArtifactRef | None = Field(default=None, description="picture with the measured frames side by side")
    tier_gap: TierGap | None = Field(default=None, description="for a final whose preview is known")


class ShotMatched(Comparison):
    """The take holds together with the bible and its neighbours."""

    TYPE: ClassVar[str] = "shot.matched.v1"


class ShotDrifted(Comparison):
    """The take drifts; at least one measure failed."""

    TYPE: ClassVar[str] = "shot.drifted.v1"
    corrections: list[Correction] = Field(min_length=1)
