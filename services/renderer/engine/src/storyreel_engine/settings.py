"""The engine's settings: the environment first, then Triton's config parameters, then the defaults."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_PREFIX = "STORYREEL_"


@dataclass(frozen=True)
class EngineSettings:
    """Where the pipeline lies and how the device is used.

    `device`: auto (the GPU if there is one), cpu, cuda or cuda:N. `dtype`: auto (bfloat16 on a GPU with the VAE in
    float32, float32 on CPU), float32 or bfloat16. `torch_threads`: CPU threads of one operation. `guard`: take the
    whole server down if this model's process is killed (see guard.py); off where other models must go on without it.

    Without a folder, `model_id` names a model of the hub at `revision` ("" for its newest), taken from the local cache; only
    with `download` is it fetched. `model_card` is its card, if that does not lie in the folder. `joint_guidance`: both passes
    of the guidance in one forward, auto (on a GPU), on or off.

    `memory_mib` is what jobs may take of the device's memory (None: see memory.py), `max_batch` bounds the jobs of one pass
    further than the model's card does (0: the card alone).
    """

    model_dir: Path | None
    device: str = "auto"
    dtype: str = "auto"
    torch_threads: int = 2
    max_jobs: int = 64
    heartbeat_seconds: float = 5.0
    guard: bool = True
    model_id: str = ""
    revision: str = ""
    download: bool = False
    model_card: Path | None = None
    joint_guidance: str = "auto"
    memory_mib: float | None = None
    max_batch: int = 0


def read_settings(environment: Mapping[str, str], parameters: Mapping[str, str]) -> EngineSettings:
    """Settings from `STORYREEL_<NAME>` variables over config parameters `<name>`; empty values count as absent.

    Raises:
        ValueError: no model folder is named, or a number is not a number; the message names the variable.
    """

    def value(name: str, default: str = "") -> str:
        return environment.get(_PREFIX + name.upper()) or parameters.get(name) or default

    folder, card = value("model_dir"), value("model_card")
    if not folder and not value("model_id"):
        raise ValueError(f"no model: set {_PREFIX}MODEL_DIR or {_PREFIX}MODEL_ID, or the parameter model_dir in config.pbtxt")
    return EngineSettings(
        model_dir=Path(folder) if folder else None,
        device=value("device", "auto"),
        dtype=value("dtype", "auto"),
        torch_threads=int(_number("torch_threads", value("torch_threads", "2"))),
        max_jobs=int(_number("max_jobs", value("max_jobs", "64"))),
        heartbeat_seconds=_number("heartbeat_seconds", value("heartbeat_seconds", "5")),
        guard=_switch("guard", value("guard", "on")),
        model_id=value("model_id"),
        revision=value("revision"),
        download=_switch("download", value("download", "off")),
        model_card=Path(card) if card else None,
        joint_guidance=_choice("joint_guidance", value("joint_guidance", "auto"), ("auto", "on", "off")),
        memory_mib=None if value("memory_mib", "auto") == "auto" else _number("memory_mib", value("memory_mib")),
        max_batch=int(_number("max_batch", value("max_batch"))) if value("max_batch") else 0,
    )


def _switch(name: str, text: str) -> bool:
    return _choice(name, text, ("on", "off")) == "on"


def _choice(name: str, text: str, choices: tuple[str, ...]) -> str:
    if text not in choices:
        raise ValueError(f"{_PREFIX}{name.upper()}: {text!r} is none of {', '.join(choices)}")
    return text


def _number(name: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError as error:
        raise ValueError(f"{_PREFIX}{name.upper()}: {text!r} is not a number") from error
    if number <= 0:
        raise ValueError(f"{_PREFIX}{name.upper()}: {text!r} is not above 0")
    return number
