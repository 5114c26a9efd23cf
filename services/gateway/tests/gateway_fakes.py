"""A gateway on twins: the real room, the real HTTP application, nothing outside the process."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from hashlib import sha256

import httpx
from gateway_facts import FILM, START
from storyreel_chassis.artifacts import MemoryArtifactStore
from storyreel_chassis.leases import MemoryLeases
from storyreel_chassis.testing import RoomHarness
from storyreel_chassis.work import Record, Room
from storyreel_contracts import Event
from storyreel_gateway.adapters.memory import FixedTenants, MemoryFilmLog, MemoryIndex, MemoryIntents
from storyreel_gateway.adapters.probing import ChildProber
from storyreel_gateway.adapters.reading_model import FoldedFilms
from storyreel_gateway.api import create_api
from storyreel_gateway.domain.decisions import GatewayDecider
from storyreel_gateway.domain.media import Limits
from storyreel_gateway.domain.state import FilmState
from storyreel_gateway.domain.tenants import ApiKey, Role, Tenant, TenantList
from storyreel_gateway.handlers import Announcer, BriefIntake
from storyreel_gateway.routes.doors import Doors, Options
from storyreel_gateway.workflows.briefs import Desk
from storyreel_gateway.workflows.claims import Claims
from storyreel_gateway.workflows.once import Once
from storyreel_gateway.workflows.uploads import Uploads

SECRET = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
KEYS = {Role.SUBMITTER: "sk-acme-submit", Role.REVIEWER: "sk-acme-review", Role.ADMIN: "sk-acme-admin"}
OTHER_KEY = "sk-other-admin"


def digest(key: str) -> str:
    return sha256(key.encode()).hexdigest()


TENANTS = TenantList(
    tenants=[
        Tenant(
            id="acme", name="Acme", signing_secrets=[SECRET],
            api_keys=[ApiKey(sha256=digest(key), role=role, name=f"{role} of Acme") for role, key in KEYS.items()],
        ),
        Tenant(id="other", name="Other", api_keys=[ApiKey(sha256=digest(OTHER_KEY), role=Role.ADMIN)]),
    ]
)  # fmt: skip


class WallClock:
    """The wall clock stands where the test puts it; waiting is real, and short."""

    def __init__(self, now: datetime = START) -> None:
        self.wall = now

    def now(self) -> datetime:
        return self.wall

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class ImmediateBus:
    """Publishes as Kafka would, and lets the room read its own facts at once; `deaf` keeps them on the way."""

    def __init__(self, harness: RoomHarness) -> None:
        self._harness, self.deaf = harness, False
        self.published: list[Event] = []
        self.broken: Exception | None = None

    async def publish(self, *events: Event) -> None:
        if self.broken:
            raise self.broken
        self.published += events
        await self._harness.publisher.publish(*events)
        if not self.deaf:
            await self._harness.give(*events)


class Pictures:
    """Makes no picture; says which video it was asked for."""

    async def middle_frame(self, video: bytes, width: int) -> bytes:
        return b"jpeg of " + video


class Studio:
    """One gateway process in memory."""

    def __init__(self, tenants: TenantList = TENANTS) -> None:
        self.clock, self.store, self.log, self.index = WallClock(), MemoryArtifactStore(), MemoryFilmLog(), MemoryIndex()
        self.intents, self.tenants = MemoryIntents(), FixedTenants(tenants)
        self.uploads = Uploads(self.store, ChildProber(), Limits())
        self.desk = Desk(self.store, self.uploads)
        intake = BriefIntake(tenants=self.tenants, desk=self.desk, clock=self.clock)
        room = Room(
            name="gateway", decider=GatewayDecider(), state=FilmState, performer=Announcer(log=self.log, index=self.index),
            raw={"campaign-briefs": intake},
        )  # fmt: skip
        self.room = RoomHarness(room)
        self.bus = ImmediateBus(self.room)
        self.leases = MemoryLeases(self.clock)
        self.doors = self.build_doors()
        self.api = create_api(self.doors)

    def build_doors(self) -> Doors:
        claims = Claims(store=self.store, intents=self.intents, publisher=self.bus, clock=self.clock)
        options = Options(session_secret=b"secret", dry_run_wait_s=0.5, ping_s=0.05, streams_per_tenant=2)
        return Doors(
            tenants=self.tenants, films=FoldedFilms(self.room.folds), log=self.log, index=self.index, store=self.store,
            publisher=self.bus, pictures=Pictures(), clock=self.clock, uploads=self.uploads, desk=self.desk, claims=claims,
            once=Once(self.store, self.leases), options=options,
        )  # fmt: skip

    async def give(self, events: list[Event]) -> list[Event]:
        """Let the room read facts; returns what it wrote."""
        return await self.room.give(*events)

    async def deliver(self, value: bytes, headers: dict[str, str]) -> None:
        """Bring a raw record of `campaign-briefs` to its end."""
        pairs = tuple((k, v.encode()) for k, v in headers.items())
        await self.room.deliver(Record("campaign-briefs", 0, 0, b"k", value, pairs, 0))

    async def state(self, film_id: str = FILM) -> FilmState:
        found = await self.doors.films.state(film_id)
        return found or FilmState()

    @asynccontextmanager
    async def client(self, key: str = KEYS[Role.ADMIN]) -> AsyncIterator[httpx.AsyncClient]:
        """An HTTP client with a key ('' for none)."""
        headers = {"authorization": f"Bearer {key}"} if key else {}
        transport = httpx.ASGITransport(self.api, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://gateway", headers=headers) as client:
            yield client
