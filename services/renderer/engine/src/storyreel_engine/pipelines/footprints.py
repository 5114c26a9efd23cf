"""What jobs were seen to hold and to need, and from that what the next one will: admission asks before anything is prepared.

Called by `base` around its units. What a job holds between units is counted on its own tensors. What a unit needs on top is
known only where the device counts it (`torch.cuda`); on a CPU it stays 0, that is, unknown.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, is_dataclass
from typing import Protocol

import torch

from storyreel_engine.pipelines.state import JobState
from storyreel_engine.ports import Footprint


class DeviceMemory(Protocol):
    """Bytes on the device."""

    def start(self) -> int:
        """Bytes held now; the last peak is forgotten."""

    def now(self) -> int:
        """Bytes held now."""

    def peak(self) -> int:
        """The most that was held since `start`."""


class CudaMemory:
    """As torch's allocator counts it."""

    def __init__(self, device: torch.device) -> None:
        self._device = device

    def start(self) -> int:
        """Bytes of live tensors."""
        torch.cuda.reset_peak_memory_stats(self._device)
        return self.now()

    def now(self) -> int:
        """Bytes of live tensors."""
        return int(torch.cuda.memory_allocated(self._device))

    def peak(self) -> int:
        """The most bytes of live tensors."""
        return int(torch.cuda.max_memory_allocated(self._device))


class UncountedMemory:
    """A device that does not count, such as a CPU."""

    def start(self) -> int:
        """Nothing."""
        return 0

    def now(self) -> int:
        """Nothing."""
        return 0

    def peak(self) -> int:
        """Nothing."""
        return 0


@dataclass(frozen=True)
class Size:
    """Pixels of a picture, pictures of one window and of the shot."""

    area: int
    window: int
    frames: int


class Footprints:
    """The largest that was seen, by what it grows with; written by the engine's thread, read by any."""

    def __init__(self, memory: DeviceMemory) -> None:
        self._memory = memory
        self._fixed = 0
        self._held = 0.0
        self._by_volume = self._by_area = 0.0

    def expect(self, size: Size) -> Footprint:
        """What a job of that size will hold and need, if it is like those before it; zeros before the first."""
        working = max(self._by_volume * size.area * size.window, self._by_area * size.area)
        return Footprint(self._fixed + int(self._held * size.area * size.frames), int(working))

    def held(self, state: JobState, size: Size) -> None:
        """Learn from a job between two units: what its conditions take is the same for every size."""
        fixed = sum(_bytes(tensor) for tensor in _tensors(state.conditions))
        self._fixed = max(self._fixed, fixed)
        self._held = max(self._held, (sum(_bytes(t) for t in _tensors(state)) - fixed) / (size.area * size.frames))

    @contextmanager
    def in_unit(self, size: Size, jobs: int = 1) -> Iterator[None]:
        """Learn what a preparation, or a pass of so many jobs, needs; it grows with the pictures of a window."""
        before = self._memory.start()
        yield
        self._by_volume = max(self._by_volume, (self._memory.peak() - before) / (jobs * size.area * size.window))

    @contextmanager
    def in_decode(self, size: Size, kept: int) -> Iterator[Callable[[bool], int]]:
        """Learn what decoding a chunk needs beside the `kept` bytes that the decoder remembers of the chunks before.

        Call what is yielded when it is known whether the chunk was a whole link: it says what the decoder keeps now. A
        link at once grows with its pictures, a chunk does not.
        """
        before = self._memory.start()

        def learn(whole: bool) -> int:
            needed = kept + self._memory.peak() - before
            if whole:
                self._by_volume = max(self._by_volume, needed / (size.area * size.window))
            else:
                self._by_area = max(self._by_area, needed / size.area)
            return kept + max(0, self._memory.now() - before)

        yield learn


def _bytes(tensor: torch.Tensor) -> int:
    return int(tensor.numel() * tensor.element_size())


def _tensors(value: object) -> Iterator[torch.Tensor]:
    """All tensors that a state holds, its scheduler's history included."""
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _tensors(item)
    elif isinstance(value, dict):
        yield from _tensors(list(value.values()))
    elif is_dataclass(value):
        yield from _tensors([getattr(value, field.name) for field in fields(value)])
    elif type(value).__name__.endswith("Scheduler"):
        yield from _tensors([item for name, item in vars(value).items() if name != "_internal_dict"])
