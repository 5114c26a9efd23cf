"""The demo: start everything, publish the signed brief to Kafka as a campaign system would, watch, fetch, verify, stop.

Publishing, watching, fetching and verifying are the client's (`storyreel submit --watch`); this only gives it a stack.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from storyreel_local import process
from storyreel_local.errors import TroubleError
from storyreel_local.stack import Stack

# Variables that would point the client at another stack than the one just started.
_ELSEWHERE = {
    "STORYREEL_URL",
    "STORYREEL_API_KEY",
    "STORYREEL_TENANT",
    "STORYREEL_SIGNING_SECRET",
    "STORYREEL_TRUST_ANCHOR",
    "KAFKA_BOOTSTRAP_SERVERS",
}


def run(stack: Stack, brief: Path, out: Path) -> int:
    """Returns the client's exit code. Nothing is left running, except a stack that ran before the demo came."""
    if not brief.exists():
        raise TroubleError(f"There is no brief at {brief}.", "Name a folder with a brief.json by --brief.")
    if stack.running():
        stack.context.progress.say("this stack was running before the demo and is left running")
        return _submit(stack.up(), brief, out)
    with stack:
        code = _submit(stack, brief, out)
    stack.context.progress.say("everything is stopped")
    return code


def _submit(stack: Stack, brief: Path, out: Path) -> int:
    command = [sys.executable, "-m", "storyreel_client", "submit", str(brief), "--watch", "--out", str(out)]
    env = {name: value for name, value in os.environ.items() if name not in _ELSEWHERE}
    env["STORYREEL_STACK"] = str(stack.state.root / "stack.json")
    return subprocess.run(process.tied(command), env=env, check=False).returncode  # noqa: S603 - our own client
