"""Six real rooms in one process under one seed: their deciders and the chassis' runtime are real, their hands are quick.

The log delivers any topic's next record to any reader in any order, delivers again what was delivered, loses folds, and
lets rooms crash between publishing and saving. A failing seed replays from its number.
"""

import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from storyreel_assembler.domain.decider import AssemblerDecider
from storyreel_assembler.domain.decider import State as AssemblerState
from storyreel_assembler.domain.work import Assemble, Cut, Dropped, Published
from storyreel_chassis.artifacts import MemoryArtifactStore
from storyreel_chassis.clock import Clock
from storyreel_chassis.errors import Unavailable
from storyreel_chassis.folds import MemoryFoldStore
from storyreel_chassis.testing import FakeClock, RoomHarness, an_event
from storyreel_chassis.work import Context, Room
from storyreel_continuity.adapters.thresholds import read_thresholds
from storyreel_continuity.domain.decisions import ContinuityDecider, ContinuityState
from storyreel_continuity.domain.readings import Measured, Reading
from storyreel_contracts import Brief, Event, FilmRequested, PolicyRef, Provenance, Rendition, Segment, decode
from storyreel_contracts.decisions import Task
from storyreel_contracts.ids import outcome_key
from storyreel_contracts.topics import SERVICES, topics_read_by
from storyreel_gateway.adapters.memory import MemoryFilmLog, MemoryIndex
from storyreel_gateway.domain.decisions import GatewayDecider
from storyreel_gateway.domain.state import FilmState
from storyreel_gateway.handlers import Announcer
from storyreel_planner.app import build_room as planner_room
from storyreel_planner.settings import Settings as PlannerSettings
from storyreel_renderer.domain.decisions import RendererDecider, RendererState, RenderShot
from storyreel_renderer.domain.takes import Dropped as NotRendered
from storyreel_renderer.domain.takes import Lost, Taken
from storyreel_safety.domain.decisions import SafetyDecider, SafetyState
from storyreel_safety.domain.screening import Screening

TERMINAL = {"film.published.v1", "film.failed.v1", "film.cancelled.v1"}


@dataclass
class Hands:
    """Quick hands for the rooms: they answer as the real ones would, from a store that the first writer of a key rules."""

    store: MemoryArtifactStore
    chance: random.Random
    trouble: bool
    paid: list[str] = field(default_factory=list)

    async def perform(self, task: Task, context: Context) -> Any:
        """Screen, measure, render or cut, by the room that asks."""
        work = task.work
        if isinstance(work, RenderShot):
            return await self._render(work)
        if isinstance(work, Assemble):
            return await self._cut(work)
        if type(work).__name__ == "Publish":
            return await self._publish(work)
        if type(work).__name__.startswith("Screen"):
            return Screening(policy=PolicyRef(id="default", version="1"))
        if type(work).__name__ == "StopVersion":
            return None
        return Measured(reading=Reading(lightness=50, a=0, b=0, exposure=0, swatches=[], motion=None), evidence=None)

    async def _render(self, work: RenderShot) -> Taken | Lost | NotRendered:
        request, spec = work.request, work.request.spec
        lost = Lost(kind=self.chance.choice(["timeout", "model_fault", "device_lost"]), reason="the dice")
        fails = self.trouble and self.chance.random() < 0.2
        answer = await self.store.remember(f"answers/{work.event_id}", lost.model_dump_json().encode() if fails else b"")
        if answer:  # the real room remembers failures too: the same request is answered the same
            return Lost.model_validate_json(answer)
        artifact = await self.store.put(request.key.encode(), "video/mp4")
        mine = Taken(
            artifact=artifact, width=spec.width, height=spec.height, frames=spec.frames, fps=spec.fps, seed=spec.seed,
            model=spec.model, device_seconds=1.0, cost_micros=1000, paid_by=work.event_id, token=1,
        )  # fmt: skip
        kept = Taken.model_validate_json(await self.store.remember(f"takes/{request.key}", mine.model_dump_json().encode()))
        if kept.paid_by == work.event_id and request.key not in self.paid:
            self.paid.append(request.key)
        return kept

    async def _cut(self, work: Assemble) -> Cut:
        made = await self.store.put(work.cut.cut_key.encode(), "video/mp4")
        size = {"width": 1280, "height": 720, "frames": work.plan.frames, "fps": work.plan.fps}
        segments = [Segment(shot_id=s.shot_id, aspect="16:9", key=s.key, artifact=made, frames=1) for s in work.cut.shots]
        return Cut(
            tier=work.cut.tier, renditions=[Rendition(aspect="16:9", artifact=made, **size)], segments=segments,
            captions=made, timeline=made, thumbnail=made, takes={},
        )  # fmt: skip

    async def _publish(self, work: Any) -> Published | Dropped:
        claimed = await self.store.remember(outcome_key(work.film_id, work.cut.version), b"published")
        if claimed != b"published":
            return Dropped(reason="another fact ended the version")
        made = await self.store.put(b"film", "video/mp4")
        mine = Published(
            cut_key=work.cut.cut_key, files={"film-16x9.mp4": made},
            provenance=Provenance(state="Trusted", issuer="x", signed=[]), cost_micros=0,
        )  # fmt: skip
        kept = await self.store.remember(f"films/{work.film_id}/{work.cut.version}", mine.model_dump_json().encode())
        return Published.model_validate_json(kept)


