"""The film as a log: one line per change with its time first, or one JSON object per change."""

from collections.abc import Callable
from datetime import UTC, datetime
from types import TracebackType
from typing import Protocol, Self

from storyreel_client.cli.live import LiveView
from storyreel_client.cli.output import Output, money
from storyreel_client.cli.words import status_of
from storyreel_client.views import FilmView

Clock = Callable[[], datetime]


class Watcher(Protocol):
    """Something that shows a film while it changes."""

    def __enter__(self) -> Self: ...

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None: ...

    def show(self, view: FilmView) -> None:
        """The film as it stands now."""
        ...


class LineView:
    """One line for each new fact and each new stage, oldest first."""

    def __init__(self, output: Output, clock: Clock = lambda: datetime.now(UTC)) -> None:
        self._output, self._clock = output, clock
        self._seen: set[str] = set()
        self._stage: tuple[object, ...] = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def show(self, view: FilmView) -> None:
        """Print what is new since the last time."""
        for fact in reversed(view.facts):
            if fact.id not in self._seen:
                self._seen.add(fact.id)
                self._line(fact.at, fact.text)
        stage = (view.version, view.status)
        if stage != self._stage:
            self._stage = stage
            price = f"{money(view.price_micros)} of {money(view.budget_micros)}"
            self._line(self._clock(), " · ".join(p for p in (status_of(view), price, view.detail) if p))

    def _line(self, at: datetime, text: str) -> None:
        stamp = at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        self._output.say("line", f"{stamp}  {text}")


class JsonView:
    """The whole view as one object whenever it differs from the one before."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._last: FilmView | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def show(self, view: FilmView) -> None:
        """Print the view."""
        if view != self._last:
            self._output.say("film", "", **view.model_dump(mode="json"))
        self._last = view


def watcher_for(output: Output) -> Watcher:
    """The view that fits where the output goes."""
    if output.json_lines:
        return JsonView(output)
    return LiveView(output.console) if output.live else LineView(output)
