"""`submit` and `upload`: a brief goes out, signed on Kafka or by HTTP."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from storyreel_contracts import Brief

from storyreel_client import briefs
from storyreel_client.cli.finish import conclude, show_until_done
from storyreel_client.cli.options import takes
from storyreel_client.cli.output import money
from storyreel_client.cli.session import Session, session_of
from storyreel_client.errors import Exit, UsageError
from storyreel_client.publishing import BriefPublisher, new_brief_id

commands = typer.Typer()
BriefPath = Annotated[Path, typer.Argument(metavar="BRIEF", help="A brief (JSON), or a folder with a brief.json.")]
Out = Annotated[Path, typer.Option(help="Folder for finished films; each gets a folder of its own in it.")]
_PATIENCE_S = 60.0  # a brief on Kafka is known to the gateway a moment later, or when the gateway is up again


class Way(StrEnum):
    """How a brief travels."""

    KAFKA = "kafka"
    HTTP = "http"


@dataclass(frozen=True)
class SubmitOptions:
    """What `submit` takes."""

    brief: BriefPath
    via: Annotated[Way, typer.Option(help="Publish a signed event to Kafka, or post to the gateway.")] = Way.KAFKA
    watch: Annotated[bool, typer.Option("--watch", help="Show the film until it ends, then save and verify it.")] = False
    out: Out = Path("out")
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Script, shot list, price and verdict; render nothing.")] = False
    brief_id: Annotated[str, typer.Option("--id", help="The brief's own id; the same id again is the same film.")] = ""


@commands.command()
@takes(SubmitOptions)
def submit(context: typer.Context, options: SubmitOptions) -> int:
    """Start a film from a brief."""
    session = session_of(context)
    file = briefs.load(options.brief)
    if options.dry_run:
        if options.via is Way.KAFKA:
            session.output.note("A dry run is asked of the gateway: it goes by HTTP.")
        return session.run(_dry_run(session, file))
    return session.run(_submit(session, file, options))


@commands.command()
def upload(context: typer.Context, brief: BriefPath) -> int:
    """Upload a brief's local files and print the complete brief, ready to be signed and sent by any tool."""
    session = session_of(context)
    complete = session.run(_resolve(session, briefs.load(brief)))
    text = complete.model_dump_json() if session.output.json_lines else complete.model_dump_json(indent=2)
    session.output.console.file.write(text + "\n")
    return Exit.OK


async def _resolve(session: Session, file: briefs.BriefFile) -> Brief:
    if not file.local_files():
        return file.check()
    file.check()
    async with session.studio() as studio:
        return await file.resolve(studio.upload)


async def _dry_run(session: Session, file: briefs.BriefFile) -> int:
    complete = await _resolve(session, file)
    async with session.studio() as studio:
        answer = await studio.dry_run(complete)
    if session.output.json_lines:
        session.output.say("dry_run", "", **answer)
        return Exit.OK if answer.get("verdict") != "blocked" else Exit.FILM_FAILED
    session.output.say(
        "dry_run", f"Verdict: {answer.get('verdict', 'unknown')}   Price: {money(answer.get('price_micros', 0))}"
    )
    for shot in answer.get("shots", []):
        session.output.say("shot", f"  {shot['shot_id']}  {shot.get('duration_s', 0):g} s  {shot.get('prompt', '')}")
    for finding in answer.get("findings", []):
        session.output.say("finding", f"  {finding.get('where')}: {finding.get('explanation')}")
    return Exit.OK if answer.get("verdict") != "blocked" else Exit.FILM_FAILED


async def _submit(session: Session, file: briefs.BriefFile, options: SubmitOptions) -> int:
    complete = await _resolve(session, file)
    send = _by_kafka if options.via is Way.KAFKA else _by_http
    film_id = await send(session, complete, options.brief_id or new_brief_id())
    if not options.watch:
        return Exit.OK
    async with session.studio() as studio:
        film = await show_until_done(session.output, studio.watch(film_id, patience_s=_PATIENCE_S))
        return await conclude(session, studio, film, options.out)


async def _by_kafka(session: Session, brief: Brief, brief_id: str) -> str:
    session.stack.need("kafka", "tenant", "signing_secret")
    async with session.doors.sender(session.kafka()) as sender:
        publisher = BriefPublisher(sender, tenant=session.stack.tenant, secret=session.stack.signing_secret)
        receipt = await publisher.publish(brief, brief_id)
    where = f"campaign-briefs/{receipt.partition}/{receipt.offset}"
    _say_sent(session, receipt.film_id, brief_id, f"signed, {where}")
    return receipt.film_id


async def _by_http(session: Session, brief: Brief, brief_id: str) -> str:
    async with session.studio() as studio:
        film = await studio.submit(brief, brief_id)
    if not film.film_id:
        raise UsageError("The gateway answered without a film id.", next_step="Look at its log.")
    _say_sent(session, film.film_id, film.brief_event_id or brief_id, "by HTTP")
    return film.film_id


def _say_sent(session: Session, film_id: str, brief_id: str, how: str) -> None:
    text = f"Film {film_id} (brief {brief_id}, {how})"
    session.output.say("submitted", text, film_id=film_id, brief_id=brief_id, how=how)
