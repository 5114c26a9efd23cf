"""One job inside the engine: its request, its way back to the client, and how far it has come."""

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic

from storyreel_engine.failures import ClientGoneError
from storyreel_engine.mail import Letter, Mail
from storyreel_engine.policy import Candidate, Phase
from storyreel_engine.ports import Footprint, Frames, Inputs, S, Sender, Unit
from storyreel_engine.wire import Event, RenderRequest

log = logging.getLogger(__name__)


@dataclass(eq=False)
class Job(Generic[S]):
    """Owned by the engine's thread from the moment it leaves the inbox; only `gone` and `fault` are written by the mail.

    `device_seconds` is this engine's own work only: a resumed job starts again at 0, and the renderer adds up what the
    attempts report. Times are seconds of the engine's clock.
    """

    request: RenderRequest
    sender: Sender
    mail: Mail
    arrival: int
    inputs: Inputs
    submitted: float
    deadline: float = math.inf
    footprint: Footprint = field(default_factory=lambda: Footprint(0, 0))
    key: str = ""
    state: S | None = None
    passes: int = 0
    frames_told: int = 0
    draft_told: bool = False
    device_seconds: float = 0.0
    decode_seconds: float = 0.0
    told_at: float = 0.0
    begun: bool = False
    alone: bool = False
    over: bool = False
    gone: bool = False
    fault: Exception | None = None

    @property
    def step(self) -> int:
        """Steps done so far, those before a resumed checkpoint included."""
        return self.state.step if self.state else 0

    @property
    def steps(self) -> int:
        """Steps in all; before preparation what the request asked for."""
        return self.state.steps if self.state else self.request.steps

    @property
    def phase(self) -> Phase:
        """What its next unit is."""
        if self.state is None:
            return Phase.PREPARE
        return Phase.PASS if self.state.unit is Unit.PASS else Phase.DECODE

    @property
    def passes_left(self) -> int:
        """Forward passes until its pictures; before preparation a guess from the request."""
        return self.state.passes_left if self.state else self.request.goal

    def candidate(self) -> Candidate:
        """What the policy may know of it."""
        return Candidate(
            arrival=self.arrival,
            tier=self.request.tier,
            key=self.key,
            phase=self.phase,
            passes=self.passes or self.request.goal,
            passes_left=self.passes_left,
            share=self.request.share,
            deadline=self.deadline,
            submitted=self.submitted,
            working=self.footprint.working,
            alone=self.alone,
        )

    def tell(
        self, kind: str, *, frames: Frames | None = None, checkpoint: Callable[[], bytes] | None = None, **more: Any
    ) -> None:
        """Send an event that is not the last."""
        quiet = kind == "progress"
        self.mail.post(Letter(self.sender, self._event(kind, more), self._lost, frames, checkpoint, quiet=quiet))

    def end(self, kind: str, **more: Any) -> None:
        """Send the last event, once; what comes later is ignored, because the stream is closed."""
        if not self.over:
            self.over = True  # before sending: if that breaks, the stream is in an unknown state and gets nothing more
            self.mail.post(Letter(self.sender, self._event(kind, more), self._lost_the_last, last=True))

    def is_cancelled(self) -> bool:
        """True once the client is known to have gone away. Asking it takes a third of a millisecond, so the mail does that."""
        return self.over or self.gone

    def ask(self) -> None:
        """Have the client asked whether it still listens; the answer comes as `gone`."""
        self.mail.post(Letter(self.sender, None, self._lost, quiet=True))

    def _event(self, kind: str, more: dict[str, Any]) -> Event:
        common = {"job_id": self.request.job_id, "step": self.step, "steps": self.steps}
        return Event(kind, {**common, "device_seconds": round(self.device_seconds, 6), **more})

    def _lost(self, error: Exception) -> None:
        if isinstance(error, ClientGoneError):
            log.info("job %s: client gone (%s), dropped", self.request.job_id, error)
            self.gone = True
        else:
            self.fault = error

    def _lost_the_last(self, error: Exception) -> None:
        if not isinstance(error, ClientGoneError):
            raise error
        log.info("job %s: client gone (%s) at its end", self.request.job_id, error)
