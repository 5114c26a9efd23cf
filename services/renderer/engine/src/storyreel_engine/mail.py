"""The way out: events are packed and sent on one mail thread, in order, so that the device never waits for either.

The engine posts; a checkpoint's bytes are made here. What is large (frames, checkpoints) is bounded: when too much of it
waits, `post` waits, and memory stays flat.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from storyreel_engine.failures import ClientGoneError
from storyreel_engine.ports import Frames, Sender
from storyreel_engine.wire import Event

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Letter:
    """One event on its way, or none: then the client is only asked whether it still listens, as after every quiet one.

    `pack` makes the checkpoint's bytes; `lost` is told why it did not arrive, and may raise.

    A `quiet` one may wait for the next `nudge`: while the device's thread chooses what comes next, nobody should compete with
    it for the interpreter.
    """

    sender: Sender
    event: Event | None
    lost: Callable[[Exception], None]
    frames: Frames | None = None
    pack: Callable[[], bytes] | None = None
    last: bool = False
    quiet: bool = False

    @property
    def is_large(self) -> bool:
        """True when it holds a tensor."""
        return self.frames is not None or self.pack is not None

    def deliver(self) -> None:
        """Pack and send.

        Raises:
            Exception: what `lost` raises; for a job's last letter whatever broke, unless its client is gone.
        """
        try:
            checkpoint = self.pack() if self.pack else None
            if self.event is not None:
                self.sender.send(self.event, frames=self.frames, checkpoint=checkpoint, last=self.last)
            if not (self.quiet and self.sender.is_cancelled()):
                return
            error: Exception = ClientGoneError("it stopped listening")
        except Exception as broken:  # noqa: BLE001 - whoever posted it decides what it means
            error = broken
        self.lost(error)


class Mail(Protocol):
    """Where the engine puts its letters."""

    def post(self, letter: Letter) -> None:
        """Take a letter over; those of one job arrive in the order in which they were posted."""

    def nudge(self) -> None:
        """The device is at work again: now is the time to send."""

    def close(self, timeout: float) -> None:
        """Deliver everything; a letter that is posted later is delivered by its poster. Raises TimeoutError."""

    @property
    def waiting(self) -> int:
        """Letters not delivered yet."""


class DirectMail:
    """Delivers at once, on the caller's thread: for tests and simulations."""

    waiting = 0

    def post(self, letter: Letter) -> None:
        """Deliver it."""
        letter.deliver()

    def nudge(self) -> None:
        """Nothing is kept."""

    def close(self, timeout: float) -> None:
        """Nothing is kept."""


class MailThread:
    """Implements `Mail` with one thread and at most `depth` large letters waiting.

    `give_up` is called when a client's last letter cannot even be tried: it would wait for ever on a server that looks
    healthy. `errand` is done before every last letter and when nothing was sent for `idle` seconds: the metrics go out there.
    """

    def __init__(
        self,
        *,
        depth: int = 16,
        idle: float = 0.5,
        give_up: Callable[[], None],
        errand: Callable[[], None] = lambda: None,
    ) -> None:
        self._depth = depth
        self._idle = idle
        self._give_up = give_up
        self._errand = errand
        self._letters: deque[Letter] = deque()
        self._large = 0
        self._busy = False
        self._closed = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="storyreel-mail", daemon=True)
        self._thread.start()

    def post(self, letter: Letter) -> None:
        """Queue it; waits while `depth` large ones wait already."""
        with self._changed:
            if letter.is_large:
                self._changed.wait_for(lambda: self._large < self._depth or self._closed)
            if not self._closed:
                self._letters.append(letter)
                self._large += letter.is_large
                if not letter.quiet:
                    self._changed.notify_all()
                return
        letter.deliver()

    def nudge(self) -> None:
        """Wake the thread for quiet letters."""
        with self._changed:
            if self._letters:
                self._changed.notify_all()

    def close(self, timeout: float) -> None:
        """Deliver what waits, then end the thread."""
        with self._changed:
            if not self._changed.wait_for(lambda: not self._letters and not self._busy, timeout):
                raise TimeoutError(f"{len(self._letters)} letters were not delivered within {timeout} s")
            self._closed = True
            self._changed.notify_all()
        self._thread.join(timeout)

    @property
    def waiting(self) -> int:
        """Letters not delivered yet, the one on its way included."""
        with self._changed:
            return len(self._letters) + self._busy

    def _run(self) -> None:
        while (letter := self._next()) is not None:
            try:
                if letter.last:
                    self._do_errand()
                letter.deliver()
            except Exception:
                log.exception("a client's last letter could not be sent, giving up")
                self._give_up()
            with self._changed:
                self._busy = False
                self._large -= letter.is_large
                self._changed.notify_all()
            del letter  # it holds a way back, and Triton unloads no model while one is held

    def _next(self) -> Letter | None:
        while True:
            with self._changed:
                if self._changed.wait_for(lambda: bool(self._letters) or self._closed, self._idle):
                    if not self._letters:
                        return None
                    self._busy = True
                    return self._letters.popleft()
            self._do_errand()

    def _do_errand(self) -> None:
        try:
            self._errand()
        except Exception:
            log.exception("an errand failed; the mail goes on")
