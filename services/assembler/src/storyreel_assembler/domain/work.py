"""The two jobs of this room and their outcomes: what `decider.py` asks for and what the performer brings back."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from storyreel_contracts import ArtifactRef, FailureKind, Plan, Provenance, Rendition, Segment, Tier
from storyreel_contracts.planning import CutRequested


class Value(BaseModel):
    """Frozen; stored as JSON in folds and under keys."""

    model_config = ConfigDict(frozen=True)


class Assemble(Value):
    """Make this cut."""

    kind: Literal["assemble"] = "assemble"
    tenant_id: str
    film_id: str
    plan: Plan
    cut: CutRequested


class Publish(Value):
    """Sign and publish this cut, which safety cleared."""

    kind: Literal["publish"] = "publish"
    tenant_id: str
    film_id: str
    plan: Plan
    cut: CutRequested


class TakeMade(Value):
    """A take's own size, length and rate, as probed."""

    width: int
    height: int
    frames: int
    fps: float


class Cut(Value):
    """A finished cut: everything that was made, by reference. Stored once under the cut's build key."""

    tier: Tier
    renditions: list[Rendition]
    segments: list[Segment]
    captions: ArtifactRef
    timeline: ArtifactRef
    thumbnail: ArtifactRef
    takes: dict[str, TakeMade]
    sound: dict[str, Any] = Field(default_factory=dict)
    warnings: list[str] = Field(default_factory=list)


class Published(Value):
    """A film version that is out: its files, and what the verifier said. Stored once per version."""

    cut_key: str
    files: dict[str, ArtifactRef]
    provenance: Provenance
    cost_micros: int


class Failed(Value):
    """The job cannot be done; says why."""

    kind: FailureKind
    reason: str


class Dropped(Value):
    """Nothing came of the job, on purpose: the version ended meanwhile, or another terminal fact was first."""

    reason: str


Outcome = Cut | Published | Failed | Dropped
