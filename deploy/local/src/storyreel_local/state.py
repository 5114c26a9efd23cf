"""The state folder: all that a stack keeps, in one place that can be moved, backed up or deleted.

stack.json   every endpoint, for outside tools          ports.json    which port each part had
secrets.json generated once: store keys, tenant         tenants.json  what the gateway reads (keys only as hashes)
pids/        one record per process                     logs/         one log per process
kafka/ redis/ s3/ triton/                               the parts' own data
"""

from __future__ import annotations

import base64
import fcntl
import hashlib
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from storyreel_local import ports, process
from storyreel_local.errors import TroubleError

Json = dict[str, Any]


class StateFolder:
    """Paths and small files of one stack. Creating it makes the folder (0700: it holds secrets)."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            self.root.chmod(0o700)
        except OSError as error:
            raise TroubleError(
                f"The state folder {self.root} cannot be written ({error.strerror}).",
                "Name another one with --state DIR.",
            ) from error

    @property
    def pids(self) -> Path:
        return self.root / "pids"

    def log(self, name: str) -> Path:
        return self.root / "logs" / f"{name}.log"

    def data(self, name: str) -> Path:
        """The folder of one part's own data, created on first use."""
        folder = self.root / name
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def process(self, name: str) -> process.Process | None:
        return process.load(self.pids, name)

    def running(self, name: str) -> bool:
        found = self.process(name)
        return found is not None and found.alive()

    def recorded(self) -> list[str]:
        """Names of all processes on record, running or not."""
        return sorted(path.stem for path in self.pids.glob("*.json"))

    def running_names(self) -> list[str]:
        """Names of the processes of this folder that run now, whoever started them."""
        return [name for name in self.recorded() if self.running(name)]

    def forget(self, name: str) -> None:
        (self.pids / f"{name}.json").unlink(missing_ok=True)

    def port(self, key: str) -> int:
        """The port that `key` (`kafka`, `gateway.http`, …) has in this folder; chosen at the first asking."""
        known = self.read("ports.json")
        if key not in known:
            known[key] = ports.pick(set(known.values()))
            self.write("ports.json", known)
        return int(known[key])

    def forget_ports(self, keys: list[str]) -> None:
        """Let these be chosen anew; only for parts that nobody runs against."""
        known = self.read("ports.json")
        self.write("ports.json", {key: port for key, port in known.items() if key not in keys})

    def secrets(self) -> Json:
        """Store keys and the development tenant, random, made once per folder."""
        known = self.read("secrets.json")
        if not known:
            known = _new_secrets()
            self.write("secrets.json", known)
        return known

    def write_tenants(self) -> Path:
        """The gateway's tenants file: the API key only as its SHA-256."""
        tenant = self.secrets()["tenant"]
        digest = hashlib.sha256(tenant["api_key"].encode()).hexdigest()
        entry = {
            "id": tenant["id"],
            "name": "Development",
            "api_keys": [{"sha256": digest, "role": "admin"}],
            "signing_secrets": [tenant["signing_secret"]],
            "policy": "default",
        }
        if not (self.root / "tenants.json").exists():  # whoever adds a tenant by hand keeps it
            self.write("tenants.json", {"tenants": [entry]})
        return self.root / "tenants.json"

    def read(self, name: str) -> Json:
        try:
            content: Json = json.loads((self.root / name).read_text())
        except FileNotFoundError:
            return {}
        except ValueError as error:
            raise TroubleError(f"{self.root / name} is not JSON ({error}).", "Delete that file and start again.") from error
        return content

    def write(self, name: str, content: Json) -> None:
        """Replace a small file in one step, readable by its owner only."""
        draft = self.root / f".{name}.{os.getpid()}.tmp"
        draft.touch(mode=0o600)
        draft.write_text(json.dumps(content, indent=2) + "\n")
        draft.replace(self.root / name)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """One command at a time per folder. Raises TroubleError at once when another holds it."""
        with (self.root / "lock").open("w") as handle:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise TroubleError(
                    f"Another command is working on {self.root}.",
                    "Wait until it has ended, or name another folder with --state DIR.",
                ) from error
            yield


def _new_secrets() -> Json:
    return {
        "session_secret": secrets.token_urlsafe(32),
        "s3": {"access_key": "SR" + secrets.token_hex(9).upper(), "secret_key": secrets.token_urlsafe(30)},
        "tenant": {
            "id": "dev",
            "api_key": "sr_" + secrets.token_urlsafe(24),
            "signing_secret": "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode(),
        },
    }
