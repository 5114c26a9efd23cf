"""A campaign against running renderers: asks for shots as the planner would, hears every answer as the planner would."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import uuid4

from aiokafka import AIOKafkaConsumer
from storyreel_chassis.publisher import KafkaPublisher
from storyreel_contracts import (
    Envelope,
    Event,
    Fact,
    FilmCancelled,
    ModelCard,
    RenderSpec,
    ShotProgressed,
    ShotRendered,
    ShotRenderFailed,
    ShotRequested,
    Tier,
    build_key,
    decode,
)
from storyreel_contracts.topics import RENDERER_PROGRESS, RENDERER_SHOTS

PATIENCE_S = 60.0


@dataclass
class Campaign:
    """One film. `answers` holds every record of the answers' topic, duplicates included."""

    card: ModelCard
    planner: KafkaPublisher
    gateway: KafkaPublisher
    film: str = field(default_factory=lambda: str(uuid4()))
    answers: list[Event] = field(default_factory=list)
    progress: list[Event] = field(default_factory=list)

    async def ask(
        self, shot: str, *, seed: int, tier: Tier = Tier.PREVIEW, attempt: int = 1, frames: int | None = None
    ) -> Event:
        """Ask for a take of the card's first size of that tier."""
        width, height = self.card.sizes[tier]["16:9"]
        spec = RenderSpec(
            prompt="a red kite over a harbour", width=width, height=height, frames=frames or 9, fps=self.card.fps,
            steps=self.card.steps[tier], guidance=self.card.guidance, seed=seed, model=self.card.ref,
        )  # fmt: skip
        fact = ShotRequested(
            version=1, shot_id=shot, tier=tier, attempt=attempt, spec=spec, price_limit_micros=10**9,
            key=build_key("take", [self.film, spec.model_dump(mode="json")]),
        )  # fmt: skip
        return await self._write(self.planner, fact)

    async def cancel(self) -> None:
        """Give the film up."""
        await self._write(self.gateway, FilmCancelled(version=1, reason="not wanted", requested_by="anna"))

    async def _write(self, publisher: KafkaPublisher, fact: Fact) -> Event:
        envelope = Envelope(
            event_id=str(uuid4()), type=fact.TYPE, film_id=self.film, tenant_id="dev", occurred_at=datetime.now(UTC)
        )
        await publisher.publish(Event(envelope, fact))
        return Event(envelope, fact)

    def answers_to(self, asked: Event) -> list[Event]:
        """All answers that name this request as their cause, each id once."""
        return list({e.event_id: e for e in self.answers if e.envelope.cause_id == asked.event_id}.values())

    def take_for(self, asked: Event) -> ShotRendered:
        """The one answer to a request, which must be a take."""
        (answer,) = self.answers_to(asked)
        assert isinstance(answer.data, ShotRendered), answer.data
        return answer.data

    async def all_answered(self, asked: list[Event]) -> None:
        """Wait until every request has an answer."""
        await until(lambda: all(self.answers_to(a) for a in asked))


async def until(condition: Callable[[], bool], seconds: float = PATIENCE_S) -> None:
    """Wait for something to become true. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.05)


@asynccontextmanager
async def campaign(bootstrap_servers: str, card: ModelCard) -> AsyncIterator[Campaign]:
    """A fresh film on this broker; hears its answers from now on."""
    topics = (RENDERER_SHOTS.name, RENDERER_PROGRESS.name)
    planner, gateway = KafkaPublisher(bootstrap_servers, "planner"), KafkaPublisher(bootstrap_servers, "gateway")
    consumer = AIOKafkaConsumer(*topics, bootstrap_servers=bootstrap_servers, auto_offset_reset="latest")
    async with planner, gateway, consumer:
        await consumer.seek_to_end()
        film = Campaign(card, planner, gateway)
        hearing = asyncio.create_task(_hear(consumer, film))
        try:
            yield film
        finally:
            hearing.cancel()


async def _hear(consumer: AIOKafkaConsumer, film: Campaign) -> None:
    async for record in consumer:
        event = decode(list(record.headers), record.value)
        if event.film_id != film.film:
            continue
        match event.data:
            case ShotProgressed():
                film.progress.append(event)
            case ShotRendered() | ShotRenderFailed():
                film.answers.append(event)
