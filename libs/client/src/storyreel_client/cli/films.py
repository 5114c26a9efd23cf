"""`watch`, `films`, `edit`, `approve`, `cancel`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError
from storyreel_contracts import problems_of
from storyreel_contracts.films import BrandEdit, ShotEdit

from storyreel_client.cli.finish import conclude, explain, show_until_done
from storyreel_client.cli.options import takes
from storyreel_client.cli.output import money
from storyreel_client.cli.session import Session, session_of
from storyreel_client.cli.words import status_of
from storyreel_client.errors import BriefError, Exit, UsageError
from storyreel_client.updates import watch_updates

commands = typer.Typer()
Film = Annotated[str, typer.Argument(metavar="FILM", help="The film's id.")]
Text = Annotated[str | None, typer.Option()]


@commands.command()
def watch(
    context: typer.Context,
    film: Film,
    out: Annotated[Path, typer.Option(help="Folder for the finished film.")] = Path("out"),
    kafka: Annotated[bool, typer.Option("--kafka", help="Read the public topic film-updates; saves nothing.")] = False,
) -> int:
    """Show a film until it ends, then save and verify it."""
    session = session_of(context)
    return session.run(_watch_kafka(session, film) if kafka else _watch(session, film, out))


@commands.command()
def films(context: typer.Context, limit: Annotated[int, typer.Option(min=1, max=100)] = 50) -> int:
    """List films, newest first."""
    session = session_of(context)
    found = session.run(_films(session, limit))
    rows = [f if session.output.json_lines else _short(f) for f in found]
    columns = ("film_id", "version", "status", "title", "price", "budget", "finish_at")
    session.output.rows("film", rows, columns, none="No films yet. Start one: storyreel submit BRIEF")
    return Exit.OK


@dataclass(frozen=True)
class EditOptions:
    """What `edit` takes."""

    film: Film
    shot: Annotated[str, typer.Option(help="The shot to change, such as s02.")] = ""
    caption: Text = None
    narration: Text = None
    prompt: Text = None
    new_take: Annotated[bool, typer.Option("--new-take", help="Render the shot again with another seed.")] = False
    primary_color: Annotated[str | None, typer.Option(help="New brand colour, #rrggbb.")] = None
    call_to_action: Annotated[str | None, typer.Option(help="New words of the end card.")] = None


@commands.command()
@takes(EditOptions)
def edit(context: typer.Context, options: EditOptions) -> int:
    """Change a shot or the brand's words. A new version begins; what the edit does not reach keeps its bytes."""
    session, film = session_of(context), options.film
    try:
        edits = [*_shot_edits(options), *_brand_edits(options)]
    except ValidationError as e:
        raise BriefError("The edit breaks its rules.", problems_of(e), meaning="The film stays as it is.") from e
    if not edits:
        raise UsageError("There is nothing to change.", next_step="Name a shot and a change: --shot s02 --caption “…”")
    session.run(_edit(session, film, edits))
    session.output.say("edited", f"A new version of {film} has begun. Watch it: storyreel watch {film}", film_id=film)
    return Exit.OK


@commands.command()
def approve(context: typer.Context, film: Film) -> int:
    """Approve the preview, so that the finals are rendered."""
    session = session_of(context)

    async def ask() -> None:
        async with session.studio() as studio:
            await studio.approve(film)

    session.run(ask())
    session.output.say("approved", f"Approved: the finals of {film} are rendered now.", film_id=film)
    return Exit.OK


@commands.command()
def cancel(
    context: typer.Context,
    film: Film,
    reason: Annotated[str, typer.Option(help="Kept with the film.")] = "cancelled from the command line",
) -> int:
    """End the film's running version; what was rendered is paid, nothing more is."""
    session = session_of(context)

    async def ask() -> None:
        async with session.studio() as studio:
            await studio.cancel(film, reason)

    session.run(ask())
    session.output.say("cancelled", f"Cancelled: {film}.", film_id=film, reason=reason)
    return Exit.OK


async def _watch(session: Session, film_id: str, out: Path) -> int:
    async with session.studio() as studio:
        film = await show_until_done(session.output, studio.watch(film_id))
        return await conclude(session, studio, film, out)


async def _watch_kafka(session: Session, film_id: str) -> int:
    reader = session.doors.reader(session.kafka())
    film = await show_until_done(session.output, watch_updates(reader, film_id))
    if film.status == "published":
        return Exit.OK
    explain(session.output, film)
    return Exit.FILM_FAILED


async def _films(session: Session, limit: int) -> list[dict[str, object]]:
    async with session.studio() as studio:
        return [{**f.model_dump(mode="json"), "_word": status_of(f)} for f in await studio.films(limit)]


async def _edit(session: Session, film: str, edits: list[ShotEdit | BrandEdit]) -> None:
    async with session.studio() as studio:
        await studio.edit(film, edits)


def _short(film: dict[str, object]) -> dict[str, object]:
    prices = {"price": money(int(str(film["price_micros"]))), "budget": money(int(str(film["budget_micros"])))}
    return {**film, **prices, "status": film["_word"]}


def _shot_edits(options: EditOptions) -> list[ShotEdit | BrandEdit]:
    words = {"caption": options.caption, "narration": options.narration, "prompt": options.prompt}
    changes: dict[str, Any] = {k: v for k, v in words.items() if v is not None}
    if not changes and not options.new_take:
        return []
    if not options.shot:
        raise UsageError("Which shot is to change?", next_step="Name it: --shot s02")
    return [ShotEdit(shot_id=options.shot, new_take=options.new_take, **changes)]


def _brand_edits(options: EditOptions) -> list[ShotEdit | BrandEdit]:
    if options.primary_color is None and options.call_to_action is None:
        return []
    return [BrandEdit(primary_color=options.primary_color, call_to_action=options.call_to_action)]
