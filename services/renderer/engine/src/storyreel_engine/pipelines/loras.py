"""The LoRAs of a pipeline: loaded through diffusers' own loader when the server starts, at most one in force at a time.

They are kept beside the weights and never merged into them: a switch copies nothing, and without a LoRA a pass does exactly
what it does in a pipeline that has none. Called by `loading`; switched by `base` and `passes` before each unit.
"""

import json
import logging
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import safe_open
from safetensors.torch import load_file

from storyreel_engine.wire import RenderRequest

log = logging.getLogger(__name__)

V = TypeVar("V")

_PEFT_CONFIG, _PEFT_WEIGHTS, _PEFT_PREFIX = "adapter_config.json", "adapter_model.safetensors", "base_model.model."
_EXPERTS = ("transformer", "transformer_2")
"""Wan 2.2's, for high noise and for low; each may have a part of a LoRA."""


class Loras:
    """`adapters` are the names that the pipeline's loader was given for each LoRA. Used on the engine's thread only."""

    def __init__(self, pipe: Any, adapters: Mapping[str, str]) -> None:
        self._pipe = pipe
        self._adapters = adapters
        self._now: tuple[str, float] | None = None

    def use(self, request: RenderRequest) -> None:
        """Put the LoRA that the request names in force in all parts of the pipeline that it changes, or none."""
        wanted = (request.lora, request.lora_scale if request.lora else 1.0)
        if not self._adapters or wanted == self._now:
            return
        is_on, self._now = bool(self._now and self._now[0]), None  # a switch that breaks half way must be made again
        if request.lora:
            if not is_on:  # a walk over all layers, as the other is
                self._pipe.enable_lora()
            self._pipe.set_adapters(self._adapters[request.lora], request.lora_scale)
        else:
            self._pipe.disable_lora()
        self._now = wanted


def load_loras(pipe: Any, paths: Mapping[str, Path]) -> Loras:
    """Load them all into the pipeline: where it lies, and in the dtype of what they change.

    Raises:
        ValueError: one is not for this pipeline, or not all of its tensors would be used; the message names its path.
    """
    adapters = {name: f"adapter{i:04d}" for i, name in enumerate(paths)}  # a file's name may have dots, a module's may not
    for name, path in paths.items():
        try:
            _load(pipe, path, adapters[name])
        except Exception as error:
            # The loader's own way out after a failure may fail too: what counts is what came before.
            raise ValueError(f"{path}: not a LoRA of this model: {_short(error.__context__ or error)}") from error
        log.info("LoRA %s is loaded", name)
    for part in _parts(pipe).values() if paths else ():
        part.eval()  # what was just put in would drop values at random, as in training
    return Loras(pipe, adapters)


def _short(error: BaseException) -> str:
    """What is said of the first and of the last layer, where hundreds are named."""
    text = " ".join(str(error).split())
    return text if len(text) < 500 else f"{text[:240]} … {text[-240:]}"


def _load(pipe: Any, path: Path, adapter: str) -> None:
    with warnings.catch_warnings():
        # It is said to be careful with several; that is what `Loras` is.
        warnings.filterwarnings("ignore", message="Already found a `peft_config` attribute")
        if (path / _PEFT_CONFIG).is_file():
            named = _load_peft(pipe, path, adapter)
        else:
            named = [name for file, network in _files(path) for name in _load_file(pipe, file, network, adapter)]
    wanted = {name.partition(".lora")[0] for name in named}
    if not wanted:
        raise ValueError("it changes nothing")
    if unused := sorted(wanted - _changed(pipe, adapter)):
        raise ValueError(f"{len(unused)} of {len(wanted)} layers are not there, {unused[0]} for one")


