"""Processes by identity. Everything that starts, watches or stops a process goes through here.

A process id alone is not an identity: after a crash the number may belong to a stranger. We also remember when the
process started (clock ticks since boot, from /proc) and which boot that was, and touch nothing whose three numbers
differ. Each process leads its own session, so whatever it starts (Triton's stubs, a Redis fork) is ended with it.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

# prctl(PR_SET_PDEATHSIG, SIGTERM) survives exec, so a wrapper that replaces itself is enough: no code of ours runs
# between fork and exec, where threads of the parent could deadlock it.
_TIE = "import ctypes, os, sys; ctypes.CDLL(None).prctl(1, 15); os.execvp(sys.argv[1], sys.argv[1:])"
_CHILDREN: dict[int, subprocess.Popen[bytes]] = {}
_POLL_SECONDS = 0.05
_STATE, _SESSION, _STARTED = 0, 3, 19  # positions in /proc/<pid>/stat behind the command's closing parenthesis


@dataclass(frozen=True)
class Process:
    """One process that this stack started. `started` is in clock ticks since the boot named by `boot`."""

    name: str
    pid: int
    started: int
    boot: str

    def alive(self) -> bool:
        """Whether exactly this process still runs (a zombie does not)."""
        child = _CHILDREN.get(self.pid)
        if child is not None:
            child.poll()
        stat = _stat(self.pid)
        return stat is not None and stat[_STATE] not in "ZX" and self._is_mine(stat)

    def ask(self) -> None:
        """Send SIGTERM and return at once, so that several processes can end side by side."""
        if self.alive():
            _send(self.pid, signal.SIGTERM)

    def stop(self, grace_seconds: float = 20.0) -> bool:
        """End it: SIGTERM, SIGKILL after the grace time, then whatever is left of its session. Blocks.

        Returns whether it obeyed SIGTERM.
        """
        self.ask()
        obeyed = self._gone_within(grace_seconds)
        self.kill()
        return obeyed

    def kill(self) -> None:
        """SIGKILL to the process and its session; returns when they are gone (at most five seconds)."""
        if self.alive():
            _send(self.pid, signal.SIGKILL)
        for pid in self._session_members():
            _send(pid, signal.SIGKILL)
        self._gone_within(5.0)
        child = _CHILDREN.pop(self.pid, None)
        if child is not None:
            child.wait(timeout=5.0)

    def save(self, folder: Path) -> None:
        """Write `<folder>/<name>.json` in one step, so that a reader never sees half of it."""
        folder.mkdir(parents=True, exist_ok=True)
        draft = folder / f".{self.name}.tmp"
        draft.write_text(json.dumps(asdict(self)))
        draft.replace(folder / f"{self.name}.json")

    def _gone_within(self, seconds: float) -> bool:
        end = time.monotonic() + seconds
        while self.alive():
            if time.monotonic() > end:
                return False
            time.sleep(_POLL_SECONDS)
        return True

    def _is_mine(self, stat: list[str]) -> bool:
        return int(stat[_STARTED]) == self.started and _boot() == self.boot

    def _session_members(self) -> Iterator[int]:
        if _boot() != self.boot:
            return
        for pid in (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()):
            stat = _stat(pid)
            if stat and int(stat[_SESSION]) == self.pid and int(stat[_STARTED]) >= self.started and stat[_STATE] not in "ZX":
                yield pid


def spawn(name: str, argv: Sequence[str], *, env: Mapping[str, str], log: Path, cwd: Path) -> Process:
    """Start `argv` in its own session with output appended to `log`. Raises OSError when the program cannot be started."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        child = subprocess.Popen(  # noqa: S603 - the command lines are ours
            list(argv),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=dict(env),
            cwd=cwd,
            start_new_session=True,
        )
    _CHILDREN[child.pid] = child
    stat = _stat(child.pid)
    return Process(name, child.pid, int(stat[_STARTED]) if stat else -1, _boot())


def tied(argv: Sequence[str]) -> list[str]:
    """The same command, asked to end (SIGTERM) when the thread that starts it is gone; it keeps its process id."""
    return [sys.executable, "-S", "-c", _TIE, *argv]


def load(folder: Path, name: str) -> Process | None:
    """The process last saved under that name, or None. Whether it still runs is `alive()`'s to say."""
    try:
        return Process(**json.loads((folder / f"{name}.json").read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return None  # no record, or one written by a crash: then there is nothing that we may touch


def _stat(pid: int) -> list[str] | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return text.rpartition(")")[2].split()


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _send(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return  # it ended between our look and our signal, which is what we wanted
