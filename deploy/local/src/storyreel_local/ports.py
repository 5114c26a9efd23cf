"""Free loopback ports. The state folder remembers which port each part had: a part that restarts keeps its address."""

from __future__ import annotations

import random
import socket

# Below the kernel's ephemeral range (32768 and up): no outgoing connection takes the port between our look and its use.
_RANGE = range(20000, 32000)
_TRIES = 200


def is_free(port: int) -> bool:
    """Whether 127.0.0.1:port can be bound right now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def pick(taken: set[int]) -> int:
    """A free port that is not in `taken`. Raises OSError when the machine has none left in 20000-31999."""
    for _ in range(_TRIES):
        port = random.choice(_RANGE)
        if port not in taken and is_free(port):
            return port
    raise OSError("no free loopback port between 20000 and 31999")


def accepts(port: int, timeout: float = 0.5) -> bool:
    """Whether something listens on 127.0.0.1:port."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=timeout).close()
    except OSError:
        return False
    return True
