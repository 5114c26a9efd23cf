"""Real Tritons with the virtual model, which can be harmed and mended while they run, and a clock that runs fast."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from prometheus_client import REGISTRY
from renderer_fakes import a_request
from renderer_studio import SILENCE_S, Replica, Studio
from storyreel_contracts import Fact, Lora, RenderSpec, ShotRendered, Tier
from storyreel_engine.virtual_device import Unit, read_ledger
from storyreel_engine.virtual_faults import Faults, ask_for
from storyreel_engine.virtual_folder import VirtualSpec, make_virtual
from storyreel_local.parts.base import Options
from storyreel_local.stack import Stack
from storyreel_renderer.adapters.triton import TritonEngine
from storyreel_renderer.adapters.triton_stream import Timeouts
from storyreel_renderer.domain.ports import RenderEngine, ServerCard
from storyreel_renderer.domain.tries import TryPolicy
from storyreel_renderer.workflows.order import Rules

SPEED = 20.0
FRAME_BYTES, OVERLAP, LONGEST = 16 << 10, 9, 81
MODEL = VirtualSpec(
    0.02, {1: 1.0, 4: 1.2}, latent_bytes=4096, working_bytes=1024, frame_bytes=FRAME_BYTES, ledger="ledger.jsonl"
)
RULES = Rules(lease_s=600.0, checkpoint_every=0, policy=TryPolicy())
PATIENT = Timeouts(answer=30, silence=60)


class QuickClock:
    """The machine's clock, `SPEED` times as fast: the room's own seconds, with real servers in a test's time."""

    def now(self) -> datetime:
        """Wall clock."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds, quick ones."""
        return time.monotonic() * SPEED

    async def sleep(self, seconds: float) -> None:
        """So many quick seconds."""
        await asyncio.sleep(seconds / SPEED)


class HaltingClock(QuickClock):
    """That of a process that the machine does not let run: nothing is due, whatever time it is for others."""

    def __init__(self) -> None:
        self.going = asyncio.Event()
        self.going.set()

    async def sleep(self, seconds: float) -> None:
        """So many quick seconds, and on until it goes again."""
        await super().sleep(seconds)
        await self.going.wait()


@dataclass(frozen=True)
class Triton:
    """One server of our own, and the folder of its model."""

    stack: Stack
    folder: Path

    @property
    def url(self) -> str:
        """Its gRPC endpoint."""
        return str(self.stack.endpoints["triton"]["grpc"])

    def suffer(self, faults: Faults) -> None:
        """From its next pass on."""
        ask_for(self.folder, faults)

    def mend(self) -> None:
        """Nothing is wrong any more."""
        ask_for(self.folder, Faults())

    def units(self, kind: str, *, since: float = 0.0) -> list[Unit]:
        """What its device did since then (monotonic seconds)."""
        return [unit for unit in read_ledger(self.folder / MODEL.ledger, since=since) if unit.kind == kind]

    def log(self) -> str:
        """All that it ever said."""
        return self.stack.state.log("triton").read_text(errors="replace")


@contextmanager
def tritons(folder: Path, *environments: dict[str, str]) -> Iterator[list[Triton]]:
    """A server for each environment, all with the same model. Raises TroubleError when one cannot be started."""
    made = [_triton(folder / f"server-{n}", environment) for n, environment in enumerate(environments)]
    try:
        for triton in made:
            triton.stack.up()
        yield made
    finally:
        for triton in made:
            if triton.stack.running():
                triton.stack.kill("triton")  # its polite end takes seconds, and is tested elsewhere
            triton.stack.down()


def _triton(folder: Path, environment: dict[str, str]) -> Triton:
    make_virtual(folder / "model", MODEL, max_batch=4, window_overlap=OVERLAP, loras=("ink",))
    stack = Stack(folder / "state", options=Options(parts=("triton",), topics=False, tied=True))
    stack.context.env.update(environment, STORYREEL_MODEL_DIR=str(folder / "model"))
    return Triton(stack, folder / "model")


@dataclass(frozen=True)
class Room:
    """One replica of the room on real servers. `began` is when it was opened, in monotonic seconds."""

    studio: Studio
    replica: Replica
    card: ServerCard
    began: float = field(default_factory=time.monotonic)

    async def ask(
        self, seed: int, *, frames: int = 9, steps: int = 4, tier: Tier = Tier.PREVIEW, lora: Lora | None = None
    ) -> Fact:
        """The answer to one request; equal arguments are the same event."""
        width, height = self.card.sizes[tier]["1:1"]
        spec = RenderSpec(
            prompt="a red kite over a harbour", width=width, height=height, frames=frames, fps=self.card.fps, steps=steps,
            guidance=self.card.guidance, seed=seed, model=self.card.ref, lora=lora,
        )  # fmt: skip
        return await self.replica.ask(a_request(tier=tier, spec=spec, limit=10**9), f"{seed}/{frames}/{steps}/{lora}")

    async def previews(self, count: int, *, first: int = 0) -> list[Fact]:
        """The answers to so many previews asked for at once."""
        return await asyncio.gather(*(self.ask(first + n) for n in range(count)))


@asynccontextmanager
async def room(
    tritons: Sequence[Triton],
    studio: Studio,
    *,
    rules: Rules = RULES,
    timeouts: Timeouts = PATIENT,
    silence_s: float = SILENCE_S,
    dress: Callable[[TritonEngine], RenderEngine] = lambda engine: engine,
) -> AsyncIterator[Room]:
    """A replica of two places a server; `dress` puts something between it and its servers."""
    engines = [TritonEngine(triton.url, timeouts=timeouts) for triton in tritons]
    try:
        async with studio.replica(*map(dress, engines), rules=rules, silence_s=silence_s) as replica:  # type: ignore[arg-type]
            await until(lambda: all(server.card for server in replica.servers))
            card = replica.servers[0].card
            assert card
            yield Room(studio, replica, card)
    finally:
        for engine in engines:
            await engine.close()


def a_studio() -> Studio:
    """What replicas share, on the quick clock."""
    return Studio(clock=QuickClock())  # type: ignore[arg-type]


async def until(condition: Callable[[], object], seconds: float = 30.0) -> None:
    """Wait for something to become true. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.02)


def metric(name: str, **labels: str) -> float:
    """A metric's sample of this process."""
    return REGISTRY.get_sample_value(f"storyreel_renderer_{name}", labels) or 0.0


def rendered(fact: Fact) -> ShotRendered:
    """The take, which there must be."""
    assert isinstance(fact, ShotRendered), fact
    return fact


def plain(fact: Fact) -> Fact:
    """A take without what it cost, to compare pictures by."""
    return rendered(fact).model_copy(update={"device_seconds": 0.0, "cost_micros": 0})


def takes(facts: Sequence[Fact]) -> list[ShotRendered]:
    """Those that are takes."""
    return [fact for fact in facts if isinstance(fact, ShotRendered)]
