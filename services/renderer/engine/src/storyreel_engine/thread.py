"""The one thread that owns the device: runs the engine's loop until it is stopped."""

import logging
import os
import threading
from collections.abc import Callable

from storyreel_engine.engine import Engine
from storyreel_engine.ports import S

log = logging.getLogger(__name__)

_IDLE_SECONDS = 0.5


def end_process() -> None:
    """A server that lives but never works again would look healthy: end, and guard.py takes the server along."""
    os._exit(1)


class EngineThread:
    """Started when Triton loads the model, stopped when it unloads it. `stop` waits for the unit in progress.

    `give_up` is called when even telling the clients failed.
    """

    def __init__(self, engine: Engine[S], *, give_up: Callable[[], None] = end_process) -> None:
        self._engine = engine
        self._give_up = give_up
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="storyreel-engine", daemon=True)

    def start(self) -> None:
        """Begin to work on submitted jobs."""
        self._thread.start()

    def stop(self, timeout: float = 30.0) -> None:
        """Let the current unit end, hand out checkpoints, end every open job; return when all of it is sent. May come twice.

        Raises:
            TimeoutError: the unit in progress, or sending, did not end within `timeout` seconds.
        """
        self._stopping.set()
        self._thread.join(timeout)
        if self._thread.is_alive():
            raise TimeoutError(f"the engine's unit did not end within {timeout} s")
        self._engine.close(timeout)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                if not self._engine.run_once():
                    self._engine.wait_for_work(_IDLE_SECONDS)
            except Exception as error:
                log.exception("the engine's loop broke")
                self._tell(f"the engine's loop broke: {type(error).__name__}: {error}")

    def _tell(self, reason: str) -> None:
        try:
            self._engine.fail_all(reason)
        except Exception:
            log.exception("the clients could not be told, giving up")
            self._stopping.set()
            self._give_up()
