"""Starting, watching and stopping the parts of one state folder. The CLI and the test suite call this; parts never do.

    with Stack(tmp_path, parts=("kafka", "redis")) as stack:
        stack.endpoints["kafka"]["bootstrap_servers"]

Order: everything missing is installed, then parts start together as soon as what they need is ready. A part that
already runs is left alone, so `up` on a running stack starts only what is missing.
"""

from __future__ import annotations

import shutil
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Self

from storyreel_local import places
from storyreel_local.catalogue import STORES, parts_for
from storyreel_local.errors import TroubleError
from storyreel_local.logs import last_words
from storyreel_local.parts.base import Context, Options, Part
from storyreel_local.ports import is_free
from storyreel_local.progress import Progress, Silent
from storyreel_local.state import Json, StateFolder

_POLL_SECONDS = 0.1
_GRACE_SECONDS = 20.0
_NEEDED_GB = 1.0


class Stack:
    """One embedded stack in one state folder. As a context manager it stops everything at the end, come what may."""

    def __init__(
        self,
        state: Path,
        *,
        options: Options | None = None,
        progress: Progress | None = None,
        parts: Sequence[Part] | None = None,
    ) -> None:
        """`parts` are the parts themselves, in dependency order; by default those that `options` name."""
        places.reach_loopback_directly()
        self.options = options or Options()
        self.state = StateFolder(state)
        self.context = Context(self.state, progress or Silent(), self.options, places.cache())
        self.parts = list(parts) if parts is not None else parts_for(self.options)
        self._started: list[Part] = []
        self._began: dict[str, float] = {}

    def __enter__(self) -> Self:
        try:
            return self.up()
        except BaseException:
            self.down()
            raise

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.down()

    @property
    def endpoints(self) -> Json:
        """What `stack.json` says."""
        return self.state.read("stack.json")

    def up(self) -> Self:
        """Start what is missing and wait until it serves; on failure stop what was started. Raises TroubleError."""
        with self.state.locked():
            self._check_disk()
            if not self.running():
                self._forget_endpoints()  # of a stack that was killed
            missing = [part for part in self.parts if not self.state.running(part.name)]
            for part in missing:
                part.ensure(self.context)
            try:
                self._start(missing)
            except BaseException:
                with uninterrupted():
                    self._stop([part.name for part in self._started])
                raise
            self._write_endpoints()
            self.state.write("options.json", asdict(self.options))
        return self

    def running(self) -> list[str]:
        """Names of the processes of this folder that run now, whoever started them."""
        return self.state.running_names()

    def down(self) -> list[str]:
        """Stop every process on record, services first, stores last. Returns the names that ran."""
        with self.state.locked(), uninterrupted():
            names = self.running()
            self._stop(self.state.recorded())
            self._forget_endpoints()
        return names

    def restart(self, name: str) -> None:
        """Stop one part in peace and start it again on the same port."""
        part = self.part(name)
        with self.state.locked():
            self._stop([part.name])
            part.ensure(self.context)
            self._start([part])

    def kill(self, name: str) -> None:
        """SIGKILL one part, as a crash would. Its record stays, so that `status` shows it as dead."""
        found = self.state.process(self.part(name).name)
        if found is None or not found.alive():
            raise TroubleError(f"{name} is not running.", "See: python -m storyreel_local status.")
        found.kill()

    def status(self) -> list[tuple[str, str, int | None]]:
        """Name, one of `ready`, `starting`, `dead`, `stopped`, and the process id, for every part."""
        return [(part.name, *self._status_of(part)) for part in self.parts]

    def part(self, name: str) -> Part:
        """The part of that name. Raises TroubleError naming those that exist."""
        for part in self.parts:
            if part.name == name:
                return part
        names = ", ".join(part.name for part in self.parts)
        raise TroubleError(f"There is no part called {name}.", f"Choose one of: {names}.")

    def _status_of(self, part: Part) -> tuple[str, int | None]:
        found = self.state.process(part.name)
        if found is None:
            return "stopped", None
        if not found.alive():
            return "dead", found.pid
        return ("ready" if part.ready(self.context) else "starting"), found.pid

    def _start(self, missing: list[Part]) -> None:
        self._check_ports(missing)
        waiting: list[Part] = []
        todo = list(missing)
        while todo or waiting:
            blocked = {part.name for part in [*todo, *waiting]}
            for part in [part for part in todo if not blocked & set(part.needs)]:
                self._spawn(part)
                todo.remove(part)
                waiting.append(part)
            waiting = [part for part in waiting if not self._arrived(part)]
            if waiting:
                time.sleep(_POLL_SECONDS)

    def _spawn(self, part: Part) -> None:
        self._began[part.name] = time.monotonic()
        self._started.append(part)
        try:
            part.start(self.context)
        except OSError as error:
            raise TroubleError(f"{part.name} could not be started ({error}).", "Run: make install.") from error

    def _arrived(self, part: Part) -> bool:
        waited = time.monotonic() - self._began[part.name]
        if not self.state.running(part.name):
            raise self._died(part, f"{part.name} died after {waited:.1f} s")
        if part.ready(self.context):
            part.prepare(self.context)
            self.context.progress.done(part.name, f"ready after {waited:.1f} s")
            return True
        if waited > part.patience:
            raise self._died(part, f"{part.name} was not ready after {part.patience:.0f} s")
        return False

    def _died(self, part: Part, fact: str) -> TroubleError:
        log = self.state.log(part.name)
        return TroubleError(f"{fact}. Its last lines: {last_words(log)}", f"The whole log is {log}.")

    def _check_disk(self) -> None:
        free = shutil.disk_usage(self.state.root).free / 1e9
        if free < _NEEDED_GB:
            raise TroubleError(
                f"The disk of {self.state.root} has {free:.1f} GB left, and the broker and the films need {_NEEDED_GB:.0f}.",
                "Free some space, or name a folder on another disk with --state DIR.",
            )

    def _check_ports(self, missing: list[Part]) -> None:
        """A port that was ours and is now a stranger's: choose anew while nobody knows it, else say so."""
        taken = [(part, key) for part in missing for key in part.ports if not is_free(self.state.port(key))]
        if not taken:
            return
        if self.running():
            part, key = taken[0]
            raise TroubleError(
                f"Port {self.state.port(key)}, where the running parts look for {part.name}, is taken by another program.",
                "End that program, or run `make down` and `make up`, which chooses new ports.",
            )
        self.state.forget_ports([key for _, key in taken])

    def _forget_endpoints(self) -> None:
        (self.state.root / "stack.json").unlink(missing_ok=True)

    def _write_endpoints(self) -> None:
        sections = self.endpoints  # `up --parts kafka` beside running services must not forget where those are
        for part in self.parts:
            _merge(sections, part.endpoints(self.context))
        self.state.write("stack.json", {**sections, "tenant": self.state.secrets()["tenant"], "state": str(self.state.root)})

    def _stop(self, names: list[str]) -> None:
        """First those that use the stores, all at once, then the stores."""
        parts = {part.name: part for part in self.parts}
        stores = [name for name in names if name in STORES]
        for wave in ([name for name in names if name not in stores], stores):
            found = [process for process in map(self.state.process, wave) if process is not None]
            for process in found:
                process.ask()
            for process in found:
                if process.name in parts:
                    parts[process.name].stop(self.context)
                else:  # started with other options than today's
                    process.stop(_GRACE_SECONDS)
                    self.state.forget(process.name)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Inside, a second Ctrl-C does not leave half of the processes behind. Does nothing outside the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, signal.SIG_IGN) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _merge(into: Json, more: Json) -> None:
    for key, value in more.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _merge(into[key], value)
        else:
            into[key] = value
