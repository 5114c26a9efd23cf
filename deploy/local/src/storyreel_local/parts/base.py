"""The one shape of every part: `ensure` what it needs, `start` its process, say whether it is `ready`, `prepare`, `stop`.

The supervisor (`stack.py`) calls them in that order and does the waiting; a part blocks only in `ensure` and `stop`.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path

from storyreel_local import logs, process
from storyreel_local.process import Process
from storyreel_local.progress import Progress
from storyreel_local.state import Json, StateFolder

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Options:
    """What the command line or a test chose. `engine` is the renderer's setting; `s3` is auto, versitygw or moto;
    `kafka_nodes` is 1, or 3 for a replicated log.

    `tied`: the kernel ends every process when the one that started it dies, even by SIGKILL (the demo and tests; not
    `up`, whose processes are meant to stay).
    """

    parts: tuple[str, ...] = ()
    replicas: int = 1
    engine: str = "triton"
    s3: str = "auto"
    topics: bool = True
    tied: bool = False
    kafka_nodes: int = 1

    def includes(self, part: str) -> bool:
        """Whether the stack has this part (none named: all)."""
        return not self.parts or part in self.parts


@dataclass(frozen=True)
class Context:
    """What a part may use: its state folder, where to report, the download cache shared by all folders, the options."""

    state: StateFolder
    progress: Progress
    options: Options
    cache: Path
    env: dict[str, str] = field(default_factory=lambda: dict(os.environ))

    def spawn(self, name: str, argv: list[str], env: dict[str, str] | None = None) -> Process:
        """Start a process in the state folder with its log under `logs/`, and put it on record."""
        logs.mark(self.state.log(name))
        command = process.tied(argv) if self.options.tied else argv
        started = process.spawn(name, command, env={**self.env, **(env or {})}, log=self.state.log(name), cwd=self.state.root)
        started.save(self.state.pids)
        return started


class Part(ABC):
    """One process of the stack. `ports` are the keys it takes from the state folder; `patience` is in seconds."""

    name: str
    ports: tuple[str, ...] = ()
    patience: float = 60.0
    grace: float = 20.0
    needs: tuple[str, ...] = ()

    @abstractmethod
    def ensure(self, ctx: Context) -> None:
        """Install or download what is missing. May take minutes and says so. Raises TroubleError."""

    @abstractmethod
    def start(self, ctx: Context) -> Process:
        """Start the process and return at once."""

    @abstractmethod
    def ready(self, ctx: Context) -> bool:
        """Whether it serves now. Never raises for "not yet"."""

    @abstractmethod
    def endpoints(self, ctx: Context) -> Json:
        """Its section of `stack.json`."""

    def prepare(self, ctx: Context) -> None:  # noqa: B027 - most parts have nothing to prepare
        """What must exist inside it before others use it (topics, a bucket). Runs at every start."""

    def stop(self, ctx: Context) -> None:
        """End the process on record, if it still is ours. Blocks for at most `grace` seconds and a little."""
        found = ctx.state.process(self.name)
        if found is not None:
            found.stop(self.grace)
            ctx.state.forget(self.name)
