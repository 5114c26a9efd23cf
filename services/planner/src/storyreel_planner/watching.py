"""A director that is watched: what it decides is counted and shown on the board. Built by `app` around the pure one."""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

from storyreel_contracts import Event, FilmFailed, ShotDowngraded, ShotRenderFailed, ShotRequested
from storyreel_contracts.decisions import Decision, NewFact, Task

from storyreel_planner import metrics
from storyreel_planner.domain.director import Director
from storyreel_planner.domain.state import FilmState
from storyreel_planner.domain.status import standing

_REMEMBERED = 20_000


@dataclass
class WatchedDirector:
    """Decides as `director` does. An event may be decided more than once (conflicts, retries); it counts once."""

    director: Director
    board: metrics.FilmBoard
    _counted: OrderedDict[tuple[str, str], None] = field(default_factory=OrderedDict)

    def empty(self) -> FilmState:
        """As the director does."""
        return self.director.empty()

    def decide(self, state: FilmState, event: Event) -> Decision[FilmState]:
        """As the director does, and counted."""
        decision = self.director.decide(state, event)
        if isinstance(event.data, ShotRenderFailed) and self._first(event.film_id, event.event_id):
            metrics.RENDER_FAILURES.labels(event.data.kind.value).inc()
        return self._watch(event, decision)

    def absorb(self, state: FilmState, event: Event, task: Task, outcome: Any) -> Decision[FilmState]:
        """As the director does, and counted."""
        return self._watch(event, self.director.absorb(state, event, task, outcome))

    def _watch(self, event: Event, decision: Decision[FilmState]) -> Decision[FilmState]:
        for fact in decision.facts:
            if self._first(event.film_id, f"{fact.data.TYPE}:{fact.discriminator}"):
                _count(fact)
        stage, since = standing(decision.state)
        if since is None:
            self.board.remove(event.film_id)
        else:
            self.board.place(event.film_id, stage, since)
        return decision

    def _first(self, film_id: str, name: str) -> bool:
        if (film_id, name) in self._counted:
            return False
        self._counted[film_id, name] = None
        if len(self._counted) > _REMEMBERED:
            self._counted.popitem(last=False)
        return True


def _count(fact: NewFact) -> None:
    match fact.data:
        case ShotRequested() as asked:
            metrics.REQUESTS.labels(asked.tier.value, str(asked.attempt)).inc()
        case ShotDowngraded() as less:
            metrics.DOWNGRADES.labels(less.quality).inc()
        case FilmFailed() as failed:
            metrics.FAILURES.labels(failed.kind.value).inc()
