"""Where the stack is: environment first, then the `stack.json` that a local stack writes.

Each value is looked up when it is needed, so that `storyreel verify` works without any stack at all.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from storyreel_client.errors import UsageError

FILE = Path(".storyreel/stack.json")
_WORDS = {
    "url": "gateway address",
    "api_key": "API key",
    "tenant": "tenant",
    "signing_secret": "signing secret",
    "kafka": "broker address",
    "trust_anchor": "trust anchor",
}
_PLACES = {  # field -> (environment variable, path in stack.json)
    "url": ("STORYREEL_URL", ("gateway", "url")),
    "api_key": ("STORYREEL_API_KEY", ("tenant", "api_key")),
    "tenant": ("STORYREEL_TENANT", ("tenant", "id")),
    "signing_secret": ("STORYREEL_SIGNING_SECRET", ("tenant", "signing_secret")),
    "kafka": ("KAFKA_BOOTSTRAP_SERVERS", ("kafka", "bootstrap_servers")),
    "trust_anchor": ("STORYREEL_TRUST_ANCHOR", ("provenance", "trust_anchor")),
}


@dataclass(frozen=True, kw_only=True)
class Stack:
    """Addresses and keys of one stack; an empty field is one that nobody named."""

    url: str = ""
    api_key: str = ""
    tenant: str = ""
    signing_secret: str = ""
    kafka: str = ""
    trust_anchor: str = ""
    looked_at: str = ""

    @classmethod
    def discover(cls, environ: Mapping[str, str], folder: Path) -> Self:
        """Read `STORYREEL_STACK` or `.storyreel/stack.json` in `folder` or above; single variables win over the file.

        Raises UsageError if the named file cannot be read.
        """
        path = _file(environ, folder)
        known = _read(path) if path else {}
        values = {name: environ.get(var) or _dig(known, keys) for name, (var, keys) in _PLACES.items()}
        looked = str(path) if path else f"{FILE} (not found here or above)"
        return cls(**values, looked_at=looked)

    def need(self, *names: str) -> None:
        """Raise UsageError that names the first missing value and how to give it."""
        for name in names:
            if not getattr(self, name):
                variable = _PLACES[name][0]
                raise UsageError(
                    f"No {_WORDS[name]} is known; looked at {variable} and {self.looked_at}.",
                    meaning="Nothing was sent.",
                    next_step=f"Start a stack with `make up`, or set STORYREEL_STACK or {variable}.",
                )


def _file(environ: Mapping[str, str], folder: Path) -> Path | None:
    named = environ.get("STORYREEL_STACK")
    if named:
        return Path(named)
    return next((p / FILE for p in (folder, *folder.parents) if (p / FILE).is_file()), None)


def _read(path: Path) -> dict[str, Any]:
    try:
        known = json.loads(path.read_text())
    except (OSError, ValueError) as e:
        raise UsageError(
            f"{path} cannot be read: {e}.",
            meaning="The client does not know where the stack is.",
            next_step="Start one with `make up`, or correct STORYREEL_STACK.",
        ) from e
    return known if isinstance(known, dict) else {}


def _dig(known: Any, keys: tuple[str, ...]) -> str:
    for key in keys:
        known = known.get(key) if isinstance(known, dict) else None
    return str(known or "")
