"""Who is let in: so many jobs, and so much memory set aside for each. Pure; called under the engine's lock."""

import math
from collections.abc import Collection
from dataclasses import dataclass

from storyreel_engine.failures import CapacityError, OutOfMemoryError
from storyreel_engine.ports import Footprint


@dataclass(frozen=True)
class EngineLimits:
    """Admission and liveness.

    A job that waits its turn has its last progress repeated every `heartbeat_seconds`, so for a client silence always
    means a wedged engine, never a busy one; only ONE unit may be silent for longer. `memory_bytes` of the device hold all
    open jobs and one unit's work (0: not counted). `max_batch` bounds the card's (0: the card's own).
    """

    max_jobs: int = 64
    heartbeat_seconds: float = 5.0
    memory_bytes: int = 0
    max_batch: int = 0

    @property
    def memory(self) -> float:
        """Bytes, without end when they are not counted."""
        return self.memory_bytes or math.inf


def admit(new: Footprint, held: Collection[Footprint], limits: EngineLimits) -> None:
    """Let a job in beside those that are held, or say why not.

    Raises:
        OutOfMemoryError: it would not fit on an empty device either.
        CapacityError: too many jobs, or no memory beside those that are held now.
    """
    if new.resident + new.working > limits.memory:
        needed = new.resident + new.working
        raise OutOfMemoryError(f"the job needs {needed} bytes of device memory, {limits.memory_bytes} are there in all")
    if len(held) >= limits.max_jobs:
        raise CapacityError(f"{len(held)} jobs are held, at most {limits.max_jobs} are admitted")
    needed = reserved([new, *held])
    if needed > limits.memory:
        raise CapacityError(f"{needed} bytes of device memory would be needed, {limits.memory_bytes} are there")


def reserved(held: Collection[Footprint]) -> int:
    """Bytes set aside: what all keep, and the largest work of one."""
    return resident(held) + max((footprint.working for footprint in held), default=0)


def resident(held: Collection[Footprint]) -> int:
    """Bytes that all keep between two units."""
    return sum(footprint.resident for footprint in held)
