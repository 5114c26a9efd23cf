"""The stage: an embedded stack whose parts can be struck. Services reach their stores through toxiproxy where it can be had."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from proxy import PROXIED, Toxiproxy
from storyreel_local.parts.base import HOST, Context, Options, Part
from storyreel_local.parts.kafka import Kafka
from storyreel_local.parts.redis import Redis
from storyreel_local.parts.s3 import S3
from storyreel_local.parts.service import NAMES, Service
from storyreel_local.process import Process
from storyreel_local.stack import Stack

_HERE = Path(__file__).parent
STEP_SECONDS = 0.25  # so that a kill finds renders under way
_PATIENCE_S = 120.0


class StruckService(Service):
    """A service with a metered device, behind proxies, and perhaps without a guard."""

    without = ""
    proxied = False

    def __init__(self, service: str, number: int = 1) -> None:
        super().__init__(service, number)
        self.more: dict[str, str] = {}

    def start(self, ctx: Context) -> Process:
        """As its own part does it, through `serve_one.py`."""
        argv = [sys.executable, str(_HERE / "serve_one.py"), self.service, *([self.without] if self.without else [])]
        return ctx.spawn(self.name, argv, {**self.environment(ctx), "CHAOS_METER": str(meter_of(ctx)), **self.more})

    def environment(self, ctx: Context) -> dict[str, str]:
        """The same, with the stores' addresses replaced by their proxies'."""
        found = super().environment(ctx)
        if self.service == "renderer":
            found["RENDERER_NULL_STEP_SECONDS"] = str(STEP_SECONDS)
        if self.proxied:
            ports = {name: ctx.state.port(f"{name}.proxied") for name in PROXIED}
            found["KAFKA_BOOTSTRAP_SERVERS"] = f"{HOST}:{ports['kafka']}"
            found["REDIS_URL"] = f"redis://{HOST}:{ports['redis']}/0"
            found["S3_ENDPOINT_URL"] = f"http://{HOST}:{ports['s3']}"
        return found


class ProxiedKafka(Kafka):
    """A broker with a second listener, which names its proxy to whoever comes through it."""

    def _configure(self, ctx: Context) -> None:
        super()._configure(ctx)
        inner, outer = ctx.state.port("kafka.behind"), ctx.state.port("kafka.proxied")
        plain, controller = (f"{HOST}:{ctx.state.port(name)}" for name in ("kafka", "kafka.controller"))
        more = {  # of a property that stands twice, Java takes the last
            "listeners": f"PLAINTEXT://{plain},PROXIED://{HOST}:{inner},CONTROLLER://{controller}",
            "advertised.listeners": f"PLAINTEXT://{plain},PROXIED://{HOST}:{outer}",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "inter.broker.listener.name": "PLAINTEXT",
        }
        with (ctx.state.data("kafka") / "server.properties").open("a") as properties:
            properties.writelines(f"{key}={value}\n" for key, value in more.items())


def meter_of(ctx: Context) -> Path:
    """The device's book."""
    return ctx.state.root / "meter.jsonl"


class Stage:
    """The stack, and hands that strike single parts of it. From the main thread only: the processes are tied to it."""

    def __init__(self, folder: Path, *, toxiproxy: Path | None = None) -> None:
        self.toxiproxy = Toxiproxy(toxiproxy) if toxiproxy else None
        self.services = [StruckService(name) for name in NAMES]
        self.extras = {f"{name}-2": StruckService(name, 2) for name in NAMES}  # members that come and go; not started by `up`
        for service in (*self.services, *self.extras.values()):
            service.proxied = toxiproxy is not None
            service.needs += ("toxiproxy",) if toxiproxy else ()  # type: ignore[assignment]  # a longer tuple
        kafka = ProxiedKafka() if toxiproxy else Kafka()
        parts: list[Part] = [kafka, Redis(), S3(), *([self.toxiproxy] if self.toxiproxy else []), *self.services]
        self.stack = Stack(folder, options=Options(tied=True, engine="null"), parts=parts)
        self.struck: list[tuple[float, str, str]] = []  # when, what was done, to whom

    @property
    def context(self) -> Context:
        """The stack's."""
        return self.stack.context

    @property
    def endpoints(self) -> dict[str, Any]:
        """Where everything is, past the proxies."""
        return self.stack.endpoints

    def running(self, name: str) -> bool:
        """Whether that part's process runs."""
        return self.context.state.running(name)

    def part(self, name: str) -> Part:
        """A part of the stack, or an extra member."""
        return self.extras.get(name) or self.stack.part(name)

    def kill(self, name: str) -> None:
        """SIGKILL."""
        self._note("kill", name)
        if found := self.context.state.process(name):
            found.kill()

    def freeze(self, name: str, *, frozen: bool) -> None:
        """SIGSTOP, or SIGCONT."""
        found = self.context.state.process(name)
        if found and found.alive():
            self._note("freeze" if frozen else "thaw", name)
            os.kill(found.pid, signal.SIGSTOP if frozen else signal.SIGCONT)

    def start(self, name: str) -> None:
        """Start a part that does not run; returns at once."""
        self.part(name).ensure(self.context)
        self.part(name).start(self.context)

    def bounce(self, name: str) -> None:
        """SIGKILL, and a new process at once."""
        self.kill(name)
        self.start(name)

    async def end(self, name: str, grace_s: float = 40.0) -> float:
        """SIGTERM; returns the seconds it took. Raises TimeoutError when it does not obey."""
        self._note("term", name)
        process, since = self.context.state.process(name), time.monotonic()
        if process is None:
            return 0.0
        process.ask()
        async with asyncio.timeout(grace_s):
            while process.alive():
                await asyncio.sleep(0.05)
        await asyncio.to_thread(process.stop, 1.0)  # whatever is left of its session
        return time.monotonic() - since

    async def ready(self, *names: str) -> None:
        """Wait until these serve. Raises TimeoutError."""
        async with asyncio.timeout(_PATIENCE_S):
            for name in names:
                while not await asyncio.to_thread(self.part(name).ready, self.context):
                    if not self.running(name):
                        self._note("died", name)
                        self.start(name)
                    await asyncio.sleep(0.2)

    async def refit(self, without: str = "", services: Iterable[str] = NAMES, **more: str) -> None:
        """Stop these services in peace and start them anew: without a guard or with all of them, with more settings."""
        chosen = [s for s in (*self.services, *self.extras.values()) if s.service in services]
        running = [s for s in chosen if self.running(s.name)]
        for service in chosen:
            service.without, service.more = without, more
        await asyncio.gather(*(self.end(s.name) for s in running))
        for service in running:
            self.start(service.name)
        await self.ready(*(s.name for s in running))

    async def restore(self) -> None:
        """Whatever was done: every part runs, no toxics, no member too many, every guard in its place."""
        if self.toxiproxy:
            await asyncio.to_thread(self.toxiproxy.reset)
        for part in (*self.services, *self.extras.values()):
            self.freeze(part.name, frozen=False)
        for name in self.extras:
            self.kill(name)
        stores = [p.name for p in self.stack.parts if p not in self.services]
        for name in [*stores, *NAMES]:
            if not self.running(name):
                self.start(name)
        await self.ready(*stores)
        await self.refit()

    def service_names(self) -> list[str]:
        """All replicas."""
        return [s.name for s in self.services]

    def _note(self, what: str, name: str) -> None:
        self.struck.append((time.time(), what, name))

    def down(self) -> None:
        """Stop everything."""
        for service in self.extras.values():
            self.freeze(service.name, frozen=False)
            service.stop(self.context)
        self.stack.down()
