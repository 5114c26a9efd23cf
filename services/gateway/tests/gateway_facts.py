"""Facts of films, as the other rooms would write them."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256

from storyreel_contracts import (
    ArtifactRef,
    Brief,
    BriefCleared,
    CutRequested,
    CutShot,
    Event,
    Fact,
    FilmAssembled,
    FilmCleared,
    FilmFailed,
    FilmPlanned,
    FilmPublished,
    FilmRequested,
    Finding,
    ModelRef,
    Plan,
    PlanCleared,
    PlannedShot,
    PolicyRef,
    Provenance,
    Remedy,
    Rendition,
    ReviewRequested,
    Segment,
    Severity,
    ShotCleared,
    ShotMatched,
    ShotProgressed,
    ShotRendered,
    Tier,
    build_key,
)
from storyreel_contracts.envelope import Envelope
from storyreel_contracts.ids import event_id, film_id
from storyreel_contracts.plan import Backend, Bible, Estimate, Scene
from storyreel_contracts.takes import Axis, Measure

START = datetime(2026, 11, 21, 12, tzinfo=UTC)
TENANT, BRIEF_EVENT = "acme", "brief-1"
FILM = film_id(TENANT, BRIEF_EVENT)
POLICY = PolicyRef(id="default", version="f" * 64)
MODEL = ModelRef(name="tiny-wan", version="v1")


def a_brief(**update: object) -> Brief:
    """A small brief."""
    fields: dict[str, object] = {"prompt": "A red sneaker runs through the rain.", "duration_s": 6.0, "title": "Sneaker launch"}
    return Brief.model_validate(fields | update)


def a_ref(name: str, media_type: str = "video/mp4") -> ArtifactRef:
    digest = sha256(name.encode()).hexdigest()
    return ArtifactRef(uri=f"s3://memory/sha256/{digest[:2]}/{digest}", sha256=digest, size=len(name), media_type=media_type)


def a_plan(shots: int = 3, prompt: str = "a red sneaker in the rain", **update: object) -> Plan:
    planned = [
        PlannedShot(
            shot_id=f"s{i + 1:02d}",
            start_frame=i * 48,
            frames=48,
            prompt=f"{prompt}, beat {i + 1}",
            seed=i,
            caption=f"Line {i + 1}",
        )
        for i in range(shots)
    ]
    estimate = Estimate(price_micros=900_000, device_seconds=30, finish_at=START + timedelta(minutes=9))
    plan = Plan(
        title="Sneaker launch", logline="A shoe outruns the weather.", fps=24, frames=48 * shots, aspects=["16:9", "9:16"],
        bible=Bible(style="vivid", setting="a wet street", lighting="neon dusk"), model=MODEL, estimate=estimate,
        scenes=[Scene(title="The run", beat="hook", shot_ids=[s.shot_id for s in planned])], shots=planned,
        backend=Backend(name="template"),
    )  # fmt: skip
    return plan.model_copy(update=update)


class Script:
    """Writes facts of one film, a second apart."""

    def __init__(self, film: str = FILM, tenant: str = TENANT, brief_event_id: str = BRIEF_EVENT) -> None:
        self.film, self.tenant, self.brief_event_id = film, tenant, brief_event_id
        self.events: list[Event] = []

    def say(self, fact: Fact, at: datetime | None = None) -> Event:
        moment = at or START + timedelta(seconds=len(self.events))
        identity = event_id(self.film, fact.TYPE, f"{len(self.events)}:{fact.model_dump_json()}")
        envelope = Envelope(event_id=identity, type=fact.TYPE, film_id=self.film, tenant_id=self.tenant, occurred_at=moment)
        self.events.append(Event(envelope, fact))
        return self.events[-1]

    def requested(self, **update: object) -> "Script":
        self.say(FilmRequested(brief=a_brief(**update), brief_event_id=self.brief_event_id, brief_sha256="a" * 64))
        return self

    def planned(self, version: int = 1, plan: Plan | None = None, *, cleared: bool = True) -> "Script":
        if version == 1:
            self.say(BriefCleared(version=1, policy=POLICY))
        self.say(FilmPlanned(version=version, plan=plan or a_plan(), plan_sha256="b" * 64))
        if cleared:
            self.say(PlanCleared(version=version, policy=POLICY))
        return self

    def take(self, shot_id: str, tier: Tier, version: int = 1, attempt: int = 1) -> str:
        key = build_key("take", [shot_id, tier, version, attempt])
        ids = {"version": version, "shot_id": shot_id, "tier": tier, "attempt": attempt}
        self.say(ShotProgressed(**ids, step=4, steps=8))
        self.say(
            ShotRendered(
                **ids,
                key=key,
                artifact=a_ref(f"{shot_id}{tier}{version}{attempt}"),
                width=320,
                height=180,
                frames=48,
                fps=24,
                seed=1,
                model=MODEL,
                device_seconds=1.5,
                cost_micros=30_000,
            )
        )
        self.say(ShotCleared(version=version, policy=POLICY, shot_id=shot_id, tier=tier, key=key))
        measure = Measure(axis=Axis.PALETTE, value=1.2, threshold=6, unit="deltaE2000", against="bible", passed=True)
        self.say(ShotMatched(**ids, key=key, measures=[measure]))
        return key

    def tier(self, tier: Tier, version: int = 1, *, publish: bool = False) -> "Script":
        keys = {f"s{i:02d}": self.take(f"s{i:02d}", tier, version) for i in (1, 2, 3)}
        cut_key = build_key("cut", [tier, version])
        shots = [CutShot(shot_id=s, key=k, artifact=a_ref(k), seed=1, model=MODEL) for s, k in keys.items()]
        self.say(CutRequested(version=version, tier=tier, cut_key=cut_key, shots=shots, publish=publish))
        self.say(an_assembly(tier, version, cut_key))
        self.say(FilmCleared(version=version, policy=POLICY, tier=tier, cut_key=cut_key))
        return self

    def published(self, version: int = 1) -> "Script":
        files = {"film-16x9.mp4": a_ref(f"film{version}"), "captions.vtt": a_ref(f"vtt{version}", "text/vtt")}
        seal = Provenance(state="Valid", issuer="Storyreel development", signed=["film-16x9.mp4"])
        self.say(FilmPublished(version=version, cut_key="c" * 64, files=files, provenance=seal, cost_micros=180_000))
        return self

    def failed(self, kind: str, version: int = 1) -> "Script":
        self.say(FilmFailed(version=version, kind=kind, reason="it could not be"))
        return self

    def review(self, review_id: str = "r1", subject: str = "plan", version: int = 1, **update: object) -> "Script":
        finding = Finding(
            rule="public-figure",
            category="people",
            severity=Severity.REVIEW,
            where="shots[1].prompt",
            explanation="Names a public figure.",
        )
        fields: dict[str, object] = {
            "version": version, "review_id": review_id, "subject": subject, "policy": POLICY, "findings": [finding],
            "remedies": [Remedy(action="rewrite", explanation="Leave the name out.")], "due_at": START + timedelta(hours=4),
        }  # fmt: skip
        self.say(ReviewRequested.model_validate(fields | update))
        return self


def an_assembly(tier: Tier, version: int, cut_key: str) -> FilmAssembled:
    """A cut in two aspects."""
    renditions = [
        Rendition(aspect=aspect, artifact=a_ref(f"{tier}{version}{aspect}"), width=1280, height=720, frames=144, fps=24)
        for aspect in ("16:9", "9:16")
    ]
    segment = Segment(shot_id="s01", aspect="16:9", key="d" * 64, artifact=a_ref("segment"), frames=48)
    return FilmAssembled(
        version=version, tier=tier, cut_key=cut_key, renditions=renditions, segments=[segment], captions=a_ref("v", "text/vtt"),
        timeline=a_ref("otio", "application/json"), thumbnail=a_ref("thumb", "image/jpeg"),
    )  # fmt: skip


def a_whole_film() -> list[Event]:
    """All facts of a film that went well."""
    return Script().requested().planned().tier(Tier.PREVIEW).tier(Tier.FINAL, publish=True).published().events
