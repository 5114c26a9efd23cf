"""The film as people watch it: one table that moves in place. Every column has a fixed width, so that no line jumps."""

from collections.abc import Callable
from datetime import UTC, datetime

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from storyreel_client.cli.output import money
from storyreel_client.cli.words import finish_of, name_of, stage_of, status_of, verdict
from storyreel_client.views import FilmView, ShotView

_FACTS = 3
_BAR = 12  # columns of a bar
Clock = Callable[[], datetime]


class LiveView:
    """Shows a film at a terminal until closed; the last state stays on the screen."""

    def __init__(self, console: Console, clock: Clock = lambda: datetime.now(UTC)) -> None:
        self._clock, self._view = clock, FilmView(film_id="")
        self._live = Live(console=console, refresh_per_second=4, get_renderable=self._render, vertical_overflow="crop")

    def __enter__(self) -> "LiveView":
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def show(self, view: FilmView) -> None:
        """The film as it stands now."""
        self._view = view

    def _render(self) -> RenderableType:
        return film_picture(self._view, self._clock())


def film_picture(view: FilmView, now: datetime) -> RenderableType:
    """Head, a row a shot, the last three facts."""
    return Group(_head(view, now), Text(""), _shots(view), Text(""), *_facts(view))


def _head(view: FilmView, now: datetime) -> RenderableType:
    title = Text.assemble((name_of(view), "bold"), f"  version {view.version}", no_wrap=True, overflow="ellipsis")
    parts = [f"{money(view.price_micros)} of {money(view.budget_micros)}", finish_of(view, now)]
    state = Text.assemble((status_of(view), _style(view)), *(f"   {p}" for p in parts if p), no_wrap=True, overflow="ellipsis")
    return Group(title, state)


def _style(view: FilmView) -> str:
    if not view.done:
        return "bold cyan"
    return "bold green" if view.status == "published" else "bold red"


def _shots(view: FilmView) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim", padding=(0, 1, 0, 0))
    for name, width, justify in _COLUMNS:
        table.add_column(name, width=width, justify=justify, no_wrap=True, overflow="ellipsis")  # type: ignore[arg-type]
    for shot in view.shots:
        table.add_row(*_cells(shot))
    return table


_COLUMNS = (
    ("shot", 4, "left"), ("", _BAR, "left"), ("stage", 18, "left"), ("safety", 9, "left"), ("match", 11, "left"),
    ("try", 3, "right"), ("time", 7, "right"), ("price", 8, "right"),
)  # fmt: skip


def _cells(shot: ShotView) -> list[RenderableType]:
    done = shot.steps if shot.status == "rendered" else min(shot.step, shot.steps)
    total = shot.steps or 1
    bar = ProgressBar(
        total=total,
        completed=total if shot.status == "rendered" else done,
        width=_BAR,
        complete_style="cyan",
        finished_style="green",
    )
    safety, match = verdict(shot.safety), verdict(shot.quality or shot.continuity)
    return [
        Text(shot.shot_id),
        bar,
        Text(stage_of(shot)),
        Text(safety[0], style=safety[1]),
        Text(match[0], style=match[1]),
        Text(str(shot.attempt or "")),
        Text(f"{shot.device_seconds:.1f} s"),
        Text(money(shot.price_micros)),
    ]


def _facts(view: FilmView) -> list[Text]:
    shown = [f"{fact.at.astimezone():%H:%M:%S}  {fact.text}" for fact in reversed(view.facts[:_FACTS])]
    return [Text(line, style="dim", no_wrap=True, overflow="ellipsis") for line in [*shown, *[""] * (_FACTS - len(shown))]]
