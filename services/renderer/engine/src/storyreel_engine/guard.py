"""Takes the server down when the model's process dies without a word (killed for memory, crashed in a driver).

Triton 2.51 never restarts the stub of a decoupled model: it goes on answering "ready" for server and model alike, while
every request fails and open streams hang for ever. An exit is honest: whoever supervises the server starts it again.
"""

import subprocess
from pathlib import Path

# Waits for a line on its input; end of file without one means that the model's process is gone. The server is known by
# its start time too, because its process id may belong to somebody else by then.
_SCRIPT = r"""
alive() { [ "$(sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d ' ' -f 20)" = "$2" ]; }
read -r line && exit 0
alive "$1" "$2" && kill -TERM "$1" && sleep 5
alive "$1" "$2" && kill -KILL "$1"
"""
_START_TIME = 19  # position behind the command's closing parenthesis, see proc(5)


class ServerGuard:
    """A shell that outlives the model's process. Used by the Triton door; `release` is the orderly end."""

    def __init__(self, server_pid: int) -> None:
        started = Path(f"/proc/{server_pid}/stat").read_text().rpartition(") ")[2].split()[_START_TIME]
        # Its own session: a signal to the server's group must not take the guard first.
        self._shell = subprocess.Popen(  # noqa: S603 - a fixed script, the arguments are numbers
            ["/bin/sh", "-c", _SCRIPT, "storyreel-guard", str(server_pid), started],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )

    def release(self) -> None:
        """End the guard without consequences."""
        self._shell.communicate(b"done\n", timeout=5)
