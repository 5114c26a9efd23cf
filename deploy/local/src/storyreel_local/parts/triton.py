"""NVIDIA Triton without a container: the server binary of the nvidia-pytriton wheel, run from the engine environment.

Three traps, each handled here: the server's libraries are not where the loader looks (LD_LIBRARY_PATH); the Python stub
must match the interpreter's minor version and needs a shared libpython; the stub ignores PYTHONPATH and finds its
packages only through the `bin` folder that comes first on PATH.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from storyreel_local import model, places
from storyreel_local.errors import TroubleError
from storyreel_local.parts.base import HOST, Context, Part
from storyreel_local.process import Process
from storyreel_local.state import Json

_PROBE = """
import json, sysconfig, ctypes.util, sys
v = sysconfig.get_config_var
minor = f"{sys.version_info[0]}.{sys.version_info[1]}"
folders = [v("LIBDIR"), f"{v('LIBDIR')}/{v('MULTIARCH')}" if v("MULTIARCH") else None, v("LIBPL")]
print(json.dumps({"minor": minor, "site": sysconfig.get_path("purelib"), "soname": v("INSTSONAME") or "",
                  "folders": [f for f in folders if f], "system": ctypes.util.find_library("python" + minor)}))
"""


@dataclass(frozen=True)
class Interpreter:
    """What the engine environment's Python says of itself."""

    minor: str
    site: Path
    library_folder: Path | None  # None: the system loader finds libpython by itself


class Triton(Part):
    """The inference server. Ports: `triton.http`, `triton.grpc`, `triton.metrics`."""

    name = "triton"
    ports = ("triton.http", "triton.grpc", "triton.metrics")
    patience = 180.0  # importing torch on a busy small machine

    def ensure(self, ctx: Context) -> None:
        """Put the Python backend and its stub together; make the development model. Raises TroubleError."""
        python = interpreter()
        server = python.site / "pytriton" / "tritonserver"
        if not server.is_dir():
            raise TroubleError(
                f"Triton's wheel is not installed in {places.engine_environment()}.", "Run: make install-engine."
            )
        backend = _backends(ctx) / "python"
        shutil.copytree(server / "backends" / "python", backend, dirs_exist_ok=True)
        stub = server / "python_backend_stubs" / python.minor / "triton_python_backend_stub"
        if not stub.exists():
            raise TroubleError(
                f"Triton's wheel has no stub for Python {python.minor}.",
                "Use Python 3.11, 3.12 or 3.13: make clean install.",
            )
        fresh = backend / f"{stub.name}.new"  # renamed into place: a stub that is still dying keeps its own file
        shutil.copy2(stub, fresh)
        fresh.replace(backend / stub.name)
        model.ensure(ctx)

    def start(self, ctx: Context) -> Process:
        _free_shared_memory(ctx)  # of a server that was killed
        server = interpreter().site / "pytriton" / "tritonserver" / "bin" / "tritonserver"
        return ctx.spawn(self.name, [str(server), *_arguments(ctx)], _environment(ctx))

    def ready(self, ctx: Context) -> bool:
        try:
            with urllib.request.urlopen(f"{_url(ctx, 'http')}/v2/health/ready", timeout=2) as answer:  # noqa: S310 - our own loopback URL
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def stop(self, ctx: Context) -> None:
        """End it and free the shared memory that the server itself leaves behind."""
        super().stop(ctx)
        _free_shared_memory(ctx)

    def endpoints(self, ctx: Context) -> Json:
        metrics = f"{_url(ctx, 'metrics')}/metrics"
        return {"triton": {"http": _url(ctx, "http"), "grpc": f"{HOST}:{ctx.state.port('triton.grpc')}", "metrics": metrics}}


def interpreter() -> Interpreter:
    """Ask the engine environment's Python. Raises TroubleError when there is none, or no shared libpython for the stub."""
    python = places.engine_environment() / "bin" / "python"
    if not python.exists():
        raise TroubleError(f"There is no engine environment at {places.engine_environment()}.", "Run: make install-engine.")
    said = json.loads(subprocess.run([str(python), "-c", _PROBE], capture_output=True, text=True, check=True).stdout)  # noqa: S603
    soname = said["soname"] if ".so" in said["soname"] else f"libpython{said['minor']}.so.1.0"
    found = next((Path(folder) for folder in said["folders"] if (Path(folder) / soname).exists()), None)
    if found is None and not said["system"]:
        raise TroubleError(
            f"Triton's Python backend needs {soname}, and this Python has no shared library.",
            f"Install it (Debian, Ubuntu: apt install libpython{said['minor']}), or build Python with --enable-shared; "
            "or start without Triton: --without triton --engine null.",
        )
    return Interpreter(said["minor"], Path(said["site"]), found)


def _environment(ctx: Context) -> dict[str, str]:
    python = interpreter()
    libraries = [python.site / "nvidia_pytriton.libs", *([python.library_folder] if python.library_folder else [])]
    inherited = ctx.env.get("LD_LIBRARY_PATH")
    return {
        "LD_LIBRARY_PATH": os.pathsep.join([*map(str, libraries), *([inherited] if inherited else [])]),
        "PATH": f"{places.engine_environment() / 'bin'}{os.pathsep}{ctx.env.get('PATH', os.defpath)}",
        "HF_HUB_OFFLINE": "1",
        "PYTHONUNBUFFERED": "1",
        **model.environment(ctx),
    }


def _arguments(ctx: Context) -> list[str]:
    port = ctx.state.port
    return [
        f"--model-repository={model.repository()}",
        f"--backend-directory={_backends(ctx)}",
        f"--http-address={HOST}",
        f"--http-port={port('triton.http')}",
        f"--grpc-address={HOST}",
        f"--grpc-port={port('triton.grpc')}",
        f"--metrics-address={HOST}",
        f"--metrics-port={port('triton.metrics')}",
        f"--backend-config=python,shm-region-prefix-name={shared_memory_prefix(ctx)}",
        "--disable-auto-complete-config",
        "--exit-timeout-secs=10",
    ]


def shared_memory_prefix(ctx: Context) -> str:
    """With what the names of this folder's server in /dev/shm begin: shared memory is machine-wide."""
    return f"storyreel_{hashlib.sha256(str(ctx.state.root).encode()).hexdigest()[:12]}_"


def _free_shared_memory(ctx: Context) -> None:
    for leftover in Path("/dev/shm").glob(f"{shared_memory_prefix(ctx)}*"):  # noqa: S108 - Linux's own place for it
        leftover.unlink(missing_ok=True)  # nobody else uses this prefix


def _backends(ctx: Context) -> Path:
    return ctx.state.data("triton") / "backends"


def _url(ctx: Context, which: str) -> str:
    return f"http://{HOST}:{ctx.state.port(f'triton.{which}')}"
