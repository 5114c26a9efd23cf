"""A small studio around the real director: queues per topic, rooms that answer as told, a clock, a claims table.

`Studio` delivers in any order that Kafka allows (order within a topic, none between topics), delivers twice, and lets
timers run out whenever it likes. What the other rooms answer is a table, so two runs differ by order alone.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

from storyreel_contracts import (
    ArtifactRef,
    Brief,
    CutRequested,
    Envelope,
    Event,
    Fact,
    FailureKind,
    FilmAssembled,
    FilmAssemblyFailed,
    FilmBlocked,
    FilmCancelled,
    FilmCleared,
    FilmEditRequested,
    FilmFailed,
    FilmPlanned,
    FilmPublished,
    FilmRequested,
    Finding,
    ModelCard,
    PlanBlocked,
    PlanCleared,
    PolicyRef,
    Provenance,
    Remedy,
    Rendition,
    Severity,
    ShotBlocked,
    ShotCleared,
    ShotDrifted,
    ShotMatched,
    ShotRendered,
    ShotRenderFailed,
    ShotRequested,
    Tier,
    TimerDue,
    build_key,
)
from storyreel_contracts.brief import BrandKit, Budget, StoryboardFrame
from storyreel_contracts.films import Edit
from storyreel_contracts.ids import event_id
from storyreel_contracts.plan import Backend
from storyreel_contracts.prompt_writer import PromptWriter
from storyreel_contracts.takes import Axis, Correction, Measure
from storyreel_contracts.verdicts import BriefCleared
from storyreel_planner.domain.composing import Written, compose
from storyreel_planner.domain.director import Director
from storyreel_planner.domain.editing import edited, softened
from storyreel_planner.domain.rules import Rules
from storyreel_planner.domain.state import FilmState
from storyreel_planner.domain.template import write_script
from storyreel_planner.domain.work import ClaimOutcome, ClaimResult, PlanOutcome, PlanRecord, Refusal, WritePlan

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
FILM = "0e7b2c8e-0000-5000-8000-000000000001"
TENANT = "acme"
POLICY = PolicyRef(id="default", version="1")
RULES = Rules()

CARD = ModelCard.model_validate(
    {
        "name": "tiny-wan", "version": "abc123", "stages": ["preview", "final"],
        "sizes": {
            "preview": {"16:9": [128, 80], "9:16": [80, 128], "1:1": [96, 96]},
            "final": {"16:9": [256, 144], "9:16": [144, 256], "1:1": [192, 192]},
        },
        "fps": 16, "max_frames": 65, "steps": {"preview": 4, "final": 8}, "guidance": 1.0,
        "device_seconds": {"preview": 2.5, "final": 6.0},
    }
)  # fmt: skip

# The same model, able to pause a final after half of its steps and show it.
DRAFTING = CARD.model_copy(update={"draft_steps": 4})

# A model with a vocabulary of its own, as the studio model's world has it.
_WRITER = PromptWriter.model_validate_json((Path(__file__).parent / "data" / "studio_writer.json").read_bytes())
STUDIO_CARD = CARD.model_copy(update={"name": "studio", "prompt_writer": _WRITER})


def a_ref(name: str, media_type: str = "image/png") -> ArtifactRef:
    """A reference to bytes that nobody reads."""
    digest = build_key("ref", name)
    return ArtifactRef(uri=f"s3://b/{digest}", sha256=digest, size=1, media_type=media_type)


def a_storyboard(*seconds: float) -> list[StoryboardFrame]:
    """Frames of these lengths."""
    frames, at = [], 0.0
    for i, length in enumerate(seconds):
        words: Any = {"prompt": f"a red shoe, moment {i}", "caption": f"Line {i}", "narration": f"Voice {i}"}
        frames.append(StoryboardFrame(start_s=at, end_s=at + length, **words))
        at += length
    return frames


def a_brief(**changes: Any) -> Brief:
    """A brief of three shots of three seconds."""
    storyboard = changes.pop("storyboard", a_storyboard(3, 3, 3))
    duration = storyboard[-1].end_s if storyboard else 9.0
    usual: dict[str, Any] = {
        "prompt": "A red running shoe on a city street at sunset.",
        "title": "Run",
        "storyboard": storyboard,
        "duration_s": duration,
        "brand": BrandKit(name="Aero", primary_color="#E63946", call_to_action="Find your pair", end_card_s=1),
    }
    return Brief(**(usual | changes))


def a_budget(dollars: str) -> Budget:
    """So many dollars."""
    return Budget(amount=Decimal(dollars))


def work_for(brief: Brief, **changes: Any) -> WritePlan:
    """The work of planning a brief."""
    usual: dict[str, Any] = {
        "film_id": FILM, "tenant_id": TENANT, "version": 1, "attempt": 1, "brief": brief, "now": NOON,
    }  # fmt: skip
    return WritePlan(**(usual | changes))


def plan_for(brief: Brief, card: ModelCard = CARD, rules: Rules = RULES, **changes: Any) -> PlanRecord:
    """The template's plan of a brief."""
    return compose(work_for(brief, **changes), Written(write_script(brief, card), Backend(name="template")), card, rules)


