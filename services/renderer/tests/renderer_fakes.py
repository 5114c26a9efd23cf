"""Twins of this room's ports, and a clock whose hours pass in no time."""

import asyncio
import heapq
from collections.abc import AsyncIterator, Awaitable
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from storyreel_chassis.artifacts import MemoryArtifactStore
from storyreel_chassis.errors import Transient
from storyreel_chassis.leases import MemoryLeases
from storyreel_contracts import (
    ArtifactRef,
    Envelope,
    Event,
    Fact,
    FailureKind,
    FilmCancelled,
    RenderSpec,
    ShotRequested,
    Tier,
    build_key,
)
from storyreel_contracts.decisions import NewFact
from storyreel_renderer.adapters.null_engine import NullEngine
from storyreel_renderer.cards import null_card
from storyreel_renderer.domain.decisions import RendererState
from storyreel_renderer.domain.ports import (
    Accepted,
    EngineEvent,
    Failed,
    Finished,
    Lease,
    NoPictureError,
    Progress,
    RenderJob,
    ServerCard,
)

if TYPE_CHECKING:
    from storyreel_renderer.domain.ports import Frames

T = TypeVar("T")
START = datetime(2026, 11, 21, 12, tzinfo=UTC)
FOR_EVER_S, HEARTBEAT_S = 100_000.0, 5.0
FILM, TENANT = "film-1", "acme"


class VirtualClock:
    """Time that stands still until `run` or `advance` moves it; sleepers wake in the order in which they are due."""

    def __init__(self) -> None:
        self._now, self._count = 0.0, 0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        """Wall clock."""
        return START + timedelta(seconds=self._now)

    def monotonic(self) -> float:
        """Seconds since the start."""
        return self._now

    async def sleep(self, seconds: float) -> None:
        """Until the clock was moved on by so many seconds."""
        waker: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._count += 1
        heapq.heappush(self._sleepers, (self._now + seconds, self._count, waker))
        await waker

    async def run(self, doing: Awaitable[T]) -> T:
        """What `doing` returns; whenever all wait, time jumps to the next sleeper."""
        task, until = asyncio.ensure_future(doing), self._now + FOR_EVER_S
        await settle()
        while not task.done():
            assert self._sleepers, "everybody waits and nobody sleeps: a deadlock"
            assert self._now < until, "only heartbeats go on: a deadlock"
            await self._wake_next()
        return task.result()

    async def advance(self, seconds: float) -> None:
        """Move on by so many seconds, waking everyone who is due on the way."""
        until = self._now + seconds
        await settle()
        while self._sleepers and self._sleepers[0][0] <= until:
            await self._wake_next()
        self._now = until

    async def _wake_next(self) -> None:
        due, _, waker = heapq.heappop(self._sleepers)
        self._now = max(self._now, due)
        if not waker.done():
            waker.set_result(None)
        await settle()


async def settle() -> None:
    """Let everyone run until all wait."""
    for _ in range(60):
        await asyncio.sleep(0)


class RawEncoder:
    """Encodes to the bare bytes; `hold` makes it wait."""

    def __init__(self) -> None:
        self.hold: asyncio.Event | None = None

    async def encode(self, frames: "Frames", fps: int) -> bytes:
        """Shape, rate, bytes."""
        if self.hold:
            await self.hold.wait()
        return repr((frames.shape, fps)).encode() + frames.tobytes()


@dataclass
class Lab:
    """An engine under observation: counts what is paid, fails and hangs as told."""

    engine: NullEngine
    fail: list[Failed] = field(default_factory=list)
    fail_after_step: int = 1
    refuse_checkpoints: bool = False
    wrong_shape: bool = False
    down: bool = False
    stopping: bool = False
    stuck: bool = False
    room_for: int = 10_000
    started: list[RenderJob] = field(default_factory=list)
    resumed_at: list[int] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    running: set[str] = field(default_factory=set)
    most_running: int = 0
    steps_paid: int = 0

    async def describe(self) -> ServerCard:
        """Its card, unless it is down."""
        if self.down:
            raise ConnectionError("down")
        card = await self.engine.describe()
        held = max(card.engine.live_jobs, self.stuck and bool(self.started))  # what hangs keeps its jobs, whoever has left
        return card.model_copy(update={"engine": card.engine.model_copy(update={"stopping": self.stopping, "live_jobs": held})})

    async def cancel(self, job_id: str) -> None:
        """Noted and passed on."""
        self.cancelled.append(job_id)
        await self.engine.cancel(job_id)

    async def render(self, job: RenderJob, checkpoint: bytes | None = None) -> AsyncIterator[EngineEvent]:
        """As the null engine renders, with the faults that were asked for."""
        self.started.append(job)
        self.running.add(job.job_id)
        self.most_running = max(self.most_running, len(self.running))
        moved = False
        try:
            if (job.window or job.spec.frames) > self.room_for:
                yield Accepted()
                yield Failed(FailureKind.OUT_OF_MEMORY, "no room", 0.1)
                return
            if checkpoint is not None and self.refuse_checkpoints:
                yield Failed(FailureKind.INVALID_INPUT, "checkpoint: written by another engine")
                return
            async with aclosing(self.engine.render(job, checkpoint)) as events:  # type: ignore[type-var]
                async for event in events:
                    yield self._changed(event)
                    while self.stuck:
                        yield event  # what was said is said again, as the engine does for a job that waits
                        await self.engine.clock.sleep(HEARTBEAT_S)
                    if isinstance(event, Progress):
                        self.steps_paid += 1
                        if checkpoint is not None and not moved:
                            self.resumed_at.append(event.step)
                        moved = True
                        if self.fail and event.step >= self.fail_after_step:
                            yield self.fail.pop(0)
                            return
        finally:
            self.running.discard(job.job_id)

    def _changed(self, event: EngineEvent) -> EngineEvent:
        if self.wrong_shape and isinstance(event, Finished):
            return Finished(np.zeros((1, 16, 16, 3), np.uint8), event.device_seconds)
        return event


