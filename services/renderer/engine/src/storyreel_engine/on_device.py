"""How a unit of work runs on the device: without gradients, to its real end, its faults in the engine's words."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from storyreel_engine.failures import ModelFaultError, OutOfMemoryError


@contextmanager
def on_device(device: torch.device) -> Iterator[None]:
    """Run a unit of work on `device` and wait for its end, so that measured device seconds are true.

    Raises:
        OutOfMemoryError: no room; cached blocks are given back first, so that the next job may fit.
        ModelFaultError: torch refused or broke (RuntimeError).
    """
    try:
        with torch.no_grad():
            yield
        if device.type == "cuda":
            torch.cuda.synchronize(device)
    except torch.OutOfMemoryError as error:
        if device.type == "cuda":
            torch.cuda.empty_cache()
        raise OutOfMemoryError(str(error)) from error
    except MemoryError as error:
        raise OutOfMemoryError("the host has no memory left for this job") from error
    except RuntimeError as error:
        if "can't allocate memory" in str(error):  # torch's CPU allocator raises a plain RuntimeError
            raise OutOfMemoryError(str(error)) from error
        raise ModelFaultError(f"{type(error).__name__}: {error}") from error
