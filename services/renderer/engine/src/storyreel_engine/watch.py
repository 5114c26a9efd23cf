"""Notices that the server was asked to stop, while there is still time to hand out checkpoints.

Triton 2.51 tells a Python model nothing about SIGTERM: it closes its HTTP ports at once, lets open streams go on, and calls
`finalize` only when no client listens any more, or never when its exit timeout is over. So the ports are what is watched.
"""

import threading
from collections.abc import Callable
from pathlib import Path

_LISTENING = "0A"  # proc(5), net/tcp: the state column
_EVERY_SECONDS = 0.2


class StopWatch:
    """Calls `stopping` once, from its own thread, when a port on which `server_pid` listened is closed."""

    def __init__(self, server_pid: int, stopping: Callable[[], None], *, proc: Path = Path("/proc")) -> None:
        self._folder = proc / str(server_pid)
        self._stopping = stopping
        self._known: frozenset[str] = frozenset()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="storyreel-watch", daemon=True)
        self._thread.start()

    def release(self) -> None:
        """End the watch; returns when a call of `stopping` that has begun is over."""
        self._over.set()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _run(self) -> None:
        while not self._over.wait(_EVERY_SECONDS):
            if self._is_stopping():
                self._stopping()
                return

    def _is_stopping(self) -> bool:
        now = listening(self._folder)
        if now is None:
            return False
        closed = self._known - now
        self._known |= now  # ports open one after the other, after the models are loaded
        return bool(closed)


def listening(folder: Path) -> frozenset[str] | None:
    """Inodes of the TCP sockets on which the process of this /proc folder listens; None when it may not be looked at."""
    try:
        sockets = {_target(link) for link in (folder / "fd").iterdir()}
    except OSError:
        return None
    tables = [folder / "net" / name for name in ("tcp", "tcp6")]
    rows = [line.split() for table in tables if table.exists() for line in table.read_text().splitlines()[1:]]
    return frozenset(row[9] for row in rows if row[3] == _LISTENING and f"socket:[{row[9]}]" in sockets)


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except OSError:
        return ""  # closed since the folder was read
