"""Faults that a virtual model folder asks for while it is served: `faults.json` in it, read anew before every pass.

Called by `virtual.VirtualPipeline`; written by tests, so that a real server can be harmed and mended without a restart.
"""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

_FILE = "faults.json"
_POLL_SECONDS = 0.02


class VirtualDeviceError(RuntimeError):
    """What a broken driver raises: nothing that the engine knows."""


@dataclass(frozen=True)
class Faults:
    """What goes wrong from now on.

    `broken`: every pass fails with an error of the device. `wedge_step` (0: none): a pass in which a job would reach this
    step, or a later one, does not return as long as this is asked for. `memory_bytes` (0: as `virtual.json` says) is what
    the device has left for passes.
    """

    broken: bool = False
    wedge_step: int = 0
    memory_bytes: int = 0


def ask_for(folder: Path, faults: Faults) -> None:
    """Ask a folder for these faults instead of those before; `Faults()` mends it."""
    draft = folder / f".{_FILE}"
    draft.write_text(json.dumps(asdict(faults)))
    draft.replace(folder / _FILE)  # in one step: a served model reads it at any moment


class FaultFile:
    """Reads what a folder asks for. Without a folder nothing ever goes wrong."""

    def __init__(self, folder: Path | None = None, *, sleep: Callable[[float], None] = time.sleep) -> None:
        self._file = None if folder is None else folder / _FILE
        self._sleep = sleep

    def read(self) -> Faults:
        """What is asked for now."""
        if self._file is None or not self._file.exists():
            return Faults()
        return Faults(**json.loads(self._file.read_text()))

    def meet(self, steps: Sequence[int]) -> Faults:
        """Suffer them in a pass after which its jobs would be at these steps; returns what the pass has to know.

        Raises:
            VirtualDeviceError: the device is broken.
        """
        while True:
            faults = self.read()
            if faults.broken:
                raise VirtualDeviceError("virtual device: an illegal memory access was encountered")
            if not 0 < faults.wedge_step <= max(steps):
                return faults
            self._sleep(_POLL_SECONDS)
