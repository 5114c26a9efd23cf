"""Crash points: a process that kills itself before or after its n-th write to broker, Redis or store.

Installed by `serve_one.py` in a service when CHAOS_DIE_AT says so. Point 1 lies before the first write, point 2 after it (the
effect is there, the answer is lost), point 3 before the second write, and so on.
"""

import os
import signal
from collections.abc import Awaitable, Callable
from itertools import count
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer
from storyreel_chassis.leases import RedisLeases
from storyreel_chassis.publisher import KafkaPublisher
from storyreel_chassis.redis_folds import RedisFoldStore
from storyreel_chassis.s3 import S3ArtifactStore

Write = Callable[..., Awaitable[Any]]
Writes = tuple[tuple[type, str], ...]
WRITES: Writes = (
    (KafkaPublisher, "publish"), (KafkaPublisher, "write"), (AIOKafkaConsumer, "commit"), (RedisFoldStore, "save"),
    (RedisFoldStore, "forget"), (RedisLeases, "acquire"), (S3ArtifactStore, "put"), (S3ArtifactStore, "put_file"),
    (S3ArtifactStore, "remember"),
)  # fmt: skip


def install(die_at: int, book: Path, service: str, writes: Writes = WRITES) -> None:
    """Doom this process: it dies at that point, and the book says where that was."""
    points = count(1)

    def pass_point(where: str) -> None:
        if next(points) == die_at:
            with book.open("a") as lines:
                lines.write(f"{service} {where}\n")
            os.kill(os.getpid(), signal.SIGKILL)

    for owner, name in writes:
        setattr(owner, name, _doomed(getattr(owner, name), f"{owner.__name__}.{name}", pass_point))


def _doomed(write: Write, name: str, pass_point: Callable[[str], None]) -> Write:
    async def doomed(*args: Any, **kwargs: Any) -> Any:
        pass_point(f"before {name}")
        answer = await write(*args, **kwargs)
        pass_point(f"after {name}")
        return answer

    return doomed
