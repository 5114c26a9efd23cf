"""The commands: up, down, status, demo, restart, kill, run-part. `make up` and its siblings call these."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path
from types import FrameType

from rich.console import Console
from rich.markup import escape

from storyreel_local import catalogue, demo, places
from storyreel_local.errors import TroubleError
from storyreel_local.parts.base import Options
from storyreel_local.progress import ConsoleProgress
from storyreel_local.stack import Stack
from storyreel_local.state import StateFolder

_INTERRUPTED = 130


def main(arguments: list[str] | None = None) -> int:
    """Run one command; the exit code is 0, 1 (trouble, said in a sentence) or 130 (interrupted)."""
    signal.signal(signal.SIGTERM, _as_interrupt)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell starts background jobs with Ctrl-C ignored
    chosen = _parser().parse_args(arguments)
    try:
        return int(chosen.run(chosen))
    except TroubleError as trouble:
        Console(stderr=True, highlight=False).print(f"[red]✗[/] {escape(str(trouble))}", soft_wrap=True)
        return 1
    except BrokenPipeError:  # the reader of our output (head, less) has seen enough
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 - the interpreter flushes it on the way out
        return 1
    except KeyboardInterrupt:
        Console(stderr=True, highlight=False).print("stopped; what this command had started is stopped too")
        return _INTERRUPTED


def _up(chosen: argparse.Namespace) -> int:
    stack = _stack(chosen).up()
    gateway = stack.endpoints.get("gateway", {}).get("url")
    print(f"{'gateway ' + gateway + ', ' if gateway else ''}all endpoints: {stack.state.root / 'stack.json'}")
    return 0


def _down(chosen: argparse.Namespace) -> int:
    names = _running_stack(chosen).down()
    print(f"stopped: {', '.join(names)}" if names else "nothing was running")
    return 0


def _status(chosen: argparse.Namespace) -> int:
    rows = _running_stack(chosen).status()
    for name, state, pid in rows:
        print(f"{name:<14}{state:<10}{pid or ''}")
    return 0 if all(state == "ready" for _, state, _ in rows) else 1


def _demo(chosen: argparse.Namespace) -> int:
    alone = not StateFolder(Path(chosen.state)).running_names()
    return demo.run(_stack(chosen, tied=alone), Path(chosen.brief), Path(chosen.out))


def _restart(chosen: argparse.Namespace) -> int:
    _running_stack(chosen).restart(chosen.name)
    return 0


def _kill(chosen: argparse.Namespace) -> int:
    _running_stack(chosen).kill(chosen.name)
    return 0


def _run_part(chosen: argparse.Namespace) -> int:
    chosen.parts = chosen.name
    with _stack(chosen, tied=True) as stack:
        print(f"{chosen.name} runs until Ctrl-C; endpoints: {stack.state.root / 'stack.json'}", flush=True)
        signal.pause()
    return 0


def _stack(chosen: argparse.Namespace, *, tied: bool = False) -> Stack:
    """The stack as the command line describes it."""
    without = set(_names(chosen.without))
    parts = tuple(name for name in _names(chosen.parts) or catalogue.ALL if name not in without)
    chosen_parts = {"replicas": chosen.replicas, "engine": chosen.engine, "s3": chosen.s3, "kafka_nodes": chosen.kafka_nodes}
    options = Options(parts=parts, tied=tied, **chosen_parts)
    return Stack(Path(chosen.state), options=options, progress=ConsoleProgress())


def _running_stack(chosen: argparse.Namespace) -> Stack:
    """The stack as the last `up` on this folder described it."""
    last = StateFolder(Path(chosen.state)).read("options.json")
    options = Options(**{**last, "parts": tuple(last["parts"])}) if last else Options()
    return Stack(Path(chosen.state), options=options, progress=ConsoleProgress())


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _parser() -> argparse.ArgumentParser:
    where = argparse.ArgumentParser(add_help=False)
    where.add_argument("--state", default=str(places.default_state()), help="state folder (default: %(default)s)")
    common = argparse.ArgumentParser(add_help=False, parents=[where])
    common.add_argument("--parts", default="", help=f"only these, by comma: {','.join(catalogue.ALL)}")
    common.add_argument("--without", default="", help="leave these out, by comma")
    common.add_argument("--replicas", type=int, default=1, help="processes of every service")
    common.add_argument("--kafka-nodes", type=int, default=1, help="1, or 3: a replicated log that outlives any one node")
    common.add_argument("--engine", choices=["triton", "null"], default="triton", help="what the renderer renders with")
    common.add_argument(
        "--s3", choices=["auto", "versitygw", "moto"], default="auto", help="object store (auto: versitygw where Go is)"
    )
    parser = argparse.ArgumentParser(prog="python -m storyreel_local", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    commands.add_parser("up", help="start what is missing and leave it running", parents=[common]).set_defaults(run=_up)
    for name, run, words in (
        ("down", _down, "stop everything that this state folder started"),
        ("status", _status, "what runs; exit code 1 unless all is ready"),
    ):
        commands.add_parser(name, help=words, parents=[where]).set_defaults(run=run)
    one = commands.add_parser("demo", help="make the demo film, then stop everything", parents=[common])
    one.add_argument("--brief", default=str(places.REPOSITORY / "examples" / "briefs" / "sneaker-launch"))
    one.add_argument("--out", default=str(places.REPOSITORY / "out"))
    one.set_defaults(run=_demo)
    for name, run, words in (
        ("restart", _restart, "stop one part in peace and start it again"),
        ("kill", _kill, "end one part by SIGKILL, as a crash would"),
    ):
        command = commands.add_parser(name, help=words, parents=[where])
        command.add_argument("name", metavar="PART")
        command.set_defaults(run=run)
    alone = commands.add_parser("run-part", help="run one part alone until Ctrl-C", parents=[common])
    alone.add_argument("name", metavar="PART", choices=catalogue.ALL)
    alone.set_defaults(run=_run_part)
    return parser


def _as_interrupt(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - a signal handler's shape
    raise KeyboardInterrupt
