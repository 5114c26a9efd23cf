"""The contract room: facts, envelope, topics, failure kinds. Knows pydantic and the standard library, nothing else.

May never: open a connection, read a setting, import another room. Walk: `topics` -> a fact's module -> `envelope`.
"""

from storyreel_contracts.artifacts import ArtifactRef
from storyreel_contracts.assembly import (
    FilmAssembled,
    FilmAssemblyFailed,
    FilmPublished,
    Provenance,
    Rendition,
    Segment,
)
from storyreel_contracts.base import Fact, Model, OpenEnum, build_key, canonical_json
from storyreel_contracts.brief import Approval, Brief, Camera, Lora, Reference, Role, StoryboardFrame, Tier, Transition
from storyreel_contracts.envelope import ContractError, Envelope, Event, decode, encode
from storyreel_contracts.failures import FailureKind, Fate
from storyreel_contracts.films import (
    BriefRejected,
    BriefSubmitted,
    FilmApproved,
    FilmCancelled,
    FilmEditRequested,
    FilmRequested,
    FilmStatus,
    FilmUpdated,
    ReviewDecided,
)
from storyreel_contracts.operations import LetterAction, LetterHandled
from storyreel_contracts.plan import ModelCard, ModelRef, Plan, PlannedShot
from storyreel_contracts.planning import (
    CutRequested,
    CutShot,
    FilmFailed,
    FilmPlanned,
    RenderSpec,
    ShotDowngraded,
    ShotRequested,
)
from storyreel_contracts.problems import Problem, problems_of
from storyreel_contracts.registry import FACTS
from storyreel_contracts.takes import ShotDrifted, ShotMatched, ShotProgressed, ShotRendered, ShotRenderFailed
from storyreel_contracts.timers import TimerDue
from storyreel_contracts.verdicts import (
    BriefBlocked,
    BriefCleared,
    FilmBlocked,
    FilmCleared,
    Finding,
    PlanBlocked,
    PlanCleared,
    PolicyRef,
    Remedy,
    ReviewRequested,
    Severity,
    ShotBlocked,
    ShotCleared,
)

__all__ = [
    "FACTS", "Approval", "ArtifactRef", "Brief", "BriefBlocked", "BriefCleared", "BriefRejected", "BriefSubmitted",
    "Camera", "ContractError", "CutRequested", "CutShot", "Envelope", "Event", "Fact", "FailureKind", "Fate",
    "FilmApproved", "FilmAssembled", "FilmAssemblyFailed", "FilmBlocked", "FilmCancelled", "FilmCleared",
    "FilmEditRequested", "FilmFailed", "FilmPlanned", "FilmPublished", "FilmRequested", "FilmStatus", "FilmUpdated",
    "Finding", "LetterAction", "LetterHandled", "Lora", "Model", "ModelCard", "ModelRef", "OpenEnum", "Plan", "PlanBlocked",
    "PlanCleared", "PlannedShot", "PolicyRef", "Problem", "Provenance", "Reference", "Remedy", "RenderSpec",
    "Rendition", "ReviewDecided", "ReviewRequested", "Role", "Segment", "Severity", "ShotBlocked", "ShotCleared",
    "ShotDowngraded", "ShotDrifted", "ShotMatched", "ShotProgressed", "ShotRenderFailed", "ShotRendered",
    "ShotRequested", "StoryboardFrame", "Tier", "TimerDue", "Transition", "build_key", "canonical_json", "decode",
    "encode", "problems_of",
]  # fmt: skip
