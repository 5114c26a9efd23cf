"""Composition root: the only place that builds things. Run as `python -m storyreel_renderer`."""

from collections.abc import AsyncIterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass

from storyreel_chassis.clock import Clock, SystemClock
from storyreel_chassis.service import Parts, parts_of, serve
from storyreel_chassis.work import Lane, Room
from storyreel_contracts.topics import PLANNER_SHOTS_FINAL, PLANNER_SHOTS_PREVIEW

from storyreel_renderer.adapters.encoding import PyAvEncoder
from storyreel_renderer.adapters.null_engine import NullEngine
from storyreel_renderer.adapters.pictures import ChildPictures
from storyreel_renderer.adapters.triton import TritonEngine
from storyreel_renderer.adapters.triton_stream import Timeouts
from storyreel_renderer.cards import null_card
from storyreel_renderer.domain.breakers import Breaker, BreakerPolicy
from storyreel_renderer.domain.decisions import RendererDecider, RendererState
from storyreel_renderer.domain.holding import Allowance
from storyreel_renderer.domain.ports import Encoder, Leases, Pictures, RenderEngine, Store
from storyreel_renderer.domain.tries import TryPolicy
from storyreel_renderer.handlers import RendererPerformer
from storyreel_renderer.settings import Settings
from storyreel_renderer.workflows.bringing import Takes
from storyreel_renderer.workflows.desk import Desk
from storyreel_renderer.workflows.ledger import Ledger
from storyreel_renderer.workflows.order import Rules
from storyreel_renderer.workflows.servers import Server
from storyreel_renderer.workflows.storing import Means
from storyreel_renderer.workflows.watch import Floor


@dataclass(frozen=True, kw_only=True)
class Outside:
    """What the room reaches the world with; tests and simulations bring their twins."""

    engines: Mapping[str, RenderEngine]
    store: Store
    leases: Leases
    encoder: Encoder
    pictures: Pictures


def main() -> None:
    """Run the renderer until SIGTERM."""
    settings = Settings()
    shared, clock = settings.shared, SystemClock()
    parts = parts_of("renderer", shared)
    with ThreadPoolExecutor(settings.encoders, "encoder") as threads, pictures_of(settings, parts) as pictures:
        outside = Outside(
            engines=engines_of(settings, clock),
            store=parts.store,
            leases=parts.leases,
            encoder=PyAvEncoder(threads),
            pictures=pictures,
        )
        serve(build_room(settings, outside, clock), shared, parts)


def engines_of(settings: Settings, clock: Clock) -> dict[str, RenderEngine]:
    """The render servers that the settings name, by name."""
    if settings.engine == "null":
        return {"null": NullEngine(null_card(), clock, step_seconds=settings.null_step_seconds)}
    timeouts = Timeouts(silence=settings.silence_seconds)
    urls = [url.strip() for url in settings.triton_url.split(",") if url.strip()]
    return {url: TritonEngine(url, model=settings.triton_model, timeouts=timeouts) for url in urls}


def pictures_of(settings: Settings, parts: Parts) -> ChildPictures:
    """Where first frames come from."""
    return ChildPictures(
        parts.store,
        workers=settings.pictures,
        limit_s=settings.picture_seconds,
        memory_mib=settings.picture_memory_mib,
    )


def build_room(settings: Settings, outside: Outside, clock: Clock) -> Room:
    """The room on whatever parts it is given; nothing is reached before its startup is entered."""
    desk = Desk(servers_of(settings, outside.engines), clock, silence_s=settings.silence_seconds)
    floor, ledger = Floor(), Ledger(outside.store)
    means = Means(
        desk=desk,
        ledger=ledger,
        store=outside.store,
        encoder=outside.encoder,
        pictures=outside.pictures,
        rules=rules_of(settings),
        clock=clock,
    )
    lane = Lane(concurrency=settings.requests_in_flight, ordered=False)
    return Room(
        name="renderer",
        decider=RendererDecider(),
        state=RendererState,
        performer=RendererPerformer(Takes(means, outside.leases, floor), floor, outside.store),
        lanes={PLANNER_SHOTS_PREVIEW.name: lane, PLANNER_SHOTS_FINAL.name: lane},
        startup=(_closing(outside.engines), desk),
    )


def servers_of(settings: Settings, engines: Mapping[str, RenderEngine]) -> list[Server]:
    """What the desk keeps of each server."""
    allowance = Allowance(settings.batches_per_server, settings.replicas)
    policy = BreakerPolicy(settings.faults, settings.cool_seconds)
    return [Server(name, engine, allowance.on, Breaker(policy)) for name, engine in engines.items()]


def rules_of(settings: Settings) -> Rules:
    """The settings in the words of the work."""
    return Rules(
        price_micros=settings.price_micros_per_device_second,
        lease_s=settings.lease_seconds,
        checkpoint_every=settings.checkpoint_every,
        policy=TryPolicy(fruitless=settings.tries, patience_s=settings.patience_seconds),
    )


@asynccontextmanager
async def _closing(engines: Mapping[str, RenderEngine]) -> AsyncIterator[None]:
    try:
        yield
    finally:
        for engine in engines.values():
            if isinstance(engine, TritonEngine):
                await engine.close()