def _files(path: Path) -> list[tuple[Path, str]]:
    """The files of a LoRA, each with the network that it is for: the only one, or one for each expert."""
    files = [path] if path.is_file() else sorted(path.glob("*.safetensors"))
    if len(files) == 1:
        return [(files[0], _EXPERTS[0])]
    high = [file for file in files if "high" in file.stem.lower()]
    low = [file for file in files if file not in high and "low" in file.stem.lower()]
    if len(files) == len(_EXPERTS) and high and low:
        return list(zip((*high, *low), _EXPERTS, strict=True))
    names = ", ".join(file.name for file in files) or "none"
    raise ValueError(f"one safetensors file is needed, or one with `high` and one with `low` in its name; there are: {names}")


def _load_file(pipe: Any, file: Path, network: str, adapter: str) -> list[str]:
    """Load a file in any layout that diffusers converts; the names of its tensors come back, beginning with the part's."""
    with safe_open(file, framework="pt") as opened:
        names = list(opened.keys())
    if any("dora_scale" in name for name in names):
        raise ValueError("its magnitudes (DoRA) would be left out")
    if whole := [name for name in names if name.endswith(".diff")]:
        log.warning("%s: %d whole differences are left out, as diffusers leaves them out: %s", file, len(whole), whole[0])
    where = {"weight_name": file.name, "use_safetensors": True, "local_files_only": True}
    tensors, config = pipe.lora_state_dict(file.parent, return_lora_metadata=True, **where)
    if _inside(tensors, _EXPERTS[1]):
        for expert in _EXPERTS:
            _put(pipe, expert, _inside(tensors, expert), _inside(config or {}, expert), adapter)
        return list(tensors)
    if network == _EXPERTS[0]:
        pipe.load_lora_weights(file.parent, adapter_name=adapter, **where)
        return list(tensors)
    _require(pipe, network)
    pipe.load_lora_weights(file.parent, adapter_name=adapter, load_into_transformer_2=True, **where)
    return [f"{network}.{name}" for name in _inside(tensors, _EXPERTS[0])]


def _load_peft(pipe: Any, folder: Path, adapter: str) -> list[str]:
    """Load what peft itself saved: names without the part's, the configuration in a file."""
    tensors = load_file(folder / _PEFT_WEIGHTS)
    named = {name.removeprefix(_PEFT_PREFIX): tensor for name, tensor in tensors.items()}
    _put(pipe, _EXPERTS[0], named, json.loads((folder / _PEFT_CONFIG).read_text()), adapter)
    return [f"{_EXPERTS[0]}.{name}" for name in named]


def _put(pipe: Any, network: str, tensors: Mapping[str, torch.Tensor], config: Mapping[str, Any], adapter: str) -> None:
    """Load what has no file of its own into one network; without a configuration the ranks are seen and alpha is the rank."""
    _require(pipe, network)
    prefix = _EXPERTS[0]  # the loader's, whichever network it is
    pipe.load_lora_into_transformer(
        {f"{prefix}.{name}": tensor for name, tensor in tensors.items()},
        transformer=getattr(pipe, network),
        adapter_name=adapter,
        metadata={f"{prefix}.{name}": value for name, value in config.items()} or None,
        _pipeline=pipe,
    )


def _require(pipe: Any, network: str) -> None:
    if network not in _parts(pipe):
        raise ValueError(f"it has a part for {network}, which this model has not")


def _inside(named: Mapping[str, V], part: str) -> dict[str, V]:
    return {name.removeprefix(f"{part}."): value for name, value in named.items() if name.startswith(f"{part}.")}


def _changed(pipe: Any, adapter: str) -> set[str]:
    """The layers that a LoRA changes, each beginning with its part's name."""
    layers = ((part, name, layer) for part, whole in _parts(pipe).items() for name, layer in whole.named_modules())
    return {f"{part}.{name}" for part, name, layer in layers if adapter in getattr(layer, "lora_alpha", ())}


def _parts(pipe: Any) -> dict[str, torch.nn.Module]:
    """What the pipeline's loader puts LoRAs into."""
    parts = {name: getattr(pipe, name, None) for name in pipe._lora_loadable_modules}
    return {name: part for name, part in parts.items() if part is not None}
