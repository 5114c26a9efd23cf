"""What is measured on one take: numbers only, small enough for the fold."""

from pydantic import BaseModel, Field
from storyreel_contracts import ArtifactRef


class Swatch(BaseModel):
    """A colour that a part of the picture has; CIELAB (D65)."""

    lightness: float
    a: float
    b: float
    share: float = Field(ge=0, le=1)


class Motion(BaseModel):
    """How the camera moves: of the content, so a camera that pans left moves it right."""

    right: float = Field(description="content to the right, percent of the picture's width per second")
    down: float = Field(description="content downwards, percent of the picture's width per second")
    zoom: float = Field(description="growth of the content, percent per second")
    support: float = Field(ge=0, le=1, description="share of tracked points that agree with it")


class Reading(BaseModel):
    """One take in numbers."""

    lightness: float = Field(description="mean L*")
    a: float = Field(description="mean a*")
    b: float = Field(description="mean b*")
    exposure: float = Field(description="mean log luminance in stops from 18 % grey")
    swatches: list[Swatch] = Field(description="dominant colours, largest share first")
    motion: Motion | None = Field(description="None: a still, or nothing in it can be tracked")


class Gap(BaseModel):
    """How far two takes are from each other."""

    ssim: float = Field(ge=-1, le=1, description="mean structural similarity; 1 is equal")
    delta_e: float = Field(ge=0, description="mean deltaE2000")


class Measured(BaseModel):
    """Outcome of measuring: a reading and its evidence picture, or why there is none."""

    reading: Reading | None = None
    gap: Gap | None = Field(default=None, description="from its preview, where that was asked for and could be measured")
    evidence: ArtifactRef | None = None
    reason: str = ""
