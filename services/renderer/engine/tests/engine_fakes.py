"""Twins of what the engine gets from outside: a pipeline that costs simulated time, a client that writes down what it hears."""

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from storyreel_engine.card import ModelCard
from storyreel_engine.engine import Engine, EngineLimits
from storyreel_engine.failures import ClientGoneError, InvalidInputError, OutOfMemoryError
from storyreel_engine.ports import Footprint, Frames, Inputs, Unit, look
from storyreel_engine.wire import Event, RenderRequest, Tier

CARD = ModelCard(
    name="fake",
    version="v1",
    pipeline="FakePipeline",
    stages=["preview", "final"],
    sizes={"preview": {"16:9": [32, 16]}, "final": {"16:9": [64, 32]}},
    steps={"preview": 2, "final": 4},
    device_seconds={"preview": 1.0, "final": 2.0},
    fps=16,
    max_frames=9,
    size_multiple=16,
    max_pixels=64 * 64,
    draft_steps=2,
    first_frame="optional",
    window_overlap=4,
    max_batch=8,
)

LINEAR = {batch: float(batch) for batch in range(1, 17)}
FLAT = dict.fromkeys(range(1, 17), 1.0)
KNEE = {1: 1.00, 2: 1.10, 3: 1.12, 4: 1.44, 8: 2.55, 16: 4.99}


class Clock:
    """Time that moves only when somebody works; also the wall clock, so that deadlines are written in it."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@dataclass(frozen=True)
class Costs:
    """Seconds of the fake's units; `table[batch]` are those of a pass, on the line between the sizes that it names."""

    table: Mapping[int, float] = field(default_factory=lambda: LINEAR)
    prepare: float = 0.5
    decode: float = 2.0
    chunks: int = 1
    save: float = 0.25

    def seconds(self, batch: int) -> float:
        """A pass of so many jobs."""
        return float(np.interp(batch, sorted(self.table), [self.table[size] for size in sorted(self.table)]))


@dataclass(eq=False)
class FakeState:
    """`trace` is what the noise would be: it depends on every step done, so a resumed job can be compared."""

    request: RenderRequest
    window_count: int
    chunks: int
    step: int = 0
    window: int = 0
    trace: list[int] = field(default_factory=list)

    @property
    def steps(self) -> int:
        return self.request.steps

    @property
    def seams(self) -> tuple[int, ...]:
        return tuple(range(1, self.window_count))

    @property
    def passes_left(self) -> int:
        return max(0, (self.request.goal - self.step) * self.window_count - self.window)

    @property
    def unit(self) -> Unit:
        if self.passes_left:
            return Unit.PASS
        return Unit.DECODE if self.chunks else Unit.NONE


class FakePipeline:
    """Implements `ports.Pipeline`. Each unit takes its cost on the clock; `during[unit, job]` is called in the middle of it.

    `arrivals` (time, what happens then) come in the middle of units, as from another thread, in order of their times.
    `room` is how many jobs fit into one pass, `apart` what parts jobs of one size; `units` says what was done: (unit, the jobs'
    ids joined by "+").
    """

    def __init__(
        self,
        clock: Clock,
        costs: Costs | None = None,
        *,
        room: int = 1000,
        card: ModelCard = CARD,
        apart: Callable[[RenderRequest], str] = look,
    ) -> None:
        self.clock = clock
        self.apart = apart
        self.costs = costs or Costs()
        self.room = room
        self.card = card
        self.busy = 0.0
        self.units: list[tuple[str, str]] = []
        self.spans: list[tuple[float, float, str, tuple[str, ...]]] = []
        self.during: dict[tuple[str, str], Callable[[], object]] = {}
        self.arrivals: list[tuple[float, Callable[[], object]]] = []
        self.bytes = Footprint(10, 100)

    def check(self, request: RenderRequest) -> None:
        self.card.check(request)

    def key(self, request: RenderRequest, state: FakeState | None = None) -> str:
        return f"{request.width}x{request.height}{self.apart(request)}"

    def footprint(self, request: RenderRequest) -> Footprint:
        return self.bytes

    def prepare(self, request: RenderRequest, inputs: Inputs) -> FakeState:
        state = FakeState(request, _windows(self.card, request), self.costs.chunks)
        resumed = inputs.checkpoint is not None
        self._work("restore" if resumed else "prepare", [request], self.costs.prepare)
        if inputs.checkpoint is not None:
            try:
                saved = json.loads(inputs.checkpoint)
            except ValueError as error:
                raise InvalidInputError("checkpoint: damaged") from error
            state.step, state.trace = saved["step"], saved["trace"]
        return state

    def advance(self, states: Sequence[FakeState]) -> None:
        if len(states) > self.room:
            self.clock.now += 0.1
            self.busy += 0.1
            raise OutOfMemoryError(f"{len(states)} do not fit, {self.room} do")
        self._work("pass", [state.request for state in states], self.costs.seconds(len(states)))
        for state in states:
            state.window += 1
            if state.window == state.window_count:
                state.window = 0
                state.step += 1
                state.trace.append(hash((state.request.seed, state.step, *state.trace[-1:])) % 251)

    def decode(self, state: FakeState) -> Frames:
        request, chunks = state.request, self.costs.chunks
        self._work("decode", [request], self.costs.decode / chunks)
        done = chunks - state.chunks
        state.chunks -= 1
        count = request.frames * (done + 1) // chunks - request.frames * done // chunks
        frames = np.zeros((count, request.height, request.width, 3), dtype=np.uint8)
        frames[..., 0] = state.trace[-1]
        return frames

    def save(self, state: FakeState) -> Callable[[], bytes]:
        self._work("save", [state.request], self.costs.save)
        saved = {"step": state.step, "trace": list(state.trace)}
        return lambda: json.dumps(saved).encode()

    def _work(self, unit: str, requests: Sequence[RenderRequest], cost: float) -> None:
        names = tuple(request.job_id for request in requests)
        self.units.append((unit, "+".join(names)))
        end = self.clock.now + cost
        self.spans.append((self.clock.now, end, unit, names))
        while self.arrivals and self.arrivals[0][0] <= end:
            self.clock.now, arrive = self.arrivals.pop(0)
            arrive()
        self.clock.now = end
        self.busy += cost
        for name in names:
            self.during.get((unit, name), lambda: None)()


