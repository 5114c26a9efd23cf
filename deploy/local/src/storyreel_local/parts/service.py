"""One of our six services as one process. Everything a service must know reaches it as environment variables."""

from __future__ import annotations

import urllib.error
import urllib.request
from collections.abc import Callable

from storyreel_local import model
from storyreel_local.parts.base import HOST, Context, Part
from storyreel_local.parts.kafka import bootstrap
from storyreel_local.parts.s3 import BUCKET, REGION, S3
from storyreel_local.places import service_python
from storyreel_local.process import Process
from storyreel_local.state import Json

NAMES = ("planner", "renderer", "continuity", "safety", "assembler", "gateway")


class Service(Part):
    """Replica `number` (from 1) of a service; further replicas are called `<service>-2`, `<service>-3`, …"""

    patience = 90.0
    grace = 30.0
    needs = ("kafka", "redis", "s3")

    def __init__(self, service: str, number: int = 1) -> None:
        self.service = service
        self.number = number
        self.name = service if number == 1 else f"{service}-{number}"
        self.ports = (f"{self.name}.ops", *([f"{self.name}.http"] if service == "gateway" else []))

    def ensure(self, ctx: Context) -> None:
        ctx.state.write_tenants()

    def start(self, ctx: Context) -> Process:
        return ctx.spawn(self.name, [service_python(), "-m", f"storyreel_{self.service}"], self.environment(ctx))

    def ready(self, ctx: Context) -> bool:
        try:
            with urllib.request.urlopen(f"{self._ops(ctx)}/readyz", timeout=2) as answer:  # noqa: S310 - our own loopback URL
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):  # refused, not ready (503), or not answering yet
            return False

    def endpoints(self, ctx: Context) -> Json:
        """Replica 1 lists them all: `ops_url` is its own, `replicas` has every one's; so for the gateway's `url`."""
        if self.number > 1:
            return {}
        everyone = [Service(self.service, number) for number in range(1, ctx.options.replicas + 1)]
        ops = [replica._ops(ctx) for replica in everyone]
        sections: Json = {"services": {self.service: {"ops_url": ops[0], "replicas": ops}}}
        if self.service == "gateway":
            urls = [f"http://{HOST}:{ctx.state.port(f'{replica.name}.http')}" for replica in everyone]
            sections["gateway"] = {"url": urls[0], "replicas": urls}
        if self.service == "assembler":  # by which films of this stack's development signer are verified
            sections["provenance"] = {"trust_anchor": str(ctx.state.data("signing") / "anchor.pem")}
        return sections

    def _ops(self, ctx: Context) -> str:
        return f"http://{HOST}:{ctx.state.port(f'{self.name}.ops')}"

    def environment(self, ctx: Context) -> dict[str, str]:
        """Every variable that this replica is started with."""
        own = _OWN_SETTINGS.get(self.service, _none)(ctx, self.name)
        return {
            **shared_environment(ctx),
            **own,
            "OPS_HOST": HOST,
            "OPS_PORT": str(ctx.state.port(f"{self.name}.ops")),
            "PYTHONUNBUFFERED": "1",
        }


def _none(ctx: Context, name: str) -> dict[str, str]:  # noqa: ARG001 - the shape of every entry
    return {}


def _gateway(ctx: Context, name: str) -> dict[str, str]:
    return {
        "GATEWAY_HOST": HOST,
        "GATEWAY_PORT": str(ctx.state.port(f"{name}.http")),
        "GATEWAY_TENANTS_FILE": str(ctx.state.write_tenants()),
        "GATEWAY_SESSION_SECRET": ctx.state.secrets()["session_secret"],
    }


def _renderer(ctx: Context, name: str) -> dict[str, str]:  # noqa: ARG001
    own = {"RENDERER_ENGINE": ctx.options.engine, "RENDERER_REPLICAS": str(ctx.options.replicas)}
    if ctx.options.includes("triton"):
        own["RENDERER_TRITON_URL"] = f"{HOST}:{ctx.state.port('triton.grpc')}"
    return own


def _planner(ctx: Context, name: str) -> dict[str, str]:  # noqa: ARG001
    if ctx.options.engine == "null" or "PLANNER_MODEL_CARD" in ctx.env:
        return {}  # the planner knows the null engine's card by itself
    return {"PLANNER_MODEL_CARD": str(model.folder(ctx) / "storyreel.json")}


def _assembler(ctx: Context, name: str) -> dict[str, str]:  # noqa: ARG001
    return {"ASSEMBLER_DEVELOPMENT_SIGNING_DIR": str(ctx.state.data("signing"))}


_OWN_SETTINGS: dict[str, Callable[[Context, str], dict[str, str]]] = {
    "gateway": _gateway,
    "renderer": _renderer,
    "planner": _planner,
    "assembler": _assembler,
}


def shared_environment(ctx: Context) -> dict[str, str]:
    """What every service reads; also what a tool run by hand needs."""
    keys = ctx.state.secrets()["s3"]
    return {
        "KAFKA_BOOTSTRAP_SERVERS": bootstrap(ctx),
        "REDIS_URL": f"redis://{HOST}:{ctx.state.port('redis')}/0",
        "S3_ENDPOINT_URL": S3().endpoints(ctx)["s3"]["endpoint"],
        "S3_BUCKET": BUCKET,
        "AWS_ACCESS_KEY_ID": keys["access_key"],
        "AWS_SECRET_ACCESS_KEY": keys["secret_key"],
        "AWS_REGION": REGION,
    }
