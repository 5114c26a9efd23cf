"""`verify` and `lag`: for operators, straight from files and broker."""

from pathlib import Path
from typing import Annotated

import typer

from storyreel_client.cli.finish import check_provenance
from storyreel_client.cli.letters import services_of
from storyreel_client.cli.session import session_of
from storyreel_client.errors import Exit
from storyreel_client.lag import LagRow, measure

commands = typer.Typer()
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
    rows = session.run(measure(session.doors.offsets(session.kafka()), services_of(group)))
    shown = [_lag_row(r) for r in rows if every or r.lag or session.output.json_lines]
    total = sum(r.lag for r in rows)
    columns = ("group", "topic", "partition", "committed", "end", "lag")
    session.output.rows("lag", shown, columns, none="No service is behind.")
    session.output.note(f"{total} records behind in {len(rows)} partitions.")
    return Exit.OK


def _lag_row(row: LagRow) -> dict[str, object]:
    return row._asdict()
