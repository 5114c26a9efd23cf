"""Turns Kafka's exceptions into one that says what to do."""

from collections.abc import Iterator
from contextlib import contextmanager

from aiokafka.errors import KafkaError

from storyreel_client.errors import UnreachableError


@contextmanager
def answers(servers: str, meaning: str) -> Iterator[None]:
    """Raise UnreachableError with `meaning` for whatever Kafka's client raises inside."""
    try:
        yield
    except (KafkaError, OSError, TimeoutError) as e:
        raise UnreachableError(
            f"Kafka at {servers} did not answer ({type(e).__name__}).",
            meaning=meaning,
            next_step="See that the stack runs (`make up`) and that KAFKA_BOOTSTRAP_SERVERS or stack.json is right.",
        ) from e
