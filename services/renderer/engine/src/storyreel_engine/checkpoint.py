"""Checkpoints as safetensors: tensors plus one JSON header, no code inside, readable on any server.

Called by `pipelines.saved`. A scheduler's memory is taken generically: every tensor, number and list
among its attributes, which is how diffusers' multistep solvers keep their history.
"""

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors

from storyreel_engine.failures import InvalidInputError

FORMAT = 2
_HEADER_KEY = "storyreel"


class Tensors(dict[str, torch.Tensor]):
    """A checkpoint's tensors; one that is not there is the client's fault, not ours."""

    def __missing__(self, name: str) -> torch.Tensor:
        raise InvalidInputError(f"checkpoint: damaged (no tensor {name!r})")


@dataclass(frozen=True)
class Checkpoint:
    """`meta` says of which model and request and how far; `tensors` are the state, on the CPU.

    Reading a tensor that is not there raises `InvalidInputError`.
    """

    meta: Mapping[str, Any]
    tensors: Mapping[str, torch.Tensor]


def pack(meta: Mapping[str, Any], tensors: Mapping[str, torch.Tensor]) -> bytes:
    """One self-contained block of bytes."""
    header = {_HEADER_KEY: json.dumps({"format": FORMAT, **meta})}
    on_cpu = {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
    data: bytes = save_tensors(on_cpu, metadata=header)
    return data


def unpack(data: bytes) -> Checkpoint:
    """Read what `pack` wrote.

    Raises:
        InvalidInputError: damaged bytes, or a format that this engine does not know.
    """
    try:
        length = struct.unpack_from("<Q", data)[0]
        meta = json.loads(json.loads(data[8 : 8 + length])["__metadata__"][_HEADER_KEY])
        tensors = load_tensors(data)
    except (SafetensorError, ValueError, KeyError, TypeError, struct.error) as error:
        raise InvalidInputError(f"checkpoint: damaged ({type(error).__name__}: {error})") from error
    if not isinstance(meta, dict) or meta.get("format") != FORMAT:
        raise InvalidInputError("checkpoint: of a format that this engine does not know")
    return Checkpoint(meta, Tensors(tensors))


def scheduler_memory(scheduler: object) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    """A scheduler's attributes as (JSON values, tensors named by path), but for its configuration: the model's."""
    plain: dict[str, Any] = {}
    tensors: dict[str, torch.Tensor] = {}
    for name, value in vars(scheduler).items():
        if name != "_internal_dict":
            kept = _take(name, value, tensors)
            if kept is not _SKIP:
                plain[name] = kept
    return plain, tensors


def restore_scheduler(
    scheduler: object, plain: Mapping[str, Any], tensors: Mapping[str, torch.Tensor], device: torch.device
) -> None:
    """Put a memory back into a fresh scheduler: tensors go where the fresh one has its own, history to `device`.

    Raises:
        InvalidInputError: it would overwrite what belongs to the scheduler's class, or names a tensor that is not there.
    """
    for name, value in plain.items():
        if hasattr(type(scheduler), name):
            raise InvalidInputError(f"checkpoint: damaged ({name!r} is no memory of a scheduler)")
        fresh = getattr(scheduler, name, None)
        target = fresh.device if isinstance(fresh, torch.Tensor) else device
        setattr(scheduler, name, _give(value, tensors, target))


_SKIP = object()


def _take(path: str, value: object, tensors: dict[str, torch.Tensor]) -> Any:
    if isinstance(value, np.ndarray):
        tensors[path] = torch.from_numpy(value)
        return {"ndarray": path}
    if isinstance(value, torch.Tensor):
        tensors[path] = value
        return {"tensor": path}
    if isinstance(value, list | tuple):
        items = [_take(f"{path}.{i}", item, tensors) for i, item in enumerate(value)]
        return _SKIP if _SKIP in items else {"list": items}
    return value if value is None or isinstance(value, bool | int | float | str) else _SKIP


def _give(value: Any, tensors: Mapping[str, torch.Tensor], device: torch.device) -> Any:
    if not isinstance(value, dict):
        return value
    if "list" in value:
        return [_give(item, tensors, device) for item in value["list"]]
    if "ndarray" in value:
        return tensors[value["ndarray"]].numpy()
    return tensors[value["tensor"]].to(device)
