"""The composition root: settings, adapters, the Kafka room and the HTTP server of one gateway process."""

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from fastapi import FastAPI
from storyreel_chassis.clock import SystemClock
from storyreel_chassis.health import web_server
from storyreel_chassis.service import Parts, parts_of, serve
from storyreel_chassis.work import Lane, Room
from storyreel_contracts.topics import CAMPAIGN_BRIEFS, RENDERER_PROGRESS

from storyreel_gateway.adapters.frames import TakePictures
from storyreel_gateway.adapters.probing import ChildProber
from storyreel_gateway.adapters.reading_model import FoldedFilms
from storyreel_gateway.adapters.redis_shelves import RedisFilmLog, RedisIndex, RedisIntents
from storyreel_gateway.adapters.tenants_file import TenantsFile
from storyreel_gateway.api import create_api
from storyreel_gateway.domain.decisions import GatewayDecider
from storyreel_gateway.domain.media import Limits
from storyreel_gateway.domain.state import FilmState
from storyreel_gateway.handlers import Announcer, BriefIntake
from storyreel_gateway.routes.doors import Doors, Options
from storyreel_gateway.settings import Settings
from storyreel_gateway.workflows.briefs import Desk
from storyreel_gateway.workflows.claims import Claims
from storyreel_gateway.workflows.once import Once
from storyreel_gateway.workflows.uploads import Uploads

log = logging.getLogger(__name__)
_STOP_S = 5.0


def main() -> None:
    """Run the gateway until it is told to stop."""
    settings = Settings()  # type: ignore[call-arg]  # values come from the environment
    parts = parts_of("gateway", settings.shared)
    serve(build_room(settings, parts), settings.shared, parts)


def build_room(settings: Settings, parts: Parts) -> Room:
    """The room with its HTTP server."""
    doors = build_doors(settings, parts)
    intake = BriefIntake(tenants=doors.tenants, desk=doors.desk, clock=doors.clock)
    return Room(
        name="gateway", decider=GatewayDecider(), state=FilmState, performer=Announcer(log=doors.log, index=doors.index),
        raw={CAMPAIGN_BRIEFS.name: intake}, lanes={RENDERER_PROGRESS.name: Lane(concurrency=4)},
        startup=[_http(create_api(doors), settings), _mending(doors.claims)],
    )  # fmt: skip


def build_doors(settings: Settings, parts: Parts) -> Doors:
    """Ports and workflows on real parts."""
    clock, store, redis = SystemClock(), parts.store, parts.redis
    uploads = Uploads(store, ChildProber(), Limits(bytes=settings.upload_max_bytes))
    return Doors(
        tenants=TenantsFile(settings.tenants_file), films=FoldedFilms(parts.folds), log=RedisFilmLog(redis),
        index=RedisIndex(redis), store=store, publisher=parts.publisher, pictures=TakePictures(), clock=clock,
        uploads=uploads, desk=Desk(store, uploads),
        claims=Claims(store=store, intents=RedisIntents(redis), publisher=parts.publisher, clock=clock),
        once=Once(store, parts.leases), options=build_options(settings),
    )  # fmt: skip


def build_options(settings: Settings) -> Options:
    """Figures and secrets; without a session secret a new one is made, and people sign in again after a restart."""
    secret = settings.session_secret.get_secret_value().encode()
    if not secret:
        log.warning("GATEWAY_SESSION_SECRET is empty: sign-ins last until this process ends, and only with one replica")
    shared = settings.shared
    endpoint = urlsplit(shared.s3_public_endpoint_url or shared.s3_endpoint_url)
    origin = f"{endpoint.scheme}://{endpoint.netloc}" if endpoint.netloc else ""
    return Options(
        session_secret=secret or secrets.token_bytes(32), media_origins=settings.media_origins or origin,
        **settings.model_dump(include={"dry_run_wait_s", "streams_per_tenant", "ping_s", "secure_cookies"}),
    )  # fmt: skip


@asynccontextmanager
async def _http(api: FastAPI, settings: Settings) -> AsyncIterator[None]:
    server = web_server(api, settings.host, settings.port)
    task = asyncio.create_task(server.serve())
    try:
        yield
    finally:
        server.should_exit = True
        done, _ = await asyncio.wait({task}, timeout=_STOP_S)
        if not done:  # open event streams never end by themselves; their clients resume from the log
            server.force_exit = True
            await asyncio.wait({task}, timeout=_STOP_S)


@asynccontextmanager
async def _mending(claims: Claims) -> AsyncIterator[None]:
    task = asyncio.create_task(claims.run())
    try:
        yield
    finally:
        task.cancel()
