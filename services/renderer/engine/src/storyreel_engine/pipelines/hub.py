"""Models of the hub: from the local cache, or fetched where that is allowed. Imports torch only to fetch."""

import os
from importlib import import_module
from pathlib import Path
from typing import Any


def stay_offline() -> None:
    """Keep the hub's client from the network; to be called before anything of it is imported, because it reads this once.

    Asking it for local files only is not enough: as soon as it prepares any call, it fetches a list of its own.
    """
    os.environ["HF_HUB_OFFLINE"] = "1"


def cached(model_id: str, revision: str = "", cache: Path | None = None) -> Path:
    """The folder of a model in the local cache (`cache`, or where the hub's client keeps it).

    Raises:
        FileNotFoundError: it is not there.
    """
    hub: Any = import_module("huggingface_hub")
    try:
        return Path(hub.snapshot_download(model_id, revision=revision or None, cache_dir=cache, local_files_only=True))
    except FileNotFoundError as error:
        advice = "set STORYREEL_DOWNLOAD=on to fetch it"
        raise FileNotFoundError(f"model {model_id} is not in the local cache; {advice} ({error})") from error


def fetched(model_id: str, revision: str = "", cache: Path | None = None) -> Path:
    """As `cached`, after what the pipeline needs of the model was fetched.

    Raises:
        OSError: it could not be fetched.
    """
    pipeline: Any = import_module("diffusers").DiffusionPipeline
    return Path(pipeline.download(model_id, revision=revision or None, cache_dir=cache))
