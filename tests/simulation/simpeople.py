"""Campaign systems, editors and reviewers, and the gateway's doors that they go through."""

import asyncio
import random
from base64 import b64encode
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from aiokafka.errors import KafkaError
from simloop import SimClock
from simprocess import Gate, Gated, Killed, Process
from storyreel_chassis.errors import Unavailable, WorkError
from storyreel_chassis.work import Room
from storyreel_client.signing import signed_headers
from storyreel_contracts import Brief
from storyreel_contracts.brief import Approval, Budget
from storyreel_contracts.films import ShotEdit
from storyreel_contracts.ids import film_id
from storyreel_gateway.adapters.memory import FixedTenants, MemoryFilmLog, MemoryIndex, MemoryIntents
from storyreel_gateway.adapters.reading_model import FoldedFilms
from storyreel_gateway.domain.decisions import GatewayDecider
from storyreel_gateway.domain.media import Limits
from storyreel_gateway.domain.state import FilmState
from storyreel_gateway.domain.tenants import Caller, Role, Tenant, TenantList
from storyreel_gateway.handlers import Announcer, BriefIntake
from storyreel_gateway.routes import actions, reviews
from storyreel_gateway.routes.doors import Doors, Options
from storyreel_gateway.routes.problems import ProblemError
from storyreel_gateway.workflows.briefs import Desk
from storyreel_gateway.workflows.claims import Claims
from storyreel_gateway.workflows.once import Once
from storyreel_gateway.workflows.uploads import Uploads

if TYPE_CHECKING:
    from simstudio import Studio

SECRET = "whsec_" + b64encode(b"a secret of thirty-two bytes....").decode()
ACME = Tenant(id="acme", signing_secrets=[SECRET])
PATIENCE_S = 300.0
WISHES = ("approve", "approve", "decide", "decide", "edit", "cancel", "look")


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

    async def mending(self) -> None:
        """The claims' own loop, asleep while there is nothing to mend."""
        while True:
            await self._shelves.intents.some.wait()
            await asyncio.sleep(10)
            with suppress(Exception):  # as the loop does: tried again
                await self.claims.mend()
            if not self._shelves.intents.kept:
                self._shelves.intents.some.clear()


@dataclass
class Ordered:
    """A film that somebody asked for."""

    film_id: str
    brief: Brief
    versions: int = 1


@dataclass
class People:
    """Everybody outside. What they are told is an answer or an error; they go on either way."""

    studio: "Studio"
    chance: random.Random
    films: list[Ordered] = field(default_factory=list)

    async def live(self, number: int) -> None:
        """Ask for a film, twice in a while; then interfere."""
        brief, brief_id = self._brief(number), f"brief-{number}"
        ordered = Ordered(film_id(ACME.id, brief_id), brief)
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
        doors = self.chance.choice(gateways).doors
        who = Caller(tenant=ACME, role=Role.ADMIN, key_sha256="0" * 64, name=self.chance.choice(["ann", "bob"]))
        try:
            async with asyncio.timeout(30):
                await self._do(wish, doors, who, ordered)
        except (ProblemError, WorkError, Unavailable, TimeoutError, KafkaError, Killed):
            return  # they were told; whether it happened all the same, the facts say

    async def _do(self, wish: str, doors: Doors, who: Caller, ordered: Ordered) -> None:
        match wish:
            case "approve":
                await actions.approve(doors, who, ordered.film_id)
            case "edit":
                edit = ShotEdit(shot_id="s01", caption=f"line {self.chance.random():.3f}")
                await actions.edit(doors, who, ordered.film_id, [edit])
            case "cancel":
                await actions.cancel(doors, who, ordered.film_id, "changed our mind")
            case "decide":
                for view in await reviews.open_reviews_of(doors, who, 10):
                    word = self.chance.choice(["approve", "approve", "reject"])
                    await reviews.decide(doors, who, view.review_id, reviews.DecisionRequest(decision=word))
