"""The catalogue of topics: who writes, who reads, what is kept how long. Everything about topics is derived from here."""

from dataclasses import dataclass, field
from functools import cache

from storyreel_contracts import assembly, films, operations, planning, takes, timers, verdicts
from storyreel_contracts.base import Fact

DAY_MS = 86_400_000
PARTITIONS = 6
RETRY_DELAYS_S = {"10s": 10, "1m": 60, "10m": 600}
SERVICES = ("planner", "renderer", "continuity", "safety", "assembler", "gateway")


@dataclass(frozen=True, kw_only=True)
class Topic:
    """One topic. Records are keyed by `key` (the film, but for the audit), partitioned by murmur2 (see partitioning)."""

    name: str
    owner: str
    facts: tuple[type[Fact], ...] = ()
    readers: tuple[str, ...] = ()
    partitions: int = PARTITIONS
    retention_ms: int = 30 * DAY_MS
    purpose: str
    key: str = field(default="film_id")

    @property
    def types(self) -> tuple[str, ...]:
        """Types of the facts that this topic carries."""
        return tuple(f.TYPE for f in self.facts)


CAMPAIGN_BRIEFS = Topic(
    name="campaign-briefs", owner="campaign", facts=(films.BriefSubmitted,), readers=("gateway",),
    purpose="signed briefs from campaign systems",
)  # fmt: skip
GATEWAY_FILMS = Topic(
    name="gateway-films", owner="gateway", readers=("planner", "safety", "renderer", "continuity", "assembler", "gateway"),
    facts=(
        films.FilmRequested, films.BriefRejected, films.FilmEditRequested, films.FilmApproved, films.FilmCancelled,
        films.ReviewDecided,
    ),
    purpose="what outsiders want of a film",
)  # fmt: skip
SAFETY_VERDICTS = Topic(
    name="safety-verdicts", owner="safety", readers=("planner", "assembler", "gateway"),
    facts=(
        verdicts.BriefCleared, verdicts.BriefBlocked, verdicts.PlanCleared, verdicts.PlanBlocked, verdicts.ShotCleared,
        verdicts.ShotBlocked, verdicts.FilmCleared, verdicts.FilmBlocked, verdicts.ReviewRequested,
    ),
    purpose="what may pass and what may not",
)  # fmt: skip
PLANNER_FILMS = Topic(
    name="planner-films", owner="planner", readers=("safety", "continuity", "assembler", "gateway"),
    facts=(planning.FilmPlanned, planning.CutRequested, planning.ShotDowngraded, planning.FilmFailed),
    purpose="the director's decisions",
)  # fmt: skip
PLANNER_SHOTS_PREVIEW = Topic(
    name="planner-shots-preview", owner="planner", readers=("renderer",), facts=(planning.ShotRequested,),
    purpose="keyframes and previews to render",
)  # fmt: skip
PLANNER_SHOTS_FINAL = Topic(
    name="planner-shots-final", owner="planner", readers=("renderer",), facts=(planning.ShotRequested,),
    purpose="finals to render",
)  # fmt: skip
RENDERER_SHOTS = Topic(
    name="renderer-shots", owner="renderer", readers=("safety", "continuity", "planner", "gateway"),
    facts=(takes.ShotRendered, takes.ShotRenderFailed), purpose="takes and lost takes",
)  # fmt: skip
RENDERER_PROGRESS = Topic(
    name="renderer-progress", owner="renderer", readers=("gateway",), facts=(takes.ShotProgressed,),
    retention_ms=DAY_MS // 24, purpose="denoise steps, for people who watch",
)  # fmt: skip
CONTINUITY_REPORTS = Topic(
    name="continuity-reports", owner="continuity", readers=("planner", "gateway"),
    facts=(takes.ShotMatched, takes.ShotDrifted), purpose="how takes hold together",
)  # fmt: skip
ASSEMBLER_FILMS = Topic(
    name="assembler-films", owner="assembler", readers=("safety", "planner", "gateway"),
    facts=(assembly.FilmAssembled, assembly.FilmAssemblyFailed, assembly.FilmPublished), purpose="cuts and published films",
)  # fmt: skip
FILM_UPDATES = Topic(
    name="film-updates", owner="gateway", readers=("campaign",), facts=(films.FilmUpdated,),
    purpose="public status for campaign systems",
)  # fmt: skip
OPERATOR_AUDIT = Topic(
    name="operator-audit", owner="operator", facts=(operations.LetterHandled,), key="letter_id", partitions=1,
    retention_ms=365 * DAY_MS, purpose="what operators did with dead letters; outlives every letter, so none comes back",
)  # fmt: skip


def dead_letters_of(service: str) -> str:
    """Topic with the records that `service` could not handle."""
    return f"{service}-dlq"


def timers_of(service: str) -> str:
    """Topic with the due timers of `service`."""
    return f"{service}-timers"


def retries_of(service: str) -> tuple[str, ...]:
    """Retry topics of `service`, shortest delay first."""
    return tuple(f"{service}-retry-{delay}" for delay in RETRY_DELAYS_S)


def _own(service: str) -> list[Topic]:
    retries = [
        Topic(name=n, owner=service, readers=(service,), partitions=3, purpose="records to handle again later")
        for n in retries_of(service)
    ]
    return [
        *retries,
        Topic(
            name=dead_letters_of(service),
            owner=service,
            partitions=1,
            retention_ms=90 * DAY_MS,
            purpose="records for an operator",
        ),
        Topic(
            name=timers_of(service),
            owner=service,
            readers=(service,),
            facts=(timers.TimerDue,),
            partitions=3,
            purpose="due timers",
        ),
    ]


PUBLIC = (
    CAMPAIGN_BRIEFS, GATEWAY_FILMS, SAFETY_VERDICTS, PLANNER_FILMS, PLANNER_SHOTS_PREVIEW, PLANNER_SHOTS_FINAL,
    RENDERER_SHOTS, RENDERER_PROGRESS, CONTINUITY_REPORTS, ASSEMBLER_FILMS, FILM_UPDATES,
)  # fmt: skip
CATALOGUE: tuple[Topic, ...] = (*PUBLIC, *(topic for service in SERVICES for topic in _own(service)), OPERATOR_AUDIT)
BY_NAME = {topic.name: topic for topic in CATALOGUE}


@cache
def topics_read_by(service: str) -> tuple[str, ...]:
    """Names of all topics that `service` subscribes to, its retry and timer topics included."""
    return tuple(t.name for t in CATALOGUE if service in t.readers)


def topic_for(fact: Fact, writer: str) -> str:
    """Name of the topic that `writer` writes this fact to. Raises LookupError if it owns none for it."""
    if isinstance(fact, planning.ShotRequested):
        return (PLANNER_SHOTS_FINAL if fact.tier == "final" else PLANNER_SHOTS_PREVIEW).name
    owned = (t.name for t in CATALOGUE if t.owner == writer and type(fact) in t.facts)
    name = next(owned, None)
    if name is None:
        raise LookupError(f"{writer} owns no topic for {fact.TYPE}")
    return name
