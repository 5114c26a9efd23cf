"""How much of the device's memory jobs may take, beside the weights that are loaded already. Called once by the Triton door."""

import sys
from pathlib import Path
from typing import Any

from storyreel_engine.settings import EngineSettings

GPU_PART = 0.9
"""Of what is free after loading; the rest is for what the allocator loses between blocks."""
HOST_PART = 0.5
"""Of what the machine has available: others live there too."""
_MIB = 1 << 20


def budget(settings: EngineSettings) -> int:
    """Bytes for all jobs together: the setting, or a part of what is free on the device that torch uses.

    A pipeline that has not imported torch runs on the host.
    """
    if settings.memory_mib is not None:
        return int(settings.memory_mib * _MIB)
    torch = sys.modules.get("torch")
    if torch is not None and _is_gpu(settings.device, torch):
        free, _ = torch.cuda.mem_get_info(None if settings.device in ("auto", "cuda") else settings.device)
        return int(free * GPU_PART)
    return int(host_available() * HOST_PART)


def host_available(meminfo: Path = Path("/proc/meminfo"), cgroup: Path = Path("/sys/fs/cgroup")) -> int:
    """Bytes that this process can still get: the machine's, or what its control group leaves.

    Raises:
        ValueError: the machine does not say (not a Linux): set STORYREEL_MEMORY_MIB.
    """
    lines = meminfo.read_text().splitlines() if meminfo.exists() else []
    found = next((int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")), None)
    if found is None:
        raise ValueError("available memory is not known here: set STORYREEL_MEMORY_MIB")
    return min(found, _left_in_group(cgroup) or found)


def _left_in_group(cgroup: Path) -> int | None:
    most, used = cgroup / "memory.max", cgroup / "memory.current"
    if not most.exists() or not used.exists() or most.read_text().strip() == "max":
        return None
    return max(0, int(most.read_text()) - int(used.read_text()))


def _is_gpu(device: str, torch: Any) -> bool:
    return device.startswith("cuda") or (device == "auto" and bool(torch.cuda.is_available()))
