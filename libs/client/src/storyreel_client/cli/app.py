"""Puts the commands together and is the only place that turns errors into words and exit codes."""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TextIO

import typer

from storyreel_client.cli import films, letters, operating, reviews, submitting
from storyreel_client.cli.output import Output
from storyreel_client.cli.session import Doors, InterruptedByUserError, Session
from storyreel_client.errors import Exit, StoryreelError, UsageError

_FLAGS = ("--json", "--debug")
_EPILOG = (
    "Exit codes: 0 done; 1 the film failed, was blocked, rejected or cancelled; 2 wrong arguments or brief; "
    "3 gateway, broker or store did not answer; 4 not found or not allowed; 5 provenance not proven; 70 a fault in this "
    "program; 130 interrupted."
)
app = typer.Typer(
    name="storyreel", help="Films from briefs.", no_args_is_help=True, add_completion=True, pretty_exceptions_enable=False,
    epilog=_EPILOG, rich_markup_mode=None,
)  # fmt: skip
for _room in (submitting.commands, films.commands, operating.commands):
    app.add_typer(_room)
app.add_typer(reviews.commands, name="review")
app.add_typer(letters.commands, name="dlq")


@app.callback()
def _flags(
    json: bool = typer.Option(False, "--json", help="One JSON object a line; may stand anywhere."),
    debug: bool = typer.Option(False, "--debug", help="Show where an error came from; may stand anywhere."),
) -> None:
    """Films from briefs: submit, watch, change, verify; and what operators need."""


def run(argv: Sequence[str], *, environ: Mapping[str, str], folder: Path, doors: Doors, out: TextIO, err: TextIO) -> int:
    """Run one command and return its exit code. Raises only with `--debug`."""
    flags = [a for a in argv if a in _FLAGS]
    output = Output(out, err, json_lines="--json" in flags, environ=environ)
    session = Session(output=output, environ=environ, folder=folder, doors=doors)
    rest = [*flags, *(a for a in argv if a not in _FLAGS)]
    try:
        return _invoke(rest, session)
    except StoryreelError as e:
        if "--debug" in flags:
            raise
        output.fail(e)
        return int(e.exit_code)


def _invoke(argv: Sequence[str], session: Session) -> int:
    try:
        return int(app(argv, obj=session, standalone_mode=False, prog_name="storyreel") or 0)
    except StoryreelError:
        raise
    except typer.TyperException as e:
        raise UsageError(e.format_message(), next_step="See: storyreel --help") from e
    except (KeyboardInterrupt, typer.Abort) as e:
        raise InterruptedByUserError("Interrupted.", meaning="A film that was started goes on.") from e
    except Exception as e:  # whatever it is, a person gets a sentence; --debug gives the traceback
        fault = StoryreelError(
            f"A fault in this program: {type(e).__name__}: {e}",
            meaning="A film that was started goes on.",
            next_step="Run it again with --debug and report what it prints.",
        )
        fault.exit_code = Exit.CLIENT_FAULT
        raise fault from e


def main() -> int:
    """The console script."""

    return run(sys.argv[1:], environ=os.environ, folder=Path.cwd(), doors=Doors(), out=sys.stdout, err=sys.stderr)
