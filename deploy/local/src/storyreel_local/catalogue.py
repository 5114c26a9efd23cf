"""Which parts a stack consists of, in dependency order."""

from __future__ import annotations

from collections.abc import Callable

from storyreel_local.errors import TroubleError
from storyreel_local.parts.base import Options, Part
from storyreel_local.parts.kafka import Kafka
from storyreel_local.parts.redis import Redis
from storyreel_local.parts.s3 import S3
from storyreel_local.parts.service import NAMES, Service
from storyreel_local.parts.triton import Triton


def _services(name: str) -> Callable[[Options], list[Part]]:
    return lambda options: [Service(name, number) for number in range(1, options.replicas + 1)]


_MAKERS: dict[str, Callable[[Options], list[Part]]] = {
    "kafka": lambda options: [Kafka(number) for number in range(1, options.kafka_nodes + 1)],
    "redis": lambda _: [Redis()],
    "s3": lambda _: [S3()],
    "triton": lambda _: [Triton()],
    **{name: _services(name) for name in NAMES},
}
ALL = tuple(_MAKERS)
STORES = ("kafka", "kafka-2", "kafka-3", "redis", "s3")  # what all others write to, hence stopped last


def parts_for(options: Options) -> list[Part]:
    """The parts that the options name (none named: all). Raises TroubleError on an unknown name."""
    unknown = set(options.parts) - set(ALL)
    if unknown:
        raise TroubleError(f"There is no part called {', '.join(sorted(unknown))}.", f"Choose from: {', '.join(ALL)}.")
    chosen = [name for name in ALL if options.includes(name)]
    return [part for name in chosen for part in _MAKERS[name](options)]
