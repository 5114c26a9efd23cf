#!/usr/bin/env python3
"""Creates the two environments with a plain Python 3.11+: `.venv` (services, tools) and, with --engine, `.venv-engine`.

Run by `make install` and all that needs it. A stamp (hash of the pins and of every pyproject) makes a second run
return at once. Only the standard library may be imported here: there is nothing else yet.
"""

from __future__ import annotations

import argparse
import ctypes.util
import hashlib
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

ROOT = Path(__file__).resolve().parents[2]
STAMP = ".storyreel-stamp"
OLDEST, NEWEST = (3, 11), (3, 13)  # the server wheel of the engine environment brings stubs up to 3.13
_BIG_MB = 20.0


class TroubleError(Exception):
    """One sentence with the fact, one with the remedy."""


@dataclass(frozen=True)
class Environment:
    """What goes into one environment. `needs_gb` is free disk space, download included."""

    folder: Path
    constraints: Path
    rooms: tuple[Path, ...]
    extras: str
    tools: tuple[str, ...]
    needs_gb: float
    why: str

    def stamp(self) -> str:
        """Changes when a pin, a pyproject, the interpreter or the list of rooms does."""
        digest = hashlib.sha256(f"{sys.version_info[:3]} {self.extras} {self.tools}".encode())
        for path in (self.constraints, *(room / "pyproject.toml" for room in self.rooms)):
            digest.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
        return digest.hexdigest()

    def is_ready(self) -> bool:
        """Whether it was installed completely from the same inputs."""
        stamp = self.folder / STAMP
        return stamp.is_file() and stamp.read_text() == self.stamp() and (self.folder / "bin" / "python").exists()


def services_environment() -> Environment:
    """Everything that runs without torch: libraries, six services, the embedded stack, the tools of tests and lint."""
    import tomllib  # noqa: PLC0415 - Python 3.11+, checked before

    rooms = sorted([*ROOT.glob("libs/*"), *ROOT.glob("services/*"), ROOT / "deploy" / "local"])
    tools = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]["dev"]
    return Environment(
        folder=ROOT / ".venv",
        constraints=ROOT / "constraints.txt",
        rooms=tuple(room for room in rooms if (room / "pyproject.toml").is_file()),
        extras="",
        tools=tuple(tools),
        needs_gb=3.0,
        why="services and tools; about 400 MB to download, one to three minutes the first time",
    )


def engine_environment() -> Environment:
    """What runs inside Triton, with the server itself."""
    return Environment(
        folder=ROOT / ".venv-engine",
        constraints=ROOT / "constraints-engine.txt",
        rooms=(ROOT / "services" / "renderer" / "engine",),
        extras="[diffusion,server,test,training]",
        tools=(),
        needs_gb=10.0,
        why="PyTorch with its GPU libraries and Triton; about 3 GB to download and 5.5 GB on disk, "
        "which takes several minutes the first time; it is kept apart because only rendering needs it",
    )


def install(environment: Environment, *, quiet: bool = False) -> None:
    """Create or complete one environment; `quiet` says nothing where there is nothing to do. Raises TroubleError."""
    name = environment.folder.name
    if environment.is_ready():
        if not quiet:
            print(f"{name}: up to date")
        return
    print(f"{name}: {environment.why}", flush=True)
    _check_space(environment)
    _create(environment.folder)
    began = time.monotonic()
    _pip(environment)
    (environment.folder / STAMP).write_text(environment.stamp())
    print(f"{name}: ready after {time.monotonic() - began:.0f} s")


def _check_space(environment: Environment) -> None:
    free = shutil.disk_usage(ROOT).free / 1e9
    needed = environment.needs_gb if not environment.folder.exists() else 1.0
    if free < needed:
        raise TroubleError(
            f"{environment.folder.name} needs {needed:.0f} GB of free disk, and {ROOT} has {free:.1f}. "
            "Free some space and run again."
        )


def _create(folder: Path) -> None:
    python = folder / "bin" / "python"
    if python.exists() and _version_of(python) == f"{sys.version_info[0]}.{sys.version_info[1]}":
        return
    command = [sys.executable, "-m", "venv", "--clear", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own interpreter
    if done.returncode:
        shutil.rmtree(folder, ignore_errors=True)
        minor = f"{sys.version_info[0]}.{sys.version_info[1]}"
        said = (done.stdout + done.stderr).strip().splitlines()
        raise TroubleError(
            f"{sys.executable} cannot create an environment ({said[0] if said else 'no reason given'}). "
            f"Debian and Ubuntu keep that apart: apt install python{minor}-venv."
        )


def _version_of(python: Path) -> str:
    code = "import sys; print(f'{sys.version_info[0]}.{sys.version_info[1]}')"
    return subprocess.run([str(python), "-c", code], capture_output=True, text=True, check=False).stdout.strip()  # noqa: S603


def _pip(environment: Environment) -> None:
    command = [str(environment.folder / "bin" / "python"), "-m", "pip", "install", "--no-input", "--progress-bar", "off"]
    command += ["--disable-pip-version-check", "-c", str(environment.constraints), *environment.tools]
    for room in environment.rooms:
        command += ["-e", f"{room}{environment.extras}"]
    log = environment.folder / "install.log"
    with (
        log.open("w") as record,
        subprocess.Popen(  # noqa: S603 - pip of the environment just made
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},  # else its lines come when it has ended
        ) as child,
    ):
        lines = list(_shown(child.stdout or (), record))
    if child.returncode:
        raise TroubleError(explain(lines, log))


