"""One job inside the engine: its request, its way back to the client, and how far it has come."""

import logging
from dataclasses import dataclass, field
from typing import Any, Generic

from storyreel_engine.failures import ClientGoneError
from storyreel_engine.ports import Frames, S, Sender
from storyreel_engine.wire import Event, RenderRequest

log = logging.getLogger(__name__)


@dataclass
class Job(Generic[S]):
    """Owned by the engine's thread from the moment it leaves the inbox.

    `device_seconds` is this engine's own work only: a resumed job starts again at 0, and the renderer adds up what the
    attempts report.
    """

    request: RenderRequest
    sender: Sender
    arrival: int
    checkpoint: bytes | None = None
    state: S | None = None
    device_seconds: float = 0.0
    told_at: float = field(default=0.0)
    over: bool = False

    @property
    def step(self) -> int:
        """Steps done so far, those before a resumed checkpoint included."""
        return self.state.step if self.state else 0

    @property
    def steps(self) -> int:
        """Steps in all; before preparation what the request asked for."""
        return self.state.steps if self.state else self.request.steps

    def tell(self, kind: str, *, frames: Frames | None = None, checkpoint: bytes | None = None, **more: Any) -> None:
        """Send an event that is not the last."""
        self._send(self._event(kind, more), frames=frames, checkpoint=checkpoint, last=False)

    def end(self, kind: str, *, frames: Frames | None = None, **more: Any) -> None:
        """Send the last event, once; what comes later is ignored, because the stream is closed."""
        if not self.over:
            self.over = True  # before sending: if that breaks, the stream is in an unknown state and gets nothing more
            self._send(self._event(kind, more), frames=frames, checkpoint=None, last=True)

    def is_cancelled(self) -> bool:
        """True once the client went away or stopped listening."""
        return self.over or self.sender.is_cancelled()

    def _event(self, kind: str, more: dict[str, Any]) -> Event:
        common = {"job_id": self.request.job_id, "step": self.step, "steps": self.steps}
        return Event(kind, {**common, "device_seconds": round(self.device_seconds, 6), **more})

    def _send(self, event: Event, *, frames: Frames | None, checkpoint: bytes | None, last: bool) -> None:
        try:
            self.sender.send(event, frames=frames, checkpoint=checkpoint, last=last)
        except ClientGoneError as error:
            log.info("job %s: client gone (%s), dropped", self.request.job_id, error)
            self.over = True
