"""`dlq ls|show|replay|drop`: dead letters, for operators, straight from the broker."""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from storyreel_contracts.topics import SERVICES

from storyreel_client.cli.letter_table import summary, table
from storyreel_client.cli.options import takes
from storyreel_client.cli.session import Session, session_of
from storyreel_client.cli.words import plain
from storyreel_client.dead_letters import Choice, DeadLetter
from storyreel_client.desk import Action, DeadLetterDesk, Order
from storyreel_client.errors import Exit, UsageError
from storyreel_client.pace import Pace

commands = typer.Typer(help="Dead letters: records that a service could not handle.", no_args_is_help=True)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_COLUMNS = ("id", "at", "type", "film_id", "reason", "error", "attempts", "origin", "state")
Ids = Annotated[list[str] | None, typer.Argument(metavar="ID", help="As `dlq ls` shows them: renderer-dlq/0/17.")]
Services = Annotated[list[str] | None, typer.Option("--service", help="Only of this service; may be given more than once.")]
Reason = Annotated[str, typer.Option(help="Only of this failure kind, such as contract_violation.")]
Film = Annotated[str, typer.Option(help="Only of this film.")]
Since = Annotated[str, typer.Option(metavar="TIME", help="Only from then on: 30m, 24h, 7d, or 2026-11-21T16:00Z.")]


@dataclass(frozen=True)
class ListOptions:
    """What `dlq ls` takes."""

    service: Annotated[list[str] | None, typer.Argument(metavar="SERVICE", help="Of these services only.")] = None
    every: Annotated[bool, typer.Option("--all", help="Of all services, as without any.")] = False
    reason: Reason = ""
    film: Film = ""
    since: Since = ""
    all_states: Annotated[bool, typer.Option("--all-states", help="Also what was replayed or dropped.")] = False


@dataclass(frozen=True)
class DealOptions:
    """What `dlq replay` and `dlq drop` take."""

    ids: Ids = None
    service: Services = None
    reason: Reason = ""
    film: Film = ""
    since: Since = ""
    note: Annotated[str, typer.Option(help="Why; kept in the audit.")] = ""
    rate: Annotated[float, typer.Option(min=0.01, help="Letters a second, at most.")] = 50.0
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")] = False
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False

    @property
    def chooses(self) -> bool:
        """Whether letters are chosen by property, not by id."""
        return bool(self.service or self.reason or self.film or self.since)


@commands.command("ls")
@takes(ListOptions)
def list_letters(context: typer.Context, options: ListOptions) -> int:
    """List dead letters that wait for somebody, oldest first."""
    session = session_of(context)
    if options.every and options.service:
        raise UsageError("--all and services do not go together.", next_step="Give one of them.")
    choice = Choice(
        services=services_of(options.service),
        reason=options.reason,
        film=options.film,
        since=_since(options.since, session.doors.now()),
        all_states=options.all_states,
    )
    found = session.run(_desk(session).find(choice))
    _list(session, found)
    return Exit.OK


@commands.command()
def show(context: typer.Context, ids: Annotated[list[str], typer.Argument(metavar="ID...")]) -> int:
    """Show letters in full: why they died, what was done, headers, bytes."""
    session = session_of(context)
    for letter_id in ids:
        _show(session, session.run(_desk(session).letter(letter_id)))
    return Exit.OK


@commands.command()
@takes(DealOptions)
def replay(context: typer.Context, options: DealOptions) -> int:
    """Write records again to the topics they came from, byte for byte with their ids: what was handled changes nothing."""
    session = session_of(context)
    return session.run(_deal(session, "replay", options))


@commands.command()
@takes(DealOptions)
def drop(context: typer.Context, options: DealOptions) -> int:
    """Say that nothing will be done about letters; they leave the list and stay in the topic until it expires."""
    session = session_of(context)
    return session.run(_deal(session, "drop", options))


async def _deal(session: Session, action: Action, options: DealOptions) -> int:
    desk = _desk(session)
    letters = await desk.find(_choice(options, session.doors.now()))
    order = Order(action=action, letters=letters, by=session.operator, note=options.note, pace=Pace(options.rate))
    await desk.check(order)
    if options.dry_run or not letters:
        for letter in letters:
            _say(session, order, letter, dry_run=True)
        session.output.note(f"{summary(letters)} would be dealt with; nothing was done." if letters else "No letter is meant.")
        return Exit.OK
    _agreed(session, order, options)
    async with session.doors.sender(session.kafka()) as sender:
        with session.output.progress(action, len(letters)) as step:
            async for letter in desk.carry_out(order, sender):
                if step is None:
                    _say(session, order, letter, dry_run=False)
                else:
                    step()
    done = "replayed" if action == "replay" else "dropped"
    session.output.note(f"{summary(letters)} {done}; run {order.run_id} in the audit.")
    return Exit.OK