def a_finding(where: str, category: str = "violence") -> Finding:
    """Something that safety saw."""
    return Finding(rule="r1", category=category, severity=Severity.BLOCK, where=where, explanation="seen by the rule")


def a_remedy(action: str = "rewrite", where: str = "") -> Remedy:
    """A way out."""
    return Remedy.model_validate({"action": action, "explanation": "do this", "field": where})


def verdict(kind: type[Any], version: int = 1, **more: Any) -> Any:
    """A verdict with the usual policy; blocks carry a finding and a remedy unless told otherwise."""
    if kind.__name__.endswith("Blocked"):
        more.setdefault("remedies", [a_remedy()])
        more.setdefault("findings", [a_finding("shots[0].prompt")])
    return kind(version=version, policy=POLICY, **more)


# What comes of the take (tier, shot id, attempt): good, drifted, blocked, hopeless (no machine remedy), or a failure kind.
Fates = Mapping[tuple[str, str, int], str]


@dataclass
class Studio:
    """One film from request to end. `order` decides everything that Kafka leaves open."""

    brief: Brief
    order: Random = field(default_factory=lambda: Random(0))
    fates: Fates = field(default_factory=dict)
    rules: Rules = RULES
    card: ModelCard = CARD
    duplicates: float = 0.0
    early_timers: float = 0.0
    plan_verdicts: list[str] = field(default_factory=list)  # per plan attempt; then cleared
    film_verdicts: dict[str, str] = field(default_factory=dict)  # per tier; else cleared
    assembly_failures: int = 0
    names_plans: bool = True  # False: a safety of an earlier release, whose verdicts name no plan
    dry_run: bool = False
    cost_share: float = 1.0  # of the price limit that a render costs
    on_step: Callable[["Studio"], None] | None = None

    def __post_init__(self) -> None:
        self.director, self.state, self.now = Director(self.rules), FilmState(), NOON
        self.queues: dict[str, list[Event]] = defaultdict(list)
        self.timers: dict[str, datetime] = {}
        self.published: dict[str, Event] = {}
        self.claims: dict[int, str] = {}
        self.terminal: list[tuple[int, str]] = []
        self.plans: dict[tuple[int, int], PlanRecord] = {}
        self.delivered: list[Event] = []
        self.paid = 0
        self.reserved: dict[tuple[int, Tier, str, int], int] = {}
        self.failed_assemblies = 0
        self.request = FilmRequested(
            brief=self.brief, brief_event_id="b1", brief_sha256=build_key("b", "1"), dry_run=self.dry_run
        )
        asked = self.emit("gateway-films", self.request, "")
        self.emit("safety-verdicts", verdict(BriefCleared), asked.event_id)

    # --- the broker

    def emit(self, topic: str, fact: Fact, cause: str, discriminator: str = "") -> Event:
        """A room writes a fact."""
        envelope = Envelope(
            event_id=event_id(cause or "first", fact.TYPE, discriminator),
            type=fact.TYPE,
            film_id=FILM,
            tenant_id=TENANT,
            occurred_at=self.now,
        )
        event = Event(envelope, fact)
        self.queues[topic].append(event)
        return event

    def run(self, steps: int = 5_000) -> "Studio":
        """Deliver until nothing is left to deliver."""
        for _ in range(steps):
            if not self.step():
                return self
        raise AssertionError("the film never comes to rest")

    def step(self) -> bool:
        """Deliver one event, or let a timer run out."""
        self.now += timedelta(seconds=1)
        topics = sorted(t for t, q in self.queues.items() if q)
        if self.timers and (not topics or self.order.random() < self.early_timers):
            self._ring()
        elif not topics:
            return False
        elif self.delivered and self.order.random() < self.duplicates:
            self.deliver(self.order.choice(self.delivered))
        else:
            self.deliver(self.queues[self.order.choice(topics)].pop(0))
        if self.on_step:
            self.on_step(self)
        return True

    def _ring(self) -> None:
        name = min(self.timers, key=lambda n: (self.timers[n], n))
        due = self.timers.pop(name)
        self.now = max(self.now, due)
        self.emit("planner-timers", TimerDue(name=name, due=due), name, str(due))

    def deliver(self, event: Event) -> None:
        """The planner handles one event, as the chassis would; state goes through JSON every time."""
        self.delivered.append(event)
        decision = self.director.decide(self.state, event)
        state, facts, timers = decision.state, [*decision.facts], [*decision.timers]
        for task in decision.tasks:
            more = self.director.absorb(state, event, task, self._perform(task.work))
            assert not more.tasks, "absorb may not ask for work"
            state, facts, timers = more.state, [*facts, *more.facts], [*timers, *more.timers]
        self.state = FilmState.model_validate_json(state.model_dump_json())
        self.timers |= {t.name: t.due for t in timers}
        for fact in facts:
            self._publish(event, fact)

    def _publish(self, event: Event, fact: Any) -> None:
        cause = fact.cause_id or event.event_id
        identity = event_id(cause, fact.data.TYPE, fact.discriminator)
        if identity in self.published:
            return  # readers drop what they have seen
        envelope = Envelope(
            event_id=identity, type=fact.data.TYPE, film_id=FILM, tenant_id=TENANT, occurred_at=self.now, cause_id=cause
        )
        self.published[identity] = Event(envelope, fact.data)
        self._react(identity, fact.data)

    # --- the planner's own work, as `handlers` does it

    def _perform(self, work: Any) -> Any:
        if isinstance(work, ClaimOutcome):
            return ClaimResult(failed=self._claim_failed(work.version, work.failed))
        assert isinstance(work, WritePlan)
        if (work.version, work.attempt) not in self.plans:
            try:
                self.plans[work.version, work.attempt] = self._write(work)
            except Refusal as no:
                return PlanOutcome(failed=self._claim_failed(work.version, no.failed))
        return PlanOutcome(record=self.plans[work.version, work.attempt])

    def _write(self, work: WritePlan) -> PlanRecord:
        if work.edits and work.base:
            return edited(work, work.base, self.rules)
        if work.objections and work.base:
            return softened(work, work.base, self.rules)
        script = Written(write_script(work.brief, self.card), Backend(name="template"))
        return compose(work, script, self.card, self.rules)

    def _claim_failed(self, version: int, failed: FilmFailed) -> FilmFailed | None:
        return failed if self.claim(version, "failed") else None

    def claim(self, version: int, outcome: str) -> bool:
        """First writer wins; the same writer may ask again."""
        return self.claims.setdefault(version, outcome) == outcome

    # --- the other rooms

    def _react(self, cause: str, fact: Fact) -> None:
        match fact:
            case FilmPlanned():
                self._screen_plan(cause, fact)
            case ShotRequested():
                self._render(cause, fact)
            case CutRequested():
                self._assemble(cause, fact)
            case FilmFailed():
                self.terminal.append((fact.version, "failed"))

    def _screen_plan(self, cause: str, fact: FilmPlanned) -> None:
        blocked = fact.attempt <= len(self.plan_verdicts) and self.plan_verdicts[fact.attempt - 1] == "blocked"
        named = {"plan_sha256": fact.plan_sha256} if self.names_plans else {}
        self.emit("safety-verdicts", verdict(PlanBlocked if blocked else PlanCleared, fact.version, **named), cause)

    def _render(self, cause: str, ask: ShotRequested) -> None:
        self.reserved[ask.version, ask.tier, ask.shot_id, ask.attempt] = ask.price_limit_micros
        if self.claims.get(ask.version):
            return  # dropped without an answer, as the renderer does with what nobody waits for
        same: Any = {n: getattr(ask, n) for n in ("version", "shot_id", "tier", "attempt", "key")}
        fate = self.fates.get((ask.tier.value, ask.shot_id, ask.attempt), "good")
        cost = int(ask.price_limit_micros * self.cost_share)
        self.paid += cost
        if fate in set(FailureKind):
            lost = ShotRenderFailed(**same, kind=FailureKind(fate), reason="as told", cost_micros=cost)
            self.emit("renderer-shots", lost, cause)
            return
        take = ShotRendered(
            **same, artifact=a_ref(ask.key, "video/mp4"), width=ask.spec.width, height=ask.spec.height,
            frames=ask.spec.frames, fps=ask.spec.fps, seed=ask.spec.seed, model=ask.spec.model, device_seconds=1.0,
            cost_micros=cost,
        )  # fmt: skip
        rendered = self.emit("renderer-shots", take, cause)
        self._judge(rendered.event_id, ask, fate)

    def _judge(self, cause: str, ask: ShotRequested, fate: str) -> None:
        subject: Any = {"shot_id": ask.shot_id, "tier": ask.tier, "key": ask.key}
        if fate in {"blocked", "hopeless"}:
            way = a_remedy("replace_media" if fate == "hopeless" else "slow_down")
            self.emit("safety-verdicts", verdict(ShotBlocked, ask.version, remedies=[way], **subject), cause)
        else:
            self.emit("safety-verdicts", verdict(ShotCleared, ask.version, **subject), cause)
        measured: Any = {"version": ask.version, "attempt": ask.attempt, **subject}
        measures = [Measure(axis=Axis.PALETTE, value=9, threshold=6, unit="deltaE2000", against="bible", passed=False)]
        if fate == "drifted":
            hint = Correction(axis=Axis.PALETTE, explanation="too blue", prompt_hint="warmer light")
            self.emit("continuity-reports", ShotDrifted(**measured, measures=measures, corrections=[hint]), cause)
        else:
            self.emit("continuity-reports", ShotMatched(**measured, measures=[]), cause)

    def _assemble(self, cause: str, ask: CutRequested) -> None:
        same: Any = {"version": ask.version, "tier": ask.tier, "cut_key": ask.cut_key}
        if self.failed_assemblies < self.assembly_failures:
            self.failed_assemblies += 1
            failure = FilmAssemblyFailed(**same, kind=FailureKind.INTERNAL, reason="as told")
            self.emit("assembler-films", failure, cause)
            return
        film = Rendition(aspect="16:9", artifact=a_ref(ask.cut_key, "video/mp4"), width=2, height=2, frames=1, fps=24)
        paper: Any = {"captions": a_ref("c"), "timeline": a_ref("t"), "thumbnail": a_ref("n")}
        done = self.emit("assembler-films", FilmAssembled(**same, renditions=[film], segments=[], **paper), cause)
        blocked = self.film_verdicts.get(ask.tier.value) == "blocked"
        seen = self.emit("safety-verdicts", verdict(FilmBlocked if blocked else FilmCleared, **same), done.event_id)
        if ask.publish and not blocked and self.claim(ask.version, "published"):
            self.terminal.append((ask.version, "published"))
            seal = Provenance(state="Valid", issuer="test", signed=[])
            out = FilmPublished(version=ask.version, cut_key=ask.cut_key, files={}, provenance=seal, cost_micros=0)
            self.emit("assembler-films", out, seen.event_id)

    # --- the gateway

    def cancel(self, version: int = 1, superseded_by: int | None = None) -> bool:
        """Someone cancels; False if the version had ended."""
        if not self.claim(version, "cancelled"):
            return False
        if (version, "cancelled") not in self.terminal:
            self.terminal.append((version, "cancelled"))
            why = FilmCancelled(version=version, reason="asked", requested_by="p", superseded_by=superseded_by)
            self.emit("gateway-films", why, f"cancel{version}")
        return True

    def edit(self, version: int, *edits: Edit) -> None:
        """Someone changes the film: version `version` begins."""
        self.cancel(version - 1, superseded_by=version)
        fact = FilmEditRequested(version=version, base_version=version - 1, edits=list(edits), requested_by="p")
        self.emit("gateway-films", fact, f"edit{version}")

    # --- questions

    def facts(self, kind: type[Any]) -> list[Any]:
        """All facts of a kind, in the order of publishing."""
        return [e.data for e in self.published.values() if isinstance(e.data, kind)]

    def outcome(self, version: int = 1) -> list[str]:
        """Terminal facts of a version; exactly one is right."""
        return [word for number, word in self.terminal if number == version]
