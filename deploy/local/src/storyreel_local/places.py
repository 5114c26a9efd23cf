"""Where things are on this machine: the repository, the two environments, the download cache."""

from __future__ import annotations

import os
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[4]


def cache() -> Path:
    """Downloads shared by all state folders (jars, the S3 binary): STORYREEL_CACHE, else the user's cache folder."""
    named = os.environ.get("STORYREEL_CACHE")
    base = Path(named) if named else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "storyreel"
    base.mkdir(parents=True, exist_ok=True)
    return base


def default_state() -> Path:
    """STORYREEL_STATE, else `.storyreel` in the repository."""
    return Path(os.environ.get("STORYREEL_STATE") or REPOSITORY / ".storyreel")


def service_python() -> str:
    """The interpreter that runs the services: the one that runs us."""
    return sys.executable


def engine_environment() -> Path:
    """The environment with torch and Triton: STORYREEL_ENGINE_ENV, else `.venv-engine` in the repository."""
    return Path(os.environ.get("STORYREEL_ENGINE_ENV") or REPOSITORY / ".venv-engine")


def reach_loopback_directly() -> None:
    """Keep HTTP clients, ours and the services', from asking a proxy for 127.0.0.1 where one is set."""
    for name in ("NO_PROXY", "no_proxy"):
        known = [host for host in os.environ.get(name, "").split(",") if host]
        os.environ[name] = ",".join([*known, *(host for host in ("127.0.0.1", "localhost") if host not in known)])
