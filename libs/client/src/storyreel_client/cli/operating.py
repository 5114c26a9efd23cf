"""`verify`, `lag` and `dlq`: for operators, straight from files and broker."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from storyreel_contracts.topics import SERVICES

from storyreel_client.cli.finish import check_provenance
from storyreel_client.cli.session import Session, session_of
from storyreel_client.dead_letters import DeadLetter, DeadLetterDesk
from storyreel_client.errors import Exit, UsageError
from storyreel_client.lag import LagRow, measure

commands = typer.Typer()
letters = typer.Typer(help="Dead letters: records that a service could not handle.", no_args_is_help=True)
Ids = Annotated[list[str], typer.Argument(metavar="ID...", help="Ids as `dlq ls` shows them, such as renderer-dlq/0/17.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]
Service = Annotated[list[str] | None, typer.Option("--service", help="Only this service; may be given more than once.")]


@commands.command()
def verify(
    context: typer.Context,
    place: Annotated[Path, typer.Argument(metavar="FILE|DIR", help="A film, or a folder with films.")],
    trust_anchor: Annotated[Path | None, typer.Option(help="PEM of the certificate that you trust.")] = None,
) -> int:
    """Verify the provenance (C2PA) of films; needs no stack."""
    return check_provenance(session_of(context), place, trust_anchor)


@commands.command()
def lag(context: typer.Context, group: Service = None, every: Annotated[bool, typer.Option("--all")] = False) -> int:
    """Show how far each service is behind, per topic and partition; `--all` shows rows without lag too."""
    session = session_of(context)
    rows = session.run(measure(session.doors.offsets(session.kafka()), _services(group)))
    shown = [_lag_row(r) for r in rows if every or r.lag or session.output.json_lines]
    total = sum(r.lag for r in rows)
    columns = ("group", "topic", "partition", "committed", "end", "lag")
    session.output.rows("lag", shown, columns, none="No service is behind.")
    session.output.note(f"{total} records behind in {len(rows)} partitions.")
    return Exit.OK


@letters.command("ls")
def list_letters(
    context: typer.Context,
    service: Service = None,
    reason: Annotated[str, typer.Option(help="Only this failure kind, such as contract_violation.")] = "",
) -> int:
    """List dead letters that nobody dealt with yet, oldest first."""
    session = session_of(context)
    desk = DeadLetterDesk(session.doors.reader(session.kafka()))
    found = session.run(desk.listed(_services(service), reason=reason))
    columns = ("id", "at", "type", "film_id", "reason", "error", "attempts", "origin")
    session.output.rows("dead_letter", [d.as_row() for d in found], columns, none="There are no dead letters.")
    return Exit.OK


@letters.command()
def show(context: typer.Context, ids: Ids) -> int:
    """Show letters in full: why they died, headers, bytes."""
    session = session_of(context)
    desk = DeadLetterDesk(session.doors.reader(session.kafka()))
    for letter_id in ids:
        _show(session, session.run(desk.letter(letter_id)))
    return Exit.OK


@letters.command()
def replay(context: typer.Context, ids: Ids, dry_run: DryRun = False) -> int:
    """Give letters to their service again, byte for byte, as a first attempt."""
    session = session_of(context)
    return session.run(_deal(session, ids, "replay", dry_run))


@letters.command()
def drop(context: typer.Context, ids: Ids, dry_run: DryRun = False) -> int:
    """Say that nothing will be done about letters; they leave the list and stay in the topic until it expires."""
    session = session_of(context)
    return session.run(_deal(session, ids, "drop", dry_run))


async def _deal(session: Session, ids: Sequence[str], action: str, dry_run: bool) -> int:
    async with session.doors.sender(session.kafka()) as sender:
        desk = DeadLetterDesk(session.doors.reader(session.kafka()), sender, by=session.operator)
        for letter in [await desk.letter(i) for i in ids]:
            if not dry_run:
                await (desk.replay(letter) if action == "replay" else desk.drop(letter))
            done = f"{'would ' if dry_run else ''}{action}"
            session.output.say(action, f"{letter.id}: {done}", id=letter.id, action=action, dry_run=dry_run)
    return Exit.OK


def _show(session: Session, letter: DeadLetter) -> None:
    headers = {name: value.decode(errors="replace") for name, value in letter.record.headers}
    body = (letter.record.value or b"").decode(errors="replace")
    if session.output.json_lines:
        session.output.say("dead_letter", "", **letter.as_row(), headers=headers, body=body)
        return
    for name, value in {**letter.as_row(), **headers}.items():
        session.output.say("field", f"{name:24} {value}")
    session.output.say("field", f"{'body':24} {body}")


def _lag_row(row: LagRow) -> dict[str, object]:
    return row._asdict()


def _services(wanted: Sequence[str] | None) -> Sequence[str]:
    unknown = set(wanted or ()) - set(SERVICES)
    if unknown:
        raise UsageError(f"There is no service {sorted(unknown)[0]!r}.", next_step=f"Choose from {', '.join(SERVICES)}.")
    return wanted or SERVICES
