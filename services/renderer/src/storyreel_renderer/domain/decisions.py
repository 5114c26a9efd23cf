"""The renderer's decider: which requests become work, which versions are over, and what is said of the outcome."""

from datetime import datetime
from typing import Any

from pydantic import Field
from storyreel_contracts.base import Fact, Model
from storyreel_contracts.decisions import Decision, NewFact, Task
from storyreel_contracts.envelope import Event
from storyreel_contracts.films import FilmCancelled
from storyreel_contracts.planning import ShotRequested
from storyreel_contracts.takes import ShotRendered, ShotRenderFailed

from storyreel_renderer.domain.takes import Dropped, Lost, Outcome, Taken


class RendererState(Model):
    """One film: versions that ended, and how each request was answered (`v1/s01/preview/1` -> `rendered`)."""

    ended: frozenset[int] = frozenset()
    answered: dict[str, str] = Field(default_factory=dict)


class RenderShot(Model):
    """Work: bring this take into being, or say why not."""

    film_id: str
    tenant_id: str
    event_id: str
    deadline: datetime | None
    request: ShotRequested


class StopVersion(Model):
    """Work: stop everything that this replica renders for a version."""

    film_id: str
    version: int


class RendererDecider:
    """Pure half of the room."""

    def empty(self) -> RendererState:
        """A film without requests."""
        return RendererState()

    def decide(self, state: RendererState, event: Event) -> Decision[RendererState]:
        """A request of a living version becomes work; a cancelled version stops what runs for it."""
        match event.data:
            case ShotRequested() as request if request.version not in state.ended:
                return Decision(state=state, tasks=(_render(event, request),))
            case FilmCancelled(version=version):
                ended = state.model_copy(update={"ended": state.ended | {version}})
                stop = Task(key=f"stop/v{version}", work=StopVersion(film_id=event.film_id, version=version))
                return Decision(state=ended, tasks=(stop,))
            case _:
                return Decision(state=state)

    def absorb(self, state: RendererState, event: Event, task: Task, outcome: Any) -> Decision[RendererState]:
        """Say what became of a request; a dropped one and a stop leave nothing to say."""
        if not isinstance(task.work, RenderShot):
            return Decision(state=state)
        request = task.work.request
        answered = state.model_copy(update={"answered": state.answered | {_name(request): _word(outcome)}})
        fact = _fact(event, request, outcome)
        return Decision(state=answered, facts=(NewFact(data=fact),) if fact else ())


def _render(event: Event, request: ShotRequested) -> Task:
    work = RenderShot(
        film_id=event.film_id,
        tenant_id=event.envelope.tenant_id,
        event_id=event.event_id,
        deadline=event.envelope.deadline,
        request=request,
    )
    return Task(key=f"render/{_name(request)}", work=work)


def _name(request: ShotRequested) -> str:
    return f"v{request.version}/{request.shot_id}/{request.tier}/{request.attempt}"


def _word(outcome: Outcome) -> str:
    match outcome:
        case Taken():
            return "rendered"
        case Lost(kind=kind):
            return kind.value
        case Dropped():
            return "dropped"


def _fact(event: Event, request: ShotRequested, outcome: Outcome) -> Fact | None:
    same = {name: getattr(request, name) for name in ("version", "shot_id", "tier", "attempt", "key")}
    match outcome:
        case Taken() as take:
            # Who paid is written in the take, so that handling the same request twice says the same cost twice.
            paid = take.paid_by == event.event_id
            bill = {"reused": not paid} if paid else {"reused": True, "device_seconds": 0.0, "cost_micros": 0}
            told = take.model_dump(exclude={"paid_by", "token"})
            return ShotRendered.model_validate(same | told | bill)
        case Lost() as lost:
            return ShotRenderFailed.model_validate(same | lost.model_dump())
        case Dropped():
            return None
