"""A film against running planners: speaks for the other rooms on a real broker, hears what the planner says."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeVar
from uuid import uuid4

from aiokafka import AIOKafkaConsumer
from planner_fakes import POLICY, a_brief, a_ref
from storyreel_chassis.publisher import KafkaPublisher
from storyreel_contracts import (
    BriefCleared,
    CutRequested,
    Envelope,
    Event,
    Fact,
    FilmRequested,
    PlanCleared,
    ShotCleared,
    ShotMatched,
    ShotRendered,
    ShotRequested,
    decode,
)
from storyreel_contracts.ids import event_id
from storyreel_contracts.topics import PLANNER_FILMS, PLANNER_SHOTS_FINAL, PLANNER_SHOTS_PREVIEW

F = TypeVar("F", bound=Fact)
PATIENCE_S = 60.0


@dataclass
class Campaign:
    """One film. `said` holds every record of the planner's topics, duplicates included."""

    voices: dict[str, KafkaPublisher]
    film: str = field(default_factory=lambda: str(uuid4()))
    said: list[Event] = field(default_factory=list)

    async def write(self, room: str, fact: Fact, name: str = "") -> None:
        """A room writes a fact; the same name gives the same id."""
        identity = event_id(self.film, fact.TYPE, name or fact.model_dump_json())
        envelope = Envelope(
            event_id=identity, type=fact.TYPE, film_id=self.film, tenant_id="dev", occurred_at=datetime.now(UTC)
        )
        await self.voices[room].publish(Event(envelope, fact))

    async def begin(self) -> None:
        """Ask for the film; safety clears brief and plan."""
        await self.write("safety", PlanCleared(version=1, policy=POLICY))  # too early on purpose
        await self.write("safety", BriefCleared(version=1, policy=POLICY))
        await self.write("gateway", FilmRequested(brief=a_brief(), brief_event_id="b", brief_sha256="0" * 64))

    async def take(self, ask: ShotRequested) -> None:
        """A take comes back, is cleared and matches; written in an unlucky order."""
        same = {n: getattr(ask, n) for n in ("version", "shot_id", "tier", "key")}
        await self.write("continuity", ShotMatched(**same, attempt=ask.attempt, measures=[]))
        await self.write("safety", ShotCleared(**same, policy=POLICY))
        spec = ask.spec
        take = ShotRendered(
            **same, attempt=ask.attempt, artifact=a_ref(ask.key, "video/mp4"), width=spec.width, height=spec.height,
            frames=spec.frames, fps=spec.fps, seed=spec.seed, model=spec.model, device_seconds=0.1, cost_micros=100,
        )  # fmt: skip
        await self.write("renderer", take)

    def heard(self, kind: type[F]) -> list[F]:
        """Facts of a kind, each id once."""
        unique = {e.event_id: e.data for e in self.said}
        return [fact for fact in unique.values() if isinstance(fact, kind)]

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for something to become true. Raises TimeoutError."""
        async with asyncio.timeout(PATIENCE_S):
            while not condition():
                await asyncio.sleep(0.05)

    async def cut_asked(self, tier: str) -> CutRequested:
        """Wait for the cut of a tier, then return it; there must be one only."""
        await self.until(lambda: any(c.tier == tier for c in self.heard(CutRequested)))
        (cut,) = [c for c in self.heard(CutRequested) if c.tier == tier]
        return cut


@asynccontextmanager
async def campaign(bootstrap_servers: str) -> AsyncIterator[Campaign]:
    """A fresh film on this broker; hears the planner from now on."""
    topics = (PLANNER_FILMS.name, PLANNER_SHOTS_PREVIEW.name, PLANNER_SHOTS_FINAL.name)
    rooms = ("gateway", "safety", "renderer", "continuity", "assembler")
    voices = {room: KafkaPublisher(bootstrap_servers, room) for room in rooms}
    consumer = AIOKafkaConsumer(*topics, bootstrap_servers=bootstrap_servers, auto_offset_reset="latest")
    async with consumer, _all(voices):
        await consumer.seek_to_end()
        film = Campaign(voices)
        hearing = asyncio.create_task(_hear(consumer, film))
        try:
            yield film
        finally:
            hearing.cancel()


@asynccontextmanager
async def _all(voices: dict[str, KafkaPublisher]) -> AsyncIterator[None]:
    for voice in voices.values():
        await voice.__aenter__()
    try:
        yield
    finally:
        for voice in voices.values():
            await voice.__aexit__(None, None, None)


async def _hear(consumer: AIOKafkaConsumer, film: Campaign) -> None:
    async for record in consumer:
        event = decode(list(record.headers), record.value)
        if event.film_id == film.film:
            film.said.append(event)
