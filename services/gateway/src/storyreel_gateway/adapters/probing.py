"""Starts the sandboxed child on an upload, and reads its one line of JSON."""

import asyncio
import logging
import signal
import sys
import tempfile
from collections.abc import Sequence
from typing import IO

from pydantic import ValidationError

from storyreel_gateway import metrics
from storyreel_gateway.domain.media import Limits, Probed

log = logging.getLogger(__name__)
CHILD = (sys.executable, "-I", "-m", "storyreel_gateway.adapters.probe_child")


class ChildProber:
    """A new process per file, at most `side_by_side` at once; it sees the bytes, its limits and nothing else."""

    def __init__(self, command: Sequence[str] = CHILD, side_by_side: int = 2) -> None:
        self._command = command
        self._slots = asyncio.Semaphore(side_by_side)
        self._said = False

    async def probe(self, data: bytes, limits: Limits) -> Probed:
        """What the bytes are, or why they are refused. Never raises because of them."""
        if len(data) > limits.bytes:
            return Probed(reason=f"it is {len(data) / 2**20:.0f} MiB; at most {limits.bytes / 2**20:.0f} MiB are allowed")
        async with self._slots:
            probed = await self._ask(data, limits)
        metrics.PROBES.labels("passed" if probed.media else "refused").inc()
        self._say_how_far(probed)
        return probed

    def _say_how_far(self, probed: Probed) -> None:
        """Once per process: where the kernel refuses a network namespace, an operator should know it."""
        network = probed.isolation.get("network", "")
        if network and not self._said:
            self._said = True
            log.log(logging.INFO if network.startswith("none") else logging.WARNING, "the probe's network: %s", network)

    async def _ask(self, data: bytes, limits: Limits) -> Probed:
        with tempfile.TemporaryFile() as file:  # has no name; the child gets its descriptor and no path
            await asyncio.to_thread(_fill, file, data)
            child = await asyncio.create_subprocess_exec(
                *self._command, limits.model_dump_json(), stdin=file, stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL, env={"LC_ALL": "C.UTF-8"}, start_new_session=True,
            )  # fmt: skip
            try:
                async with asyncio.timeout(limits.wall_s):
                    out, _ = await child.communicate()
            except TimeoutError:
                return Probed(reason=f"reading it took longer than {limits.wall_s:g} s")
            finally:
                if child.returncode is None:
                    child.kill()
                    await child.wait()
        return _answer(out, child.returncode or 0, limits)


def _fill(file: IO[bytes], data: bytes) -> None:
    file.write(data)
    file.seek(0)


def _answer(out: bytes, returncode: int, limits: Limits) -> Probed:
    if returncode in {-signal.SIGXCPU, -signal.SIGKILL}:
        return Probed(reason=f"reading it took more than {limits.cpu_s} s of processor time")
    try:
        return Probed.model_validate_json(out)
    except ValidationError:
        return Probed(reason=f"reading it ended the reader (status {returncode}); it is damaged or hostile")