def _windows(card: ModelCard, request: RenderRequest) -> int:
    window = card.window(request)
    return 1 if window == request.frames else -(-(request.frames - card.window_overlap) // (window - card.window_overlap))


@dataclass(eq=False)
class FakeSender:
    """A client: `heard` is what came, in order; `ended` is set with the last. With `gone` set, sending fails as on a closed
    connection. With a clock, `ended_at` is when the last came."""

    heard: list[dict[str, Any]] = field(default_factory=list)
    checkpoints: list[bytes] = field(default_factory=list)
    chunks: list[Frames] = field(default_factory=list)
    closed: bool = False
    cancelled: bool = False
    gone: bool = False
    clock: Clock | None = None
    ended_at: float = 0.0
    ended: threading.Event = field(default_factory=threading.Event)

    def send(self, event: Event, *, frames: Frames | None = None, checkpoint: bytes | None = None, last: bool = False) -> None:
        if self.gone:
            raise ClientGoneError("connection closed")
        assert not self.closed, "an event after the last one"
        self.heard.append(json.loads(event.encode()))
        if frames is not None:
            self.chunks.append(frames)
        if checkpoint is not None:
            self.checkpoints.append(checkpoint)
        self.closed = last
        if last:
            self.ended_at = self.clock() if self.clock else 0.0
            self.ended.set()

    def is_cancelled(self) -> bool:
        return self.cancelled

    @property
    def kinds(self) -> list[str]:
        """The kinds of all events in order."""
        return [event["kind"] for event in self.heard]

    @property
    def last(self) -> dict[str, Any]:
        """The last event."""
        return self.heard[-1]

    @property
    def frames(self) -> Frames:
        """All frames that came."""
        return np.concatenate(self.chunks)


def request(job_id: str = "job", **fields: Any) -> RenderRequest:
    """A small request that the fake model can render."""
    defaults: dict[str, Any] = {
        "prompt": "a red shoe",
        "width": 32,
        "height": 16,
        "frames": 5,
        "steps": 3,
        "seed": 7,
        "tier": Tier.FINAL,
    }
    return RenderRequest(job_id=job_id, **{**defaults, **fields})


class Bench:
    """An engine with its fakes around it."""

    def __init__(
        self,
        costs: Costs | None = None,
        limits: EngineLimits | None = None,
        engine: type[Engine[FakeState]] = Engine,
        **pipeline: Any,
    ) -> None:
        self.clock = Clock()
        if "max_batch" in pipeline:
            pipeline["card"] = replace(CARD, max_batch=pipeline.pop("max_batch"))
        self.pipeline = FakePipeline(self.clock, costs, **pipeline)
        self.clients: dict[str, FakeSender] = {}
        self.engine: Engine[FakeState] = engine(
            self.pipeline,
            limits=limits or EngineLimits(max_jobs=1000, heartbeat_seconds=1e9),
            clock=self.clock,
            wall=self.clock,
        )

    def submit(self, job_id: str = "job", checkpoint: bytes | None = None, **fields: object) -> FakeSender:
        """Hand a job over; its client comes back."""
        sender = FakeSender(clock=self.clock)
        self.clients[job_id] = sender
        self.engine.submit(request(job_id, **fields), sender, Inputs(checkpoint=checkpoint))
        return sender

    def run(self, units: int = 100_000) -> None:
        """Work until there is nothing to do, at most so many units."""
        for _ in range(units):
            if not self.engine.run_once():
                return

    def passes(self, since: float = 0.0) -> list[tuple[str, ...]]:
        """The jobs of each forward pass that began after `since`, in order."""
        return [names for start, _, unit, names in self.pipeline.spans if unit == "pass" and start >= since]
