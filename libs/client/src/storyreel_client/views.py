"""What the gateway shows of a film. Tolerant: fields that a newer gateway adds are ignored, missing ones have a default."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from storyreel_contracts import FilmStatus, Problem, Remedy

_WORK_IN_PROGRESS = ("shot-", "keyframe-", "preview-", "final-", "evidence-")
_FACTS_KEPT = 600


class View(BaseModel):
    """Base of all views."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class ShotView(View):
    """One shot with its newest take. Times are seconds, prices millionths of a US dollar.

    `safety` is pending, cleared, blocked or review; `continuity` is pending, matched or drifted.
    """

    shot_id: str
    tier: str = ""
    status: str = "waiting"
    attempt: int = 0
    step: int = 0
    steps: int = 0
    reason: str = ""
    safety: str = "pending"
    continuity: str = "pending"
    price_micros: int = 0
    device_seconds: float = 0.0
    reused: bool = False
    quality: str = ""


class Happening(View):
    """One fact in plain words."""

    id: str = ""
    at: datetime
    type: str = ""
    text: str
    version: int = 1


class File(View):
    """Something to download."""

    size: int = 0
    sha256: str = ""
    href: str = ""


class Summary(View):
    """A film in one row; every live event carries one."""

    film_id: str
    version: int = 1
    status: FilmStatus = FilmStatus.UNKNOWN
    detail: str = ""
    title: str = ""
    campaign_ref: str = ""
    price_micros: int = 0
    budget_micros: int = 0
    finish_at: str = ""

    @property
    def done(self) -> bool:
        """Whether nothing more happens to this version."""
        return self.status.terminal


class FilmView(Summary):
    """A film as it stands; facts newest first."""

    shots: tuple[ShotView, ...] = ()
    facts: tuple[Happening, ...] = ()
    problems: tuple[Problem, ...] = ()
    remedies: tuple[Remedy, ...] = ()
    artifacts: dict[str, File] = Field(default_factory=dict)
    links: dict[str, str] = Field(default_factory=dict)

    @property
    def files(self) -> dict[str, File]:
        """What was published, by name; takes, preview cuts and evidence are left out."""
        return {n: f for n, f in self.artifacts.items() if not n.startswith(_WORK_IN_PROGRESS)}


class LiveEvent(View):
    """One server-sent event: a fact, and how film and shot stand after it."""

    id: str = ""
    at: datetime | None = None
    type: str = ""
    text: str = ""
    version: int = 1
    film: Summary
    shot: ShotView | None = None


class Submission(View):
    """The gateway's answer to a brief."""

    film_id: str
    brief_event_id: str = ""
    links: dict[str, str] = Field(default_factory=dict)


class Review(View):
    """Something that a person must decide."""

    review_id: str
    film_id: str = ""
    version: int = 1
    state: str = ""
    subject: str = ""
    shot_id: str = ""
    due_at: str = ""
    findings: tuple[dict[str, Any], ...] = ()
    remedies: tuple[dict[str, Any], ...] = ()


def after(view: FilmView, live: LiveEvent) -> FilmView | None:
    """The film once the event is known, or None where the event alone does not tell (another version, new shots, the end)."""
    shots = {s.shot_id: s for s in view.shots}
    if live.film.version != view.version or live.film.done or live.type.startswith("film.planned"):
        return None
    if live.shot is not None and live.shot.shot_id not in shots:
        return None
    if live.shot is not None:
        shots[live.shot.shot_id] = live.shot
    facts = view.facts
    if live.text and live.at and not live.type.startswith("shot.progressed") and all(f.id != live.id for f in facts):
        happened = Happening(id=live.id, at=live.at, type=live.type, text=live.text, version=live.version)
        facts = (happened, *facts)[:_FACTS_KEPT]
    return view.model_copy(update={**dict(live.film), "shots": tuple(shots.values()), "facts": facts})
