"""Which model Triton serves: the repository in `deploy/triton`, and the pipeline folder that it loads."""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

from storyreel_local import places
from storyreel_local.errors import TroubleError
from storyreel_local.parts.base import Context

_GENERATOR = places.REPOSITORY / "services" / "renderer" / "engine" / "src" / "storyreel_engine" / "tiny.py"


def repository() -> Path:
    """The Triton model repository, the same files that run in NVIDIA's container."""
    named = os.environ.get("STORYREEL_MODEL_REPOSITORY")
    return Path(named) if named else places.REPOSITORY / "deploy" / "triton" / "model_repository"


def folder(ctx: Context) -> Path:
    """The pipeline folder: STORYREEL_MODEL_DIR, else the development model (random weights) in the state folder.

    The generator's hash is in the name: when it changes, a new model is made and the old one is not taken for it.
    """
    named = ctx.env.get("STORYREEL_MODEL_DIR")
    if named:
        return Path(named)
    version = hashlib.sha256(_GENERATOR.read_bytes()).hexdigest()[:10]
    return ctx.state.data("triton") / f"tiny-wan-{version}"


def ensure(ctx: Context) -> None:
    """Make the development model unless it is there. Raises TroubleError: a named folder is missing, or making failed."""
    if os.environ.get("STORYREEL_MODEL_REPOSITORY") or folder(ctx).is_dir():
        return
    if ctx.env.get("STORYREEL_MODEL_DIR"):
        raise TroubleError(f"STORYREEL_MODEL_DIR names {folder(ctx)}, which does not exist.", "Name a pipeline folder.")
    python = places.engine_environment() / "bin" / "python"
    with ctx.progress.working("triton: making the development model (tiny, random weights; once)"):
        command = [str(python), "-m", "storyreel_engine.tiny", "--out", str(folder(ctx))]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own engine
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise TroubleError(f"The development model could not be made ({last}).", "Run: make install-engine.")


def environment(ctx: Context) -> dict[str, str]:
    """What the model reads from its environment. Nothing when another repository is served."""
    if os.environ.get("STORYREEL_MODEL_REPOSITORY"):
        return {}
    return {"STORYREEL_MODEL_DIR": str(folder(ctx))}
