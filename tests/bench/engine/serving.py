"""The real server under the benches: one embedded Triton, and a model repository made of ours and the baselines."""

import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from storyreel_engine.virtual_device import Unit, read_ledger
from storyreel_engine.virtual_folder import VirtualSpec, make_virtual
from storyreel_local.parts.base import Options
from storyreel_local.stack import Stack

ROOT = Path(__file__).parents[3]
SOURCES = {
    "ours": ROOT / "deploy/triton/model_repository/storyreel_video",
    "A": Path(__file__).parent / "baselines/whole_job",
    "A+": Path(__file__).parent / "baselines/whole_job",
    "B": Path(__file__).parent / "baselines/iterative",
}
_PARAMETERS = {
    "ours": {"guard": "off", "max_jobs": "1024"},  # beside other models a killed one must not take all down
    "A": {"padded": "on"},
    "A+": {"padded": "off"},
    "B": {},
}


# Measured, see README.md: a short wait fills A's first batch and is best for its makespan; without one previews are soonest.
_DELAY_MICROSECONDS = {"A": 20_000, "A+": 0}


@dataclass(frozen=True)
class Device:
    """One virtual device and the sides that work on it; `name` is that of its cost table."""

    name: str
    spec: VirtualSpec
    max_batch: int
    sides: tuple[str, ...] = ("ours",)

    def model(self, side: str) -> str:
        """The name of the Triton model that is this side on this device."""
        return f"{side.lower().replace('+', '_split')}_{self.name}"


@dataclass(frozen=True)
class Server:
    """A running Triton; `folder` holds models and ledgers."""

    stack: Stack
    folder: Path

    @property
    def url(self) -> str:
        """Of its gRPC door."""
        return str(self.stack.endpoints["triton"]["grpc"])

    def units(self, device: str, *, since: float = 0.0) -> list[Unit]:
        """What that device did since then (monotonic seconds)."""
        return read_ledger(_ledger(self.folder, device), since=since)


@contextmanager
def serving(devices: Sequence[Device]) -> Iterator[Server]:
    """A server with a model for every side of every device. Raises TroubleError when it cannot be started."""
    folder = Path(tempfile.mkdtemp(prefix="storyreel-bench-"))
    before = os.environ.get("STORYREEL_MODEL_REPOSITORY")
    os.environ["STORYREEL_MODEL_REPOSITORY"] = str(_repository(folder, devices))
    try:
        with Stack(folder / "state", options=Options(parts=("triton",), topics=False, tied=True)) as stack:
            yield Server(stack, folder)
    finally:
        os.environ.pop("STORYREEL_MODEL_REPOSITORY")
        if before is not None:
            os.environ["STORYREEL_MODEL_REPOSITORY"] = before
        shutil.rmtree(folder)


def _repository(folder: Path, devices: Sequence[Device]) -> Path:
    for device in devices:
        model_dir = folder / "models" / device.name
        make_virtual(model_dir, replace(device.spec, ledger=str(_ledger(folder, device.name))), max_batch=device.max_batch)
        for side in device.sides:
            target = folder / "repository" / device.model(side)
            shutil.copytree(SOURCES[side], target, ignore=shutil.ignore_patterns("__pycache__"))
            config = (target / "config.pbtxt").read_text()
            more = {"model_dir": str(model_dir), **_PARAMETERS[side]}
            batch = 0 if side == "ours" else device.max_batch
            if side in _DELAY_MICROSECONDS:
                delay = f"max_queue_delay_microseconds: {_DELAY_MICROSECONDS[side]}"
                config = _one(r"max_queue_delay_microseconds: \d+", delay, config)
            (target / "config.pbtxt").write_text(_configured(config, device.model(side), batch, more))
    return folder / "repository"


def _configured(config: str, name: str, batch: int, parameters: Mapping[str, str]) -> str:
    """The same configuration with another name, batch size and values of parameters."""
    config = _one(r'^name: "\w+"', f'name: "{name}"', config)
    config = _one(r"^max_batch_size: \d+", f"max_batch_size: {batch}", config)
    kept = re.sub(r'\{ key: "model_dir" value: \{ string_value: "" \} \},?', "", config)
    kept = re.sub(r"parameters \[\s*\]", "", kept)
    return kept + "".join(
        f'parameters {{ key: "{key}" value: {{ string_value: "{value}" }} }}\n' for key, value in parameters.items()
    )


def _one(pattern: str, new: str, text: str) -> str:
    changed, count = re.subn(pattern, new, text, flags=re.MULTILINE)
    if count != 1:
        raise ValueError(f"{pattern} is there {count} times")
    return changed


def _ledger(folder: Path, device: str) -> Path:
    return folder / f"{device}.ledger"
