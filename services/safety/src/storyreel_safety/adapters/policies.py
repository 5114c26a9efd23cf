"""Policies from YAML files: the packaged ones, and those of a folder. Read once at start; a wrong file stops the start."""

from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from storyreel_safety.domain.policy import Data, Policy, effective


class FilePolicies:
    """The policies that were read, made effective on demand."""

    def __init__(self, policies: dict[str, Data]) -> None:
        self._effective = cache(lambda name, category: effective(policies, name, category))
        for name, data in policies.items():
            for category in ("general", *data.get("categories", {})):
                self._effective(name, category)  # a mistake in any of them shows at start, not at the first film

    def policy(self, name: str, category: str) -> Policy:
        """The effective policy. Raises PolicyMissing."""
        return self._effective(name, category)


def read_policies(folder: Path | None) -> FilePolicies:
    """Packaged policies and those of the folder. Raises ValueError naming the file that is no policy."""
    packaged = Path(str(files("storyreel_safety") / "policies"))
    return FilePolicies(dict(_read(packaged)) | (dict(_read(folder)) if folder else {}))


def _read(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    if not folder.is_dir():
        raise ValueError(f"{folder} is not a folder of policies")
    for path in sorted(folder.glob("*.yaml")):
        try:
            yield path.stem, dict(yaml.safe_load(path.read_text(encoding="utf-8")))
        except (yaml.YAMLError, TypeError, ValueError) as error:
            raise ValueError(f"{path} is no policy: {error}") from error
