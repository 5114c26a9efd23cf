"""Counts the bytes that tensors hold while a piece of work runs: what `torch.cuda.max_memory_allocated` tells on a GPU."""

import weakref
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class CountingAllocator(TorchDispatchMode):
    """`peak` is the most bytes alive at once of what was made inside the block."""

    def __init__(self) -> None:
        super().__init__()
        self._held: dict[int, weakref.ref[torch.UntypedStorage]] = {}
        self.now = self.peak = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        before = {leaf.untyped_storage().data_ptr() for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)}
        for leaf in tree_leaves(made):
            if isinstance(leaf, torch.Tensor) and leaf.untyped_storage().data_ptr() not in before:
                self._see(leaf.untyped_storage())
        return made

    def _see(self, storage: torch.UntypedStorage) -> None:
        name, size = id(storage), storage.nbytes()
        if name in self._held:
            return
        self.now += size
        self.peak = max(self.peak, self.now)
        self._held[name] = weakref.ref(storage, lambda _: self._gone(name, size))

    def _gone(self, name: int, size: int) -> None:
        del self._held[name]
        self.now -= size
