"""A whole studio under one seed: six services with replicas on one broker, people, weather, and the eyes of an auditor."""

import asyncio
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from simaudit import Auditor
from simbroker import Broker
from simhands import Encoder, Hands, Luck, NoPictures, RenderServer
from simloop import SimClock
from simpeople import Gateway, People, Shelves
from simprocess import Gate, Gated, Process, Weather, gated
from simredis import SimRedis
from simwriter import Writing, written_by_dice
from storyreel_assembler.domain.decider import AssemblerDecider
from storyreel_assembler.domain.decider import State as AssemblerState
from storyreel_chassis.artifacts import MemoryArtifactStore
from storyreel_chassis.leases import MemoryLeases
from storyreel_chassis.work import Room
from storyreel_continuity.adapters.thresholds import read_thresholds
from storyreel_continuity.domain.decisions import ContinuityDecider, ContinuityState
from storyreel_contracts.topics import SERVICES
from storyreel_planner.app import build_room as planner_room
from storyreel_planner.settings import Settings as PlannerSettings
from storyreel_renderer.app import Outside
from storyreel_renderer.app import build_room as renderer_room
from storyreel_renderer.settings import Settings as RendererSettings
from storyreel_safety.domain.decisions import SafetyDecider, SafetyState

REPLICAS = 2


@dataclass(frozen=True)
class Plan:
    """What a run is to live through. Times in virtual seconds."""

    films: int = 1
    storm_s: float = 120.0
    fault_every_s: float = 8.0
    die_after: int = 0  # kill some process at its n-th crash point; 0: never by count
    luck: Luck = field(default_factory=Luck)
    haste_s: float = 40.0  # mean time between what people do
    writer: Writing | None = None  # a language model writes; None: the template does
    leases_hold: bool = False  # nothing happens that may cost a living process its lease: then nothing may be paid for twice