class Album:
    """`Pictures` of one colour a reference; `missing` ones are not there."""

    def __init__(self) -> None:
        self.missing: dict[str, FailureKind] = {}
        self.asked: list[str] = []

    async def first_frame(self, ref: ArtifactRef, width: int, height: int) -> "Frames":
        """All pixels as the first digits of the reference's hash say."""
        self.asked.append(ref.sha256)
        if ref.sha256 in self.missing:
            raise NoPictureError(self.missing[ref.sha256], f"{ref.uri} cannot be had")
        return np.full((height, width, 3), int(ref.sha256[:2], 16), np.uint8)


class NoFence:
    """Leases that everybody gets: the negative control of every test that counts payments."""

    async def acquire(self, name: str, ttl_s: float) -> Lease | None:
        """Yes."""
        return await MemoryLeases(VirtualClock()).acquire(name, ttl_s)


class CutOffLeases:
    """Leases of a store that can be made unreachable."""

    def __init__(self, leases: MemoryLeases) -> None:
        self.leases, self.reachable = leases, True

    async def acquire(self, name: str, ttl_s: float) -> Lease | None:
        """As the store behind says; only renewing suffers."""
        lease = await self.leases.acquire(name, ttl_s)
        return lease and _CutOffLease(self, lease)


@dataclass(frozen=True)
class _CutOffLease:
    store: CutOffLeases
    lease: Lease

    @property
    def token(self) -> int:
        return self.lease.token

    async def renew(self) -> bool:
        if not self.store.reachable:
            raise Transient(FailureKind.DEPENDENCY_DOWN, "Redis: connection refused")
        return await self.lease.renew()

    async def release(self) -> None:
        if not self.store.reachable:
            raise Transient(FailureKind.DEPENDENCY_DOWN, "Redis: connection refused")
        await self.lease.release()


@dataclass
class FakeContext:
    """What the chassis gives to a performer."""

    event: Event
    film: RendererState = field(default_factory=RendererState)
    said: list[NewFact] = field(default_factory=list)
    broker: Exception | None = None
    attempt: int = 1

    async def say(self, fact: NewFact) -> None:
        """Heard, if the broker is there."""
        if self.broker:
            raise self.broker
        self.said.append(fact)

    async def state(self) -> RendererState:
        """The film as the test wants it."""
        return self.film


class FrugalStore(MemoryArtifactStore):
    """The store's twin; `broken` makes keeping checkpoints fail."""

    broken = False

    async def remember(self, key: str, value: bytes) -> bytes:
        """First writer wins, unless broken."""
        if self.broken and key.startswith("keys/checkpoints/"):
            raise Transient(FailureKind.DEPENDENCY_DOWN, "object storage is away")
        return await super().remember(key, value)


def a_request(
    shot: str = "s01",
    tier: Tier = Tier.PREVIEW,
    *,
    seed: int = 7,
    version: int = 1,
    attempt: int = 1,
    limit: int = 10_000_000,
    spec: RenderSpec | None = None,
) -> ShotRequested:
    """A request that the null engine can render."""
    card = null_card()
    spec = spec or RenderSpec(
        prompt="a red kite over a harbour", width=32, height=16, frames=5, fps=card.fps, steps=card.steps[tier],
        guidance=card.guidance, seed=seed, model=card.ref,
    )  # fmt: skip
    return ShotRequested(
        version=version,
        shot_id=shot,
        tier=tier,
        attempt=attempt,
        key=build_key("take", spec),
        spec=spec,
        price_limit_micros=limit,
    )


def an_event(fact: Fact, name: str = "", *, film: str = FILM, tenant: str = TENANT, deadline: datetime | None = None) -> Event:
    """The fact in an envelope; `name` makes its id."""
    envelope = Envelope(
        event_id=name or fact.model_dump_json()[:100],
        type=fact.TYPE,
        film_id=film,
        tenant_id=tenant,
        occurred_at=START,
        deadline=deadline,
    )
    return Event(envelope, fact)


def a_cancel(version: int = 1) -> Event:
    """Somebody gave the version up."""
    return an_event(FilmCancelled(version=version, reason="not wanted", requested_by="anna"), f"cancel-v{version}")