class ForgetfulStore(MemoryFoldStore):
    """A fold store that now and then fails before it saves: the facts are out, the fold is not."""

    def __init__(self, chance: random.Random, crashes: float) -> None:
        super().__init__()
        self._chance, self._crashes = chance, crashes

    async def save(self, *args: Any) -> bool:
        """Save, or die first."""
        if self._chance.random() < self._crashes:
            raise Unavailable("crash before the save")
        return await super().save(*args)

    def lose_everything(self) -> None:
        """As if Redis had been emptied."""
        MemoryFoldStore.__init__(self)


def rooms(hands: Hands, clock: Clock) -> Iterator[Room]:
    """The six rooms with their real deciders."""
    settings = PlannerSettings(retry_delay_seconds=0)
    yield planner_room(settings, hands.store, clock)
    yield Room(name="renderer", decider=RendererDecider(), state=RendererState, performer=hands)
    yield Room(name="continuity", decider=ContinuityDecider(read_thresholds(None)), state=ContinuityState, performer=hands)
    yield Room(name="safety", decider=SafetyDecider(), state=SafetyState, performer=hands)
    yield Room(name="assembler", decider=AssemblerDecider(), state=AssemblerState, performer=hands)
    announcer = Announcer(log=MemoryFilmLog(), index=MemoryIndex())
    yield Room(name="gateway", decider=GatewayDecider(), state=FilmState, performer=announcer)


class World:
    """One studio, one seed."""

    def __init__(self, seed: int, *, trouble: bool = True) -> None:
        self.chance = random.Random(seed)
        self.clock = FakeClock()
        self.hands = Hands(MemoryArtifactStore(), random.Random(seed + 1), trouble)
        self.houses = {room.name: RoomHarness(room, self.clock) for room in rooms(self.hands, self.clock)}
        for house in self.houses.values():
            object.__setattr__(house.runtime, "folds", ForgetfulStore(self.chance, 0.05 if trouble else 0.0))
            house.folds = house.runtime.folds  # type: ignore[assignment]
        self._log: dict[str, list[Event]] = defaultdict(list)
        self._read: dict[tuple[str, str], int] = defaultdict(int)
        self._taken: dict[str, int] = defaultdict(int)
        self._trouble = trouble

    def request(self, film_id: str, brief: Brief) -> None:
        """A film is wanted."""
        fact = FilmRequested(brief=brief, brief_event_id=film_id, brief_sha256="0" * 64)
        self.say("gateway-films", an_event(fact, film_id=film_id, at=self.clock.now()))

    def say(self, topic: str, event: Event) -> None:
        """Write a fact from outside."""
        self._log[topic].append(event)

    async def run(self, steps: int = 20_000) -> None:
        """Deliver in any order until nothing is left. Raises AssertionError if that does not end."""
        for _ in range(steps):
            ready = [(s, t) for s in SERVICES for t in topics_read_by(s) if self._read[s, t] < len(self._log[t])]
            if not ready and not await self._ring():
                return
            if ready:
                await self._deliver(*self.chance.choice(ready))
                await self._hurt()
        raise AssertionError(f"not at rest after {steps} deliveries")

    async def _deliver(self, service: str, topic: str) -> None:
        at = self._read[service, topic]
        if self._trouble and at and self.chance.random() < 0.1:
            at = self.chance.randrange(at)  # a rebalance: older records come again
        try:
            await self.houses[service].runtime.handle(self._log[topic][at])
        except Unavailable:
            return  # crashed: the record was not committed and comes again
        finally:
            self._collect(service)
        self._read[service, topic] = max(self._read[service, topic], at + 1)

    async def _hurt(self) -> None:
        if self._trouble and self.chance.random() < 0.003:
            service = self.chance.choice(SERVICES)
            self.houses[service].folds.lose_everything()
            for topic in topics_read_by(service):
                self._read[service, topic] = 0

    async def _ring(self) -> bool:
        """Let time pass until the next timer; False if there is none."""
        due = [t for h in self.houses.values() for t in await h.folds.due(self.clock.now() + timedelta(days=3), 1000)]
        if not due:
            return False
        self.clock.advance(max(0.0, (min(t.due for t in due) - self.clock.now()).total_seconds()))
        for service, house in self.houses.items():
            try:
                await house.ring()
            except Unavailable:
                continue
            finally:
                self._collect(service)
        return True

    def _collect(self, service: str) -> None:
        records = self.houses[service].publisher.records
        for topic, _, value, headers in records[self._taken[service] :]:
            self._log[topic].append(decode(list(headers.items()), value))
        self._taken[service] = len(records)

    def facts(self, film_id: str, *types: str) -> dict[str, Event]:
        """Distinct facts of a film by their ids."""
        found = (e for log in self._log.values() for e in log if e.film_id == film_id)
        return {e.event_id: e for e in found if not types or e.envelope.type in types}

    def now(self) -> datetime:
        """The world's time."""
        return self.clock.now()
