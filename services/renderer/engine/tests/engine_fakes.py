"""Twins of what the engine gets from outside: a pipeline that costs simulated time, a client that writes down what it hears."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from storyreel_engine.card import ModelCard
from storyreel_engine.failures import ClientGoneError, InvalidInputError
from storyreel_engine.ports import Frames
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
)


class Clock:
    """Time that moves only when somebody works."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@dataclass
class FakeState:
    """`trace` is what the noise would be: it depends on every step done, so a resumed job can be compared."""

    request: RenderRequest
    steps: int
    step: int = 0
    trace: list[int] = field(default_factory=list)


class FakePipeline:
    """Implements `ports.Pipeline`. Each unit takes its cost on the clock; `during[unit]` is called in the middle of it."""

    PREPARE, STEP, DECODE, SAVE = 0.5, 1.0, 2.0, 0.25

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.units: list[tuple[str, str]] = []
        self.during: dict[tuple[str, str], Callable[[], object]] = {}

    @property
    def card(self) -> ModelCard:
        return CARD

    def check(self, request: RenderRequest) -> None:
        CARD.check(request)

    def prepare(self, request: RenderRequest) -> FakeState:
        self._work("prepare", request, self.PREPARE)
        return FakeState(request, request.steps)

    def step(self, state: FakeState) -> None:
        self._work("step", state.request, self.STEP)
        state.step += 1
        state.trace.append(hash((state.request.seed, state.step, *state.trace[-1:])) % 251)

    def decode(self, state: FakeState) -> Frames:
        self._work("decode", state.request, self.DECODE)
        request = state.request
        frames = np.zeros((request.frames, request.height, request.width, 3), dtype=np.uint8)
        frames[..., 0] = state.trace[-1]
        return frames

    def save(self, state: FakeState) -> bytes:
        self._work("save", state.request, self.SAVE)
        return json.dumps({"step": state.step, "trace": state.trace}).encode()

    def restore(self, request: RenderRequest, checkpoint: bytes) -> FakeState:
        self._work("restore", request, self.PREPARE)
        try:
            saved = json.loads(checkpoint)
        except ValueError as error:
            raise InvalidInputError("checkpoint: damaged") from error
        return FakeState(request, request.steps, saved["step"], saved["trace"])

    def _work(self, unit: str, request: RenderRequest, cost: float) -> None:
        self.units.append((unit, request.job_id))
        self.clock.now += cost
        self.during.get((unit, request.job_id), lambda: None)()


@dataclass
class FakeSender:
    """A client: `heard` is what came, in order; `ended` is set with the last. With `gone` set, sending fails as on a closed
    connection."""

    heard: list[dict[str, Any]] = field(default_factory=list)
    checkpoints: list[bytes] = field(default_factory=list)
    frames: Frames | None = None
    closed: bool = False
    cancelled: bool = False
    gone: bool = False
    ended: threading.Event = field(default_factory=threading.Event)

    def send(self, event: Event, *, frames: Frames | None = None, checkpoint: bytes | None = None, last: bool = False) -> None:
        if self.gone:
            raise ClientGoneError("connection closed")
        assert not self.closed, "an event after the last one"
        self.heard.append(json.loads(event.encode()))
        self.frames = self.frames if frames is None else frames
        if checkpoint is not None:
            self.checkpoints.append(checkpoint)
        self.closed = last
        if last:
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
