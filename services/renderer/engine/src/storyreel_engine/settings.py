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
    """

    model_dir: Path
    device: str = "auto"
    dtype: str = "auto"
    torch_threads: int = 2
    max_jobs: int = 64
    heartbeat_seconds: float = 5.0
    guard: bool = True


def read_settings(environment: Mapping[str, str], parameters: Mapping[str, str]) -> EngineSettings:
    """Settings from `STORYREEL_<NAME>` variables over config parameters `<name>`; empty values count as absent.

    Raises:
        ValueError: no model folder is named, or a number is not a number; the message names the variable.
    """

    def value(name: str, default: str = "") -> str:
        return environment.get(_PREFIX + name.upper()) or parameters.get(name) or default

    folder = value("model_dir")
    if not folder:
        raise ValueError(f"no model folder: set {_PREFIX}MODEL_DIR, or the parameter model_dir in config.pbtxt")
    return EngineSettings(
        model_dir=Path(folder),
        device=value("device", "auto"),
        dtype=value("dtype", "auto"),
        torch_threads=int(_number("torch_threads", value("torch_threads", "2"))),
        max_jobs=int(_number("max_jobs", value("max_jobs", "64"))),
        heartbeat_seconds=_number("heartbeat_seconds", value("heartbeat_seconds", "5")),
        guard=_switch("guard", value("guard", "on")),
    )


def _switch(name: str, text: str) -> bool:
    if text not in ("on", "off"):
        raise ValueError(f"{_PREFIX}{name.upper()}: {text!r} is neither on nor off")
    return text == "on"


def _number(name: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError as error:
        raise ValueError(f"{_PREFIX}{name.upper()}: {text!r} is not a number") from error
    if number <= 0:
        raise ValueError(f"{_PREFIX}{name.upper()}: {text!r} is not above 0")
    return number
