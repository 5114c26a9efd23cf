"""What probes and scrapers see: /livez, /readyz, /metrics, /version on the ops port."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from importlib.metadata import version
from typing import Protocol

import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from storyreel_chassis import metrics
from storyreel_chassis.clock import Clock

Check = Callable[[], Awaitable[str]]  # '' when all is well, else what is wrong
_STUCK_S = 30.0


class LagSource(Protocol):
    """Who knows the lag: one row per partition of group, topic, partition, records behind."""

    def lag(self) -> Iterable[tuple[str, str, int, int]]:
        """Rows of group, topic, partition and lag."""
        ...


class LagCollector:
    """Lag under the names that existing boards plot: kminion's and kafka_exporter's."""

    def __init__(self, source: LagSource) -> None:
        self._source = source

    def collect(self) -> Iterable[Metric]:
        """Called at every scrape."""
        minion = GaugeMetricFamily(
            "kminion_kafka_consumer_group_topic_partition_lag",
            "Records behind",
            labels=["group_id", "topic_name", "partition_id"],
        )
        exporter = GaugeMetricFamily(
            "kafka_consumergroup_lag", "Records behind", labels=["consumergroup", "topic", "partition"]
        )
        totals: dict[tuple[str, str], int] = {}
        for group, topic, partition, lag in self._source.lag():
            minion.add_metric([group, topic, str(partition)], lag)
            exporter.add_metric([group, topic, str(partition)], lag)
            totals[group, topic] = totals.get((group, topic), 0) + lag
        total = GaugeMetricFamily("kminion_kafka_consumer_group_topic_lag", "Records behind", labels=["group_id", "topic_name"])
        for (group, topic), lag in totals.items():
            total.add_metric([group, topic], lag)
        return (minion, exporter, total)


class LoopWatch:
    """Measures how late the event loop runs; a loop that stood still for 30 s is dead."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = clock.monotonic()

    async def run(self) -> None:
        """Tick for ever."""
        while True:
            due = self._clock.monotonic() + 0.25
            await self._clock.sleep(0.25)
            self._last = self._clock.monotonic()
            metrics.LOOP_LAG.set(max(0.0, self._last - due))

    async def check(self) -> str:
        """What is wrong with the loop, or ''."""
        late = self._clock.monotonic() - self._last
        return f"the event loop stood still for {late:.0f} s" if late > _STUCK_S else ""


async def whole(tasks: Iterable[asyncio.Task[None]]) -> str:
    """Names of the background parts that ended; without this a process whose commits have died would look well."""
    ended = [t.get_coro().__qualname__ for t in tasks if t.done() and not t.cancelled()]  # type: ignore[union-attr]
    return f"background parts ended: {', '.join(ended)}" if ended else ""


def ops_app(service: str, live: Iterable[Check], ready: Iterable[Check]) -> Starlette:
    """The ops endpoints of a service."""
    lives, readies = list(live), list(ready)

    async def answer(checks: list[Check]) -> Response:
        problems = [p for p in await asyncio.gather(*(check() for check in checks)) if p]
        return JSONResponse({"ok": not problems, "problems": problems}, status_code=503 if problems else 200)

    async def livez(_: Request) -> Response:
        return await answer(lives)

    async def readyz(_: Request) -> Response:
        return await answer([*lives, *readies])

    async def scrape(_: Request) -> Response:
        return Response(generate_latest(REGISTRY), media_type=CONTENT_TYPE_LATEST)

    async def versions(_: Request) -> Response:
        parts = {name: version(f"storyreel-{name}") for name in (service, "chassis", "contracts")}
        return JSONResponse({"service": service, "versions": parts})

    routes = [Route("/livez", livez), Route("/readyz", readyz), Route("/metrics", scrape), Route("/version", versions)]
    return Starlette(routes=routes)


class QuietServer(uvicorn.Server):
    """A web server inside a process that handles signals itself."""

    def install_signal_handlers(self) -> None:
        """Leave signals to the service."""

    async def serve(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        """Serve without taking over signals."""
        await self._serve(sockets)  # type: ignore[arg-type]


def web_server(app: object, host: str, port: int) -> QuietServer:
    """A server for an ASGI app; run `serve()` as a task, set `should_exit` to stop it."""
    return QuietServer(uvicorn.Config(app, host=host, port=port, log_config=None, access_log=False))  # type: ignore[arg-type]
