"""Toxiproxy as a part of the stack: between the services and Kafka, Redis, S3. Built with Go into the cache, once."""

import json
import os
import shutil
import subprocess
import tempfile
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from storyreel_local import places
from storyreel_local.parts.base import HOST, Context, Part
from storyreel_local.process import Process

VERSION = "v2.12.0"
PROXIED = ("kafka", "redis", "s3")
_BEHIND = {"kafka": "kafka.behind", "redis": "redis", "s3": "s3"}
_BUILD_S = 600


class Toxiproxy(Part):
    """One process, one proxy per store. Toxics are added and removed over its HTTP door."""

    name = "toxiproxy"
    ports = ("toxiproxy", *(f"{name}.proxied" for name in PROXIED))
    patience = 20.0

    def __init__(self, binary: Path) -> None:
        self._binary = binary
        self._door = ""

    def ensure(self, ctx: Context) -> None:
        """Nothing: it was built before."""

    def start(self, ctx: Context) -> Process:
        """The server, without proxies yet."""
        self._door = f"http://{HOST}:{ctx.state.port('toxiproxy')}"
        return ctx.spawn(self.name, [str(self._binary), "-host", HOST, "-port", str(ctx.state.port("toxiproxy"))])

    def ready(self, ctx: Context) -> bool:
        """Whether its door answers."""
        try:
            return bool(self._ask("GET", "/version"))
        except OSError:
            return False

    def prepare(self, ctx: Context) -> None:
        """Open the proxies."""
        port = ctx.state.port
        proxies = [
            {"name": name, "listen": f"{HOST}:{port(f'{name}.proxied')}", "upstream": f"{HOST}:{port(_BEHIND[name])}"}
            for name in PROXIED
        ]
        self._ask("POST", "/populate", [{**proxy, "enabled": True} for proxy in proxies])

    def endpoints(self, ctx: Context) -> dict[str, Any]:
        """Its door."""
        return {"toxiproxy": {"url": self._door}}

    def add(self, store: str, kind: str, stream: str, **attributes: int) -> None:
        """A toxic on one direction (`upstream`, `downstream`) of all connections to a store."""
        toxic = {"name": "toxic", "type": kind, "stream": stream, "attributes": attributes}
        self._ask("POST", f"/proxies/{store}/toxics", toxic)

    def enable(self, store: str, *, enabled: bool) -> None:
        """Close a proxy (its connections end, new ones are refused) or open it again."""
        self._ask("POST", f"/proxies/{store}", {"enabled": enabled})

    def reset(self) -> None:
        """All proxies open, no toxics."""
        self._ask("POST", "/reset", {})

    def _ask(self, method: str, path: str, body: Any = None) -> bytes:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self._door + path, data, {"content-type": "application/json"}, method=method)  # noqa: S310 - our own loopback URL
        with urllib.request.urlopen(request, timeout=5) as answer:  # noqa: S310
            return bytes(answer.read())


def find() -> Path | str:
    """The binary, built if need be; or why it cannot be had."""
    folder = places.cache() / f"toxiproxy-{VERSION}"
    binary = folder / "toxiproxy-server"
    if binary.exists():
        return binary
    if not shutil.which("go"):
        return "Go is not installed"
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        command = ["go", "install", f"github.com/Shopify/toxiproxy/v2/cmd/server@{VERSION}"]
        env = {**os.environ, "GOBIN": scratch}
        done = subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=_BUILD_S)
        if done.returncode:
            return f"Go could not build it: {(done.stderr.strip().splitlines() or ['no reason given'])[-1]}"
        folder.mkdir(exist_ok=True)
        (Path(scratch) / "server").replace(binary)
    return binary