class Studio:
    """Everything that survives a process, and the processes of the moment."""

    def __init__(self, seed: int, plan: Plan) -> None:
        self.plan, self.clock = plan, SimClock()
        self.chance = random.Random(seed)
        self.weather = Weather()
        self.broker = Broker(random.Random(seed + 1))
        self.store = MemoryArtifactStore()
        self.redis = {service: SimRedis() for service in SERVICES}
        self.leases = {service: MemoryLeases(self.clock) for service in SERVICES}
        self.shelves = Shelves()
        self.doubled: list[str] = []
        paying = Counter[str]()
        self.servers = {
            f"gpu-{n}": RenderServer(random.Random(seed + 2 + n), plan.luck, paying, self.doubled) for n in range(2)
        }
        self.processes: dict[str, list[Process]] = {service: [] for service in SERVICES}
        self.auditor = Auditor(self.broker)
        self.people = People(self, random.Random(seed + 9))
        self._numbers = iter(range(1, 10**9))
        self._chores: set[asyncio.Task[Any]] = set()
        self._doomed = (self.chance.choice(SERVICES), plan.die_after)

    async def run(self) -> None:
        """Open the studio, ask for films, let it storm, wait until all is still, look at what became of it."""
        for service in SERVICES:
            for _ in range(self.chance.randint(1, REPLICAS)):
                self.start(service)
        try:
            await self._live()
        finally:
            for process in [p for group in self.processes.values() for p in group]:
                process.gate.kill()

    async def _live(self) -> None:
        briefs = [asyncio.create_task(self.people.live(n)) for n in range(self.plan.films)]
        storm = asyncio.create_task(self._storm())
        await asyncio.gather(*briefs, storm)
        await self._calm()
        self.auditor.judge(self.people.films)
        assert not (self.plan.leases_hold and self.doubled), f"two processes rendered the same at once: {self.doubled[0]}"

    def start(self, service: str) -> Process:
        """A new process of a service."""
        doomed, self._doomed = self._doomed, (self._doomed[0], 0) if self._doomed[0] == service else self._doomed
        gate = Gate(self.chance, self.weather, die_at=doomed[1] if doomed[0] == service else 0)
        room, more = self._room(service, gate), []
        process = Process(room, self.broker, gate, self.redis[service], next(self._numbers))
        if service == "gateway":
            process.gateway = Gateway(self, process)
            room.raw["campaign-briefs"] = process.gateway.intake  # type: ignore[index]
            more = [process.gateway.mending()]
        process.start(*[_inside(part) for part in room.startup], *more)
        self.processes[service].append(process)
        self.later(self._replace(service, process))
        return process

    async def _replace(self, service: str, process: Process) -> None:
        """What a supervisor does when a process died."""
        while process.gate.alive:
            await asyncio.sleep(1)
        self.processes[service].remove(process)
        await asyncio.sleep(self.chance.random() * 15)
        if not self.processes[service]:
            self.start(service)

    def later(self, work: Any) -> None:
        """A chore that outlives who asked for it."""
        task = asyncio.create_task(work)
        self._chores.add(task)
        task.add_done_callback(self._chores.discard)

    async def _storm(self) -> None:
        if not self.plan.storm_s:
            return
        end = self.clock.monotonic() + self.plan.storm_s
        while self.clock.monotonic() < end:
            await asyncio.sleep(self.chance.expovariate(1 / self.plan.fault_every_s))
            self._strike()

    def _strike(self) -> None:
        service = self.chance.choice(SERVICES)
        alive = [p for p in self.processes[service] if p.gate.alive]
        process = self.chance.choice(alive) if alive else None
        blows = ["kill", "kill", "stop", "join", "part", "server", *([] if self.plan.leases_hold else ["freeze", "redis"])]
        match self.chance.choice(blows):
            case "kill" if process:
                process.gate.kill()
            case "stop" if process:
                self.later(process.stop())
            case "freeze" if process and process.gate.open.is_set():
                self.later(process.freeze(self.chance.random() * 30))
            case "join" if len(alive) < REPLICAS + 1:
                self.start(service)
            case "part":
                parts = ["folds", "store", "broker", *([] if self.plan.leases_hold else ["leases"])]
                self.later(self._fail(self.chance.choice(parts)))
            case "server":
                self.later(self._server_down(self.chance.choice(list(self.servers.values()))))
            case "redis":
                self._lose_redis()

    async def _fail(self, part: str) -> None:
        self.weather.failing[part] = self.chance.choice([0.1, 0.5, 1.0])
        await asyncio.sleep(self.chance.random() * 15)
        self.weather.failing.pop(part, None)

    async def _server_down(self, server: RenderServer) -> None:
        server.up = False
        await asyncio.sleep(self.chance.random() * 20)
        server.up = True

    def _lose_redis(self) -> None:
        for service in SERVICES:
            self.redis[service].lose_everything()
            self.leases[service].__init__(self.clock)  # type: ignore[misc]
        self.shelves.lose_everything()

    async def _calm(self) -> None:
        """No more faults; everything gets the time that its timers need. Raises AssertionError if that does not help."""
        self.weather.failing.clear()
        for _ in range(240):
            if not self.broker.behind() and self.auditor.all_ended(self.people.films):
                return
            await self.people.approve_all()
            await asyncio.sleep(30)
        raise AssertionError(
            f"not at rest: {self.broker.behind()} records behind, open: {self.auditor.open(self.people.films)}"
        )

    def _room(self, service: str, gate: Gate) -> Room:
        return dict(self._rooms(gate, service))[service]

    def _rooms(self, gate: Gate, wanted: str) -> Iterator[tuple[str, Room]]:
        store = Gated(self.store, gate, "store")
        hands = Hands(store, self.chance, self.plan.luck)
        if wanted == "planner":
            room = planner_room(_planner_settings(), store, self.clock)
            yield "planner", written_by_dice(room, gate, self.chance, self.plan.writer) if self.plan.writer else room
        if wanted == "renderer":
            engines = {name: _Reached(server, gate) for name, server in self.servers.items()}
            leases = Gated(self.leases[wanted], gate, "leases")
            outside = Outside(engines=engines, store=store, leases=leases, encoder=Encoder(), pictures=NoPictures())
            yield "renderer", renderer_room(_renderer_settings(), outside, self.clock)
        yield (
            "continuity",
            Room(name="continuity", decider=ContinuityDecider(_thresholds()), state=ContinuityState, performer=hands),
        )
        yield "safety", Room(name="safety", decider=SafetyDecider(), state=SafetyState, performer=hands)
        yield "assembler", Room(name="assembler", decider=AssemblerDecider(), state=AssemblerState, performer=hands)
        yield "gateway", self.shelves.room(gate)


class _Reached:
    """A render server as one process reaches it."""

    def __init__(self, server: RenderServer, gate: Gate) -> None:
        self._server, self._gate = server, gate

    async def describe(self) -> Any:
        await self._gate.pass_("engine")
        return await self._server.describe()

    async def cancel(self, job_id: str) -> None:
        await self._gate.pass_("engine")
        await self._server.cancel(job_id)

    def render(self, job: Any, checkpoint: bytes | None = None) -> Any:
        return gated(self._server.render(job, checkpoint), self._gate)


async def _inside(part: Any) -> None:
    async with part:
        await asyncio.get_running_loop().create_future()


@cache
def _thresholds() -> Any:
    return read_thresholds(None)


@cache
def _planner_settings() -> PlannerSettings:
    return PlannerSettings(retry_delay_seconds=1)


@cache
def _renderer_settings() -> RendererSettings:
    return RendererSettings(engine="null", checkpoint_every=1, lease_seconds=15)
