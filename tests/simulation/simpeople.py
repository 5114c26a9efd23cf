"""Campaign systems, editors and reviewers, and the gateway's doors that they go through."""

import asyncio
import random
from base64 import b64encode
from contextlib import suppress
from copy import copy
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from hashlib import sha256
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import httpx
from fastapi import FastAPI
from simloop import SimClock
from simprocess import Gate, Gated, Killed, Process
from starlette.datastructures import State
from storyreel_chassis.work import Room
from storyreel_client.errors import StoryreelError
from storyreel_client.http import Http
from storyreel_client.sdk import Storyreel
from storyreel_client.signing import signed_headers
from storyreel_contracts import Brief
from storyreel_contracts.brief import Approval, Budget
from storyreel_contracts.films import ShotEdit
from storyreel_contracts.ids import film_id
from storyreel_gateway.adapters.memory import FixedTenants, MemoryFilmLog, MemoryIndex, MemoryIntents
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

if TYPE_CHECKING:
    from simstudio import Studio

SECRET = "whsec_" + b64encode(b"a secret of thirty-two bytes....").decode()
KEYS = ("key-of-ann", "key-of-bob")
ACME = Tenant(
    id="acme", signing_secrets=[SECRET],
    api_keys=[ApiKey(sha256=sha256(k.encode()).hexdigest(), role=Role.ADMIN, name=k[7:]) for k in KEYS],
)  # fmt: skip
PATIENCE_S = 300.0
WISHES = ("approve", "approve", "decide", "decide", "edit", "cancel", "look", "submit")


class Shelves:
    """The gateway's part of Redis: live log, lists, intents."""

    def __init__(self) -> None:
        self.lose_everything()

    def lose_everything(self) -> None:
        """As if Redis had been emptied."""
        self.log, self.index, self.intents = MemoryFilmLog(), MemoryIndex(), SimIntents()

    def room(self, gate: Gate) -> Room:
        """The gateway's Kafka side."""
        announcer = Announcer(log=Gated(_Now(self, "log"), gate, "folds"), index=Gated(_Now(self, "index"), gate, "folds"))
        return Room(name="gateway", decider=GatewayDecider(), state=FilmState, performer=announcer, raw={})


class SimIntents(MemoryIntents):
    """Intents, and a bell for who mends them."""

    def __init__(self) -> None:
        super().__init__()
        self.some = asyncio.Event()

    async def put(self, name: str, value: str) -> None:
        """Keep it."""
        await super().put(name, value)
        self.some.set()


class _Now:
    """Whatever stands on a shelf at the moment: Redis may have been emptied since."""

    def __init__(self, shelves: Shelves, name: str) -> None:
        self._shelves, self._name = shelves, name

    def __getattr__(self, name: str) -> Any:
        return getattr(getattr(self._shelves, self._name), name)


class Gateway:
    """The HTTP side of one gateway process, entered behind its routes."""

    def __init__(self, studio: "Studio", process: Process) -> None:
        gate, clock, self._shelves = process.gate, SimClock(), studio.shelves
        store = Gated(studio.store, gate, "store")
        uploads = Uploads(store, None, Limits())  # type: ignore[arg-type]  # nobody uploads here
        desk, tenants = Desk(store, uploads), FixedTenants(TenantList(tenants=[ACME]))
        intents = Gated(_Now(studio.shelves, "intents"), gate, "folds")
        self.claims = Claims(store=store, intents=intents, publisher=process.publisher, clock=clock)
        self.intake = BriefIntake(tenants=tenants, desk=desk, clock=clock)
        self.doors = Doors(
            tenants=tenants, films=FoldedFilms(process.folds), log=Gated(_Now(studio.shelves, "log"), gate, "folds"),
            index=Gated(_Now(studio.shelves, "index"), gate, "folds"), store=store, publisher=process.publisher, pictures=None,
            clock=clock, uploads=uploads, desk=desk, claims=self.claims,
            once=Once(store, Gated(studio.leases["gateway"], gate, "leases")), options=Options(session_secret=b"x"),
        )  # type: ignore[arg-type]  # fmt: skip
        self.door = _door(self.doors)

    async def mending(self) -> None:
        """The claims' own loop, asleep while there is nothing to mend."""
        while True:
            await self._shelves.intents.some.wait()
            await asyncio.sleep(10)
            with suppress(Exception):  # as the loop does: tried again
                await self.claims.mend()
            if not self._shelves.intents.kept:
                self._shelves.intents.some.clear()


