"""The assembler's facts: a cut is assembled, screened, signed and published once."""

from typing import ClassVar

from pydantic import Field

from storyreel_contracts.artifacts import ArtifactRef
from storyreel_contracts.base import Fact, Micros, Model, Sha256, Version
from storyreel_contracts.brief import Aspect, Tier
from storyreel_contracts.failures import FailureKind


class Segment(Model):
    """A piece of the film that was encoded once; untouched pieces keep their bytes from version to version."""

    shot_id: str
    aspect: Aspect
    key: Sha256
    artifact: ArtifactRef
    frames: int = Field(ge=1)
    reused: bool = False


class Rendition(Model):
    """The film in one aspect."""

    aspect: Aspect
    artifact: ArtifactRef
    width: int = Field(ge=2)
    height: int = Field(ge=2)
    frames: int = Field(ge=1)
    fps: int = Field(ge=1)
    loudness_lufs: float | None = None


class FilmAssembled(Fact):
    """A cut exists in all its aspects; safety screens it next."""

    TYPE: ClassVar[str] = "film.assembled.v1"
    version: Version
    tier: Tier
    cut_key: Sha256
    renditions: list[Rendition] = Field(min_length=1)
    segments: list[Segment]
    captions: ArtifactRef
    timeline: ArtifactRef
    thumbnail: ArtifactRef


class FilmAssemblyFailed(Fact):
    """A cut could not be assembled."""

    TYPE: ClassVar[str] = "film.assembly-failed.v1"
    version: Version
    tier: Tier
    cut_key: Sha256
    kind: FailureKind
    reason: str


class Provenance(Model):
    """What a verifier says of the signed files."""

    state: str = Field(description="Trusted, Valid or Invalid, in the words of the C2PA verifier")
    issuer: str
    signed: list[str] = Field(description="names of the signed files")


class FilmPublished(Fact):
    """The film is out. Terminal: written only by the winner of the outcome claim."""

    TYPE: ClassVar[str] = "film.published.v1"
    version: Version
    cut_key: Sha256
    files: dict[str, ArtifactRef] = Field(description="by name: film-16x9.mp4, captions.vtt, manifest.json, ...")
    provenance: Provenance
    cost_micros: Micros = Field(description="what the chosen takes cost")
