"""Work that the director asks for, and what comes back. Performed by `handlers`; values only."""

from hashlib import sha256

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from storyreel_contracts import Brief, FailureKind, FilmFailed, Finding, ModelCard, Plan, Problem, Remedy, Tier, canonical_json
from storyreel_contracts.films import Edit

from storyreel_planner.domain.grid import take_frames


class Value(BaseModel):
    """Frozen value of this room."""

    model_config = ConfigDict(frozen=True)


class PlanRecord(Value):
    """A plan with all that directing it needs: stored once per film, version and attempt, then read by everyone.

    The model card is pinned with the plan, so that a new model in mid-film changes no build key.
    """

    plan: Plan
    card: ModelCard
    stages: list[Tier] = Field(min_length=1, description="tiers that this film passes, in order")

    @property
    def sha256(self) -> str:
        """Names the plan in `film.planned` and in verdicts on it."""
        return sha256(canonical_json(self.plan)).hexdigest()

    @property
    def drafted(self) -> bool:
        """Whether a preview is its final's first steps: the model can pause there, and the film goes on to finals."""
        return self.card.draft_steps > 0 and {Tier.PREVIEW, Tier.FINAL} <= set(self.stages) and not self._chained

    @property
    def _chained(self) -> bool:
        """Whether a shot is so long that its parts start from one another's last frame: then no part has a draft."""
        shots, card = self.plan.shots, self.card
        lengths = (take_frames(shots, i, self.plan.fps, card)[0] for i in range(len(shots)))
        return card.window_overlap == 1 and any(frames > card.max_frames for frames in lengths)

    @property
    def publish_tier(self) -> Tier:
        """The tier whose cut is the film."""
        return self.stages[-1]


class Objection(Value):
    """Why safety did not let a plan pass; what the next attempt must heed."""

    findings: list[Finding]
    remedies: list[Remedy]


class WritePlan(Value):
    """Write (or read back) the plan of a version."""

    film_id: str
    tenant_id: str
    version: int
    attempt: int
    brief: Brief
    dry_run: bool = False
    now: AwareDatetime
    base: PlanRecord | None = Field(default=None, description="plan that the edits change, or that safety objected to")
    edits: list[Edit] = Field(default_factory=list)
    objections: list[Objection] = Field(default_factory=list)
    have: dict[Tier, list[str]] = Field(default_factory=dict, description="shots of the base whose takes are accepted")
    spent_micros: int = Field(default=0, description="what the film has cost so far")


class ClaimOutcome(Value):
    """End a version, if nobody else has."""

    film_id: str
    tenant_id: str
    version: int
    failed: FilmFailed


class Refused(Value):
    """Stored in a plan's place: nobody writes that plan any more."""

    refused: FilmFailed


class PlanOutcome(Value):
    """The plan, or the end of the version: `failed` is set if there is no plan and this room won the claim."""

    record: PlanRecord | None = None
    failed: FilmFailed | None = None


class ClaimResult(Value):
    """`failed` is the fact to publish if the claim was won, None if another outcome stands."""

    failed: FilmFailed | None = None


class Refusal(Exception):  # noqa: N818 - a verdict on the work, not a fault of ours
    """No plan can be made; `failed` says why in the words of the contract."""

    def __init__(self, failed: FilmFailed) -> None:
        super().__init__(failed.reason)
        self.failed = failed


def refusal(version: int, kind: FailureKind, reason: str, field: str, remedy: str = "change the brief") -> Refusal:
    """A refusal with one problem."""
    problem = Problem(field=field, reason=reason, remedy=remedy)
    return Refusal(FilmFailed(version=version, kind=kind, reason=reason, problems=[problem]))