def _choice(options: DealOptions, now: datetime) -> Choice:
    if bool(options.ids) == options.chooses:
        raise UsageError(
            "Name letters by id, or choose them by --service, --reason, --film or --since; one of the two.",
            meaning="Nothing was changed.",
            next_step="See which there are: storyreel dlq ls",
        )
    return Choice(
        ids=options.ids or (),
        services=services_of(options.service),
        reason=options.reason,
        film=options.film,
        since=_since(options.since, now),
    )


def _agreed(session: Session, order: Order, options: DealOptions) -> None:
    """Ask before many letters are dealt with that nobody named one by one. Raises UsageError if the answer is no."""
    if options.ids or options.yes:
        return
    asked = f"{order.action} {summary(order.letters)}?"
    if not session.output.live:
        raise UsageError(
            f"This would {order.action} {summary(order.letters)}, and nobody is here to be asked.",
            meaning="Nothing was changed.",
            next_step="Look with --dry-run, then say --yes.",
        )
    if not session.doors.ask(asked.capitalize()):
        raise UsageError("Not done, as you said.", meaning="Nothing was changed.")


def _say(session: Session, order: Order, letter: DeadLetter, *, dry_run: bool) -> None:
    would = "would " if dry_run else ""
    where = f" to {letter.origin}" if order.action == "replay" else ""
    again = f", {letter.state} before" if letter.state != "waiting" else ""
    fields = {"id": letter.id, "action": order.action, "dry_run": dry_run, "run_id": order.run_id, "before": letter.state}
    session.output.say(order.action, f"{letter.id}: {would}{order.action}{where}{again}", **fields)


def _list(session: Session, letters: Sequence[DeadLetter]) -> None:
    if session.output.live and letters:
        session.output.console.print(table(letters))
    else:
        session.output.rows("dead_letter", [d.as_row() for d in letters], _COLUMNS, none="There are no dead letters.")
    if letters:
        session.output.note(summary(letters))


def _show(session: Session, letter: DeadLetter) -> None:
    headers = {name: (value or b"").decode(errors="replace") for name, value in letter.record.headers}
    value = letter.record.value or b""
    body = value.decode(errors="replace")
    history = [{"action": h.action, "by": h.by, "at": h.at.isoformat(), "note": h.note} for h in letter.history]
    if session.output.json_lines:
        exact = base64.b64encode(value).decode()
        session.output.say("dead_letter", "", **letter.as_row(), headers=headers, body=body, body_base64=exact, history=history)
        return
    for name, text in {**letter.as_row(), **headers}.items():
        session.output.say("field", f"{plain(name):24} {plain(str(text))}")
    for h in history:
        session.output.say("field", f"{'history':24} {h['at']} {h['action']} by {plain(h['by'])} {plain(h['note'])}".rstrip())
    session.output.say("field", f"{'body':24} {_readable(body)}")


def _readable(body: str) -> str:
    try:
        body = json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return plain(body)
    return "\n".join(plain(line) for line in body.splitlines())


def _since(text: str, now: datetime) -> datetime | None:
    if not text:
        return None
    try:
        if text[-1] in _UNITS:
            return now - timedelta(**{_UNITS[text[-1]]: float(text[:-1])})
        at = datetime.fromisoformat(text)
    except (ValueError, OverflowError) as e:
        raise UsageError(f"{text!r} is no time.", next_step="Say 30m, 24h, 7d, or a time such as 2026-11-21T16:00Z.") from e
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _desk(session: Session) -> DeadLetterDesk:
    return DeadLetterDesk(session.doors.reader(session.kafka()), now=session.doors.now)


def services_of(wanted: Sequence[str] | None) -> Sequence[str]:
    """Services by name; none named is all. Raises UsageError for one that is not."""
    unknown = set(wanted or ()) - set(SERVICES)
    if unknown:
        raise UsageError(f"There is no service {sorted(unknown)[0]!r}.", next_step=f"Choose from {', '.join(SERVICES)}.")
    return wanted or SERVICES