def _shown(lines: Iterable[str], record: TextIO) -> Iterator[str]:
    """Pass pip's lines on and show those that explain the waiting: one changing line on a terminal, few elsewhere."""
    began, terminal = time.monotonic(), sys.stdout.isatty()
    for line in lines:
        record.write(line)
        record.flush()
        step = _step(line)
        if step and terminal:
            width = shutil.get_terminal_size().columns - 1
            print(f"\r\x1b[K{f'  {time.monotonic() - began:4.0f} s  {step}'[:width]}", end="", flush=True)
        elif step and _is_big(step):
            print(f"  {time.monotonic() - began:4.0f} s  {step}", flush=True)
        yield line
    if terminal:
        print("\r\x1b[K", end="")


def _step(line: str) -> str:
    found = re.match(r"\s*(Downloading|Collecting|Obtaining|Using cached|Installing collected packages)\b[: ]*(.*)", line)
    if not found:
        return ""
    verb, rest = found.groups()
    if verb.startswith("Installing"):
        return f"unpacking {rest.count(',') + 1} packages (large ones take a while)"
    return f"{verb.lower()} {rest.rsplit('/', 1)[-1].strip()}"


def _is_big(step: str) -> bool:
    size = re.search(r"\((\d+(?:\.\d+)?) ([MG])B\)", step)
    return step.startswith("unpacking") or bool(size and (size[2] == "G" or float(size[1]) >= _BIG_MB))


def explain(lines: list[str], log: Path) -> str:
    """Pip's failure in one sentence and its remedy."""
    text = "".join(lines)
    if "No space left on device" in text or "Errno 28" in text:
        return f"The disk is full. Free some space and run again; what was installed is kept (log: {log})."
    if re.search(
        r"NewConnectionError|NameResolutionError|name resolution|ProxyError|ConnectTimeout|Network is unreachable", text
    ):
        return (
            f"The package index cannot be reached. Check the network or set a proxy (HTTPS_PROXY), then run again (log: {log})."
        )
    if "resolution-too-deep" in text or "No matching distribution" in text or "Could not find a version" in text:
        return f"The package index lacks a pinned package: {_first_error(lines)}. Is PIP_INDEX_URL a full mirror? (log: {log})"
    return f"pip failed: {_first_error(lines)}. The whole log is {log}."


def _first_error(lines: list[str]) -> str:
    errors = [line.strip() for line in lines if line.startswith("ERROR")] or [line.strip() for line in lines[-2:]]
    return " ".join(errors[:2])[:400]


def main() -> int:
    """Install what was asked for; 1 with one sentence when that cannot be done, 130 when interrupted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", action="store_true", help="also the engine environment (PyTorch, Triton)")
    parser.add_argument("--quiet", action="store_true", help="say nothing about what is up to date")
    chosen = parser.parse_args()
    try:
        _check_machine()
        if chosen.engine:
            check_shared_library()
        install(services_environment(), quiet=chosen.quiet)
        if chosen.engine:
            install(engine_environment(), quiet=chosen.quiet)
    except TroubleError as trouble:
        print(f"✗ {trouble}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nstopped; run the same command again to go on from here", file=sys.stderr)
        return 130
    return 0


def check_shared_library() -> None:
    """Triton's Python stub links libpython; better said before 3 GB are downloaded than after. Raises TroubleError."""
    minor = f"{sys.version_info[0]}.{sys.version_info[1]}"
    said = sysconfig.get_config_var("INSTSONAME") or ""
    name = said if ".so" in said else f"libpython{minor}.so.1.0"
    library = sysconfig.get_config_var("LIBDIR") or ""
    folders = (library, f"{library}/{sysconfig.get_config_var('MULTIARCH')}", sysconfig.get_config_var("LIBPL") or "")
    if not any(Path(folder, name).exists() for folder in folders) and not ctypes.util.find_library(f"python{minor}"):
        raise TroubleError(
            f"Triton's Python backend needs {name}, and {sys.executable} has no shared library. Install it (Debian and "
            f"Ubuntu: apt install libpython{minor}) or use a Python built with --enable-shared (make PYTHON=…); "
            "without it: make up ARGS='--without triton --engine null'."
        )


def _check_machine() -> None:
    here = sys.version_info[:2]
    if not OLDEST <= here <= NEWEST:
        raise TroubleError(
            f"This is Python {here[0]}.{here[1]}; 3.11, 3.12 or 3.13 is needed. Name one: make PYTHON=python3.12 …"
        )
    if sys.platform != "linux" or os.uname().machine != "x86_64":
        raise TroubleError(
            f"The embedded stack runs on Linux x86-64, and this is {sys.platform} {os.uname().machine}. "
            "Use docker-compose.yml here."
        )


if __name__ == "__main__":
    raise SystemExit(main())
