"""This room's metric catalogue, and the board of films that this process directs."""

from collections import Counter as Tally
from collections import OrderedDict
from collections.abc import Callable, Iterable
from datetime import datetime

from prometheus_client import Counter
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

PLANS = Counter("storyreel_planner_plans", "Plans written, by backend.", ["backend"])
FALLBACKS = Counter("storyreel_planner_fallbacks", "Plans that the template wrote instead of the model, by cause.", ["kind"])
ANSWERS = Counter("storyreel_planner_model_answers", "Answers of the language model, by what was wrong.", ["verdict"])
REQUESTS = Counter("storyreel_planner_render_requests", "Renders asked for, by tier and attempt.", ["tier", "attempt"])
DOWNGRADES = Counter("storyreel_planner_downgrades", "Shots accepted below what was asked, by quality class.", ["quality"])
FAILURES = Counter("storyreel_planner_films_failed", "Versions that ended without a film, by kind.", ["kind"])
RENDER_FAILURES = Counter("storyreel_planner_render_failures", "Renders that came back without a take, by kind.", ["kind"])

_FILMS_KEPT = 50_000


class FilmBoard(Collector):
    """Unfinished films that this process has handled last, by state, and the age of the oldest.

    It knows what this process has seen since it started: after a rebalance a film may stand on two boards until one of
    them hears of its end, so alerts take `max` of the age and dashboards read the counts per instance.
    """

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._films: OrderedDict[str, tuple[str, datetime]] = OrderedDict()

    def place(self, film_id: str, stage: str, since: datetime) -> None:
        """The film stands at `stage`; its newest version began at `since`."""
        self._films[film_id] = (stage, since)
        self._films.move_to_end(film_id)
        while len(self._films) > _FILMS_KEPT:
            self._films.popitem(last=False)

    def remove(self, film_id: str) -> None:
        """The film is finished."""
        self._films.pop(film_id, None)

    def collect(self) -> Iterable[Metric]:
        """Prometheus asks."""
        films = list(self._films.values())
        states = GaugeMetricFamily("storyreel_films_in_state", "Unfinished films by state, as seen here.", labels=["state"])
        for stage, count in sorted(Tally(stage for stage, _ in films).items()):
            states.add_metric([stage], count)
        oldest = min((since for _, since in films), default=None)
        age = max(0.0, (self._now() - oldest).total_seconds()) if oldest else 0.0
        yield states
        yield GaugeMetricFamily(
            "storyreel_oldest_unfinished_film_age_seconds", "Age of the oldest unfinished film, as seen here.", value=age
        )