@cache
def _application() -> FastAPI:
    """Built once: it takes longer than a film."""
    return create_api(SimpleNamespace(options=Options(session_secret=b"x")))  # type: ignore[arg-type]


def _door(doors: Doors) -> httpx.AsyncClient:
    """The HTTP side of one gateway process, without a socket."""
    api = copy(_application())
    api.state = State({"doors": doors})
    return httpx.AsyncClient(transport=httpx.ASGITransport(api))


@dataclass
class Ordered:
    """A film that somebody asked for."""

    film_id: str
    brief: Brief
    brief_id: str


@dataclass
class People:
    """Everybody outside. What they are told is an answer or an error; they go on either way."""

    studio: "Studio"
    chance: random.Random
    films: list[Ordered] = field(default_factory=list)

    async def live(self, number: int) -> None:
        """Ask for a film, twice in a while; then interfere."""
        brief, brief_id = self._brief(number), f"brief-{number}"
        ordered = Ordered(film_id(ACME.id, brief_id), brief, brief_id)
        self.films.append(ordered)
        self._submit(brief, brief_id)
        busy = asyncio.get_running_loop().time() + PATIENCE_S
        while asyncio.get_running_loop().time() < busy:
            await asyncio.sleep(self.chance.expovariate(1 / self.studio.plan.haste_s))
            if self.chance.random() < 0.1:
                self._submit(brief, brief_id)
            await self._ask(ordered, self.chance.choice(WISHES))

    def _brief(self, number: int) -> Brief:
        chance = self.chance
        return Brief(
            prompt=f"a red sneaker on wet asphalt, take {number}", duration_s=chance.choice([2, 4, 6]),
            tier=chance.choice(["preview", "final"]), approval=chance.choice([Approval.AUTOMATIC, Approval.PERSON]),
            budget=Budget(amount=Decimal(chance.choice(["0.02", "20"]))),
        )  # fmt: skip

    def _submit(self, brief: Brief, brief_id: str) -> None:
        body = brief.model_dump_json().encode()
        headers = signed_headers(body, brief_id=brief_id, tenant=ACME.id, secret=SECRET, now=SimClock().now())
        self.studio.broker.append("campaign-briefs", film_id(ACME.id, brief_id).encode(), body, headers)

    async def approve_all(self) -> None:
        """What waits for a yes gets one: who comes back from holidays."""
        for ordered in self.films:
            await self._ask(ordered, "approve")

    async def _ask(self, ordered: Ordered, wish: str) -> None:
        gateways = [p.gateway for p in self.studio.processes["gateway"] if p.gate.alive and p.gateway]
        if not gateways:
            return
        http = Http(self.chance.choice(gateways).door, url="http://gateway", api_key=self.chance.choice(KEYS))
        try:
            async with asyncio.timeout(30):
                await self._do(wish, Storyreel(http), ordered)
        except (StoryreelError, TimeoutError, Killed):
            return  # they were told; whether it happened all the same, the facts say

    async def _do(self, wish: str, studio: Storyreel, ordered: Ordered) -> None:
        match wish:
            case "submit":
                await studio.submit(ordered.brief, ordered.brief_id)
            case "approve":
                await studio.approve(ordered.film_id)
            case "edit":
                edit = ShotEdit(shot_id="s01", caption=f"line {self.chance.random():.3f}")
                await studio.edit(ordered.film_id, [edit])
            case "cancel":
                await studio.cancel(ordered.film_id, "changed our mind")
            case "look":
                await studio.film(ordered.film_id)
            case "decide":
                for review in await studio.reviews():
                    await studio.decide(review.review_id, self.chance.choice(["approve", "approve", "reject"]))
