"""Thresholds from a YAML file. Read once at start; a wrong file stops the start."""

from importlib.resources import files
from pathlib import Path

import yaml

from storyreel_continuity.domain.thresholds import Thresholds


def read_thresholds(path: Path | None) -> Thresholds:
    """The file's thresholds, or the packaged ones. Raises ValueError, OSError."""
    source = path or Path(str(files("storyreel_continuity") / "data" / "thresholds.yaml"))
    try:
        return Thresholds.model_validate(yaml.safe_load(source.read_text(encoding="utf-8")))
    except (yaml.YAMLError, ValueError) as error:
        raise ValueError(f"{source} holds no thresholds: {error}") from error
