"""The gateway's decider: every fact changes the film's view; a changed status is told to campaign systems."""

from typing import Any

from pydantic import AwareDatetime, Field
from storyreel_contracts import Event, FilmRequested, FilmUpdated, Model, ShotProgressed, TimerDue
from storyreel_contracts.decisions import Decision, NewFact, Task

from storyreel_gateway.domain.presenting import brief_event_id, film_view, summary_of
from storyreel_gateway.domain.reading import read
from storyreel_gateway.domain.shots import shot_of
from storyreel_gateway.domain.slots import Line
from storyreel_gateway.domain.state import FilmState
from storyreel_gateway.domain.status import open_reviews, status_of
from storyreel_gateway.domain.view import ShotView, Summary
from storyreel_gateway.domain.words import line_of


class LiveEvent(Model):
    """One entry of a film's live log: what happened, and how the film and the shot stand now."""

    id: str = ""
    at: AwareDatetime | None = None
    type: str
    text: str = ""
    version: int = 1
    shot_id: str = ""
    film: Summary
    shot: ShotView | None = None


class Announce(Model):
    """Work that follows a fact: tell the watchers, keep the tenant's lists."""

    film_id: str
    tenant_id: str
    live: LiveEvent
    listed_at: AwareDatetime | None = Field(default=None, description="put the film on its tenant's list at this time")
    opened: dict[str, AwareDatetime] = Field(default_factory=dict, description="reviews that opened, with their due time")
    closed: list[str] = Field(default_factory=list, description="reviews that closed")


class GatewayDecider:
    """Folds all facts of a film into its view."""

    def empty(self) -> FilmState:
        """Nothing is known yet."""
        return FilmState()

    def decide(self, state: FilmState, event: Event) -> Decision[FilmState]:
        """Read the fact; say `film.updated` if the status changed."""
        if isinstance(event.data, FilmUpdated | TimerDue):
            return Decision(state=state)
        after = read(state, event)
        task = Task(key="announce", work=_announce(state, after, event))
        return Decision(state=after, facts=_update(state, after), tasks=[task])

    def absorb(self, state: FilmState, event: Event, task: Task, outcome: Any) -> Decision[FilmState]:  # noqa: ARG002
        """Announcing changes nothing."""
        return Decision(state=state)


def _update(before: FilmState, after: FilmState) -> list[NewFact]:
    if after.requested is None and after.rejected is None:
        return []  # nobody could match the update to a brief; the fact that names the brief will bring it
    told = before.requested is not None or before.rejected is not None
    if told and (status_of(before), before.newest) == (status_of(after), after.newest):
        return []
    return [NewFact(data=updated_fact(after))]


def updated_fact(film: FilmState) -> FilmUpdated:
    """The film's public status."""
    view, outcome = film_view(film), film.version(film.newest).outcome
    return FilmUpdated(
        version=view.version, status=view.status, brief_event_id=brief_event_id(film), campaign_ref=view.campaign_ref,
        detail=view.detail, price_micros=view.price_micros, budget_micros=view.budget_micros, finish_at=view.finish_at,
        problems=view.problems, files=outcome.files if outcome else {},
    )  # fmt: skip


def _announce(before: FilmState, after: FilmState, event: Event) -> Announce:
    old, new = open_reviews(before), open_reviews(after)
    opened = {k: review.asked.fact.due_at for k, (_, review) in new.items() if k not in old and review.asked}
    first = before.requested is None and before.rejected is None and (after.requested or after.rejected)
    listed = event.envelope.occurred_at if first or isinstance(event.data, FilmRequested) else None
    return Announce(
        film_id=after.film_id, tenant_id=after.tenant_id, live=_live(after, event), listed_at=listed,
        opened=opened, closed=sorted(set(old) - set(new)),
    )  # fmt: skip


def _live(film: FilmState, event: Event) -> LiveEvent:
    shot_id = getattr(event.data, "shot_id", "")
    shot = shot_of(film, film.newest, shot_id) if shot_id else None
    line = line_of(event) or _quiet(event)
    return LiveEvent(**dict(line), film=summary_of(film), shot=shot)


def _quiet(event: Event) -> Line:
    data = event.data
    text = f"Step {data.step} of {data.steps}" if isinstance(data, ShotProgressed) else ""
    version, shot_id = getattr(data, "version", 1), getattr(data, "shot_id", "")
    return Line(
        at=event.envelope.occurred_at, id=event.event_id, type=event.envelope.type, text=text, version=version, shot_id=shot_id
    )


__all__ = ["Announce", "GatewayDecider", "LiveEvent", "updated_fact"]
