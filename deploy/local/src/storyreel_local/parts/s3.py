"""The object store: versitygw where Go can build it (durable, checks credentials), else moto's server (forgets).

Which one a folder uses is written down at its first start: a folder whose objects versitygw keeps never falls back to
an empty moto unseen.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import boto3
import botocore.exceptions
from botocore.config import Config

from storyreel_local.errors import TroubleError
from storyreel_local.parts.base import HOST, Context, Part
from storyreel_local.places import service_python
from storyreel_local.ports import accepts
from storyreel_local.process import Process
from storyreel_local.state import Json

VERSION = "v1.8.0"
BUCKET = "storyreel"
REGION = "us-east-1"
_BUILD_SECONDS = 1200


class S3(Part):
    """The store and its bucket. Port: `s3`."""

    name = "s3"
    ports = ("s3",)
    patience = 30.0

    def ensure(self, ctx: Context) -> None:
        known = ctx.state.read("s3.json").get("store")
        wanted = known if ctx.options.s3 == "auto" and known else ctx.options.s3
        if known == "versitygw" and wanted == "moto":
            ctx.progress.say("s3: objects kept by versitygw in this folder are not visible through moto")
        store = self._choose(ctx, wanted, must=known == "versitygw")
        ctx.state.write("s3.json", {"store": store})

    def start(self, ctx: Context) -> Process:
        port = ctx.state.port("s3")
        if _store(ctx) == "moto":
            return ctx.spawn(self.name, [service_python(), "-m", "moto.server", "-H", HOST, "-p", str(port)])
        keys = ctx.state.secrets()["s3"]
        env = {"ROOT_ACCESS_KEY": keys["access_key"], "ROOT_SECRET_KEY": keys["secret_key"], "VGW_REGION": REGION}
        argv = [str(_binary(ctx.cache)), "--port", f"{HOST}:{port}", "--quiet", "posix", *_metadata(ctx)]
        return ctx.spawn(self.name, [*argv, str(_objects(ctx))], env)

    def ready(self, ctx: Context) -> bool:
        if not accepts(ctx.state.port("s3")):
            return False
        try:
            client(ctx).list_buckets()
        except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError):
            return False
        return True

    def prepare(self, ctx: Context) -> None:
        store = client(ctx)
        if BUCKET not in [bucket["Name"] for bucket in store.list_buckets()["Buckets"]]:
            store.create_bucket(Bucket=BUCKET)

    def endpoints(self, ctx: Context) -> Json:
        keys = ctx.state.secrets()["s3"]
        place = {"endpoint": _endpoint(ctx), "bucket": BUCKET, "region": REGION}
        return {"s3": {**place, **keys, "store": _store(ctx), "durable": _store(ctx) == "versitygw"}}

    def _choose(self, ctx: Context, wanted: str, *, must: bool) -> str:
        if wanted == "moto":
            return "moto"
        if _binary(ctx.cache).exists():
            return "versitygw"
        reason = _build(ctx) if shutil.which("go") else "Go is not installed"
        if reason is None:
            return "versitygw"
        if must or wanted == "versitygw":
            raise TroubleError(
                f"This folder's object store is versitygw, which cannot be had: {reason}.",
                "Install Go 1.24 or newer, or choose --s3 moto.",
            )
        ctx.progress.say(f"s3: using moto, which forgets its objects when it stops ({reason})")
        return "moto"


def client(ctx: Context) -> Any:
    """A boto3 S3 client for the running store, without retries: the caller polls."""
    keys = ctx.state.secrets()["s3"]
    return boto3.client(
        "s3",
        endpoint_url=_endpoint(ctx),
        aws_access_key_id=keys["access_key"],
        aws_secret_access_key=keys["secret_key"],
        region_name=REGION,
        config=Config(retries={"max_attempts": 1}, connect_timeout=2, read_timeout=10, s3={"addressing_style": "path"}),
    )


def _endpoint(ctx: Context) -> str:
    return f"http://{HOST}:{ctx.state.port('s3')}"


def _store(ctx: Context) -> str:
    return str(ctx.state.read("s3.json").get("store", "moto"))


def _objects(ctx: Context) -> Path:
    folder = ctx.state.data("s3") / "objects"
    folder.mkdir(exist_ok=True)
    return folder


def _metadata(ctx: Context) -> list[str]:
    """Object metadata goes into extended attributes where the disk has them, else into files beside the objects."""
    try:
        os.setxattr(_objects(ctx), "user.storyreel", b"1")
    except OSError:
        sidecar = ctx.state.data("s3") / "metadata"
        sidecar.mkdir(exist_ok=True)
        return ["--sidecar", str(sidecar)]
    return []


def _binary(cache: Path) -> Path:
    return cache / f"versitygw-{VERSION}" / "versitygw"


def _build(ctx: Context) -> str | None:
    """Build with Go into the cache. Returns why it failed, or None. Nothing half-built is left behind."""
    with tempfile.TemporaryDirectory(dir=ctx.cache) as scratch:
        with ctx.progress.working(f"s3: building versitygw {VERSION} with Go (once, about two minutes)"):
            try:
                done = subprocess.run(  # noqa: S603 - a pinned module path
                    ["go", "install", f"github.com/versity/versitygw/cmd/versitygw@{VERSION}"],  # noqa: S607 - Go is where PATH says
                    env={**ctx.env, "GOBIN": scratch},
                    capture_output=True,
                    text=True,
                    check=False,
                    timeout=_BUILD_SECONDS,
                )
            except subprocess.TimeoutExpired:
                return f"Go did not finish within {_BUILD_SECONDS // 60} minutes"
        if done.returncode:
            return f"Go could not build it: {(done.stderr.strip().splitlines() or ['no reason given'])[-1]}"
        _binary(ctx.cache).parent.mkdir(exist_ok=True)
        (Path(scratch) / "versitygw").replace(_binary(ctx.cache))
    return None
