"""Writing to Kafka: facts to the topics of the catalogue, records byte for byte to retry and dead-letter topics."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Protocol

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, KafkaTimeoutError, MessageSizeTooLargeError
from storyreel_contracts import Event, encode
from storyreel_contracts.topics import topic_for

from storyreel_chassis import metrics
from storyreel_chassis.errors import TooLarge, Unavailable

Headers = Sequence[tuple[str, bytes]]
_LARGEST = 64 * 1024 * 1024  # bytes before compression; the broker judges what is left after it


class Publisher(Protocol):
    """Writes that return once the broker has them on all in-sync replicas."""

    async def publish(self, *events: Event) -> None:
        """Write facts, each to its own topic, in this order for one film. Raises Unavailable."""
        ...

    async def write(self, topic: str, key: bytes | None, value: bytes | None, headers: Headers) -> None:
        """Write bytes as they are. Raises TooLarge, Unavailable."""
        ...


class KafkaPublisher:
    """The real one: idempotent producer, acks=all, murmur2 partitioner, no linger (control events, latency counts).

    `service` is the writer named in every envelope and decides the topic. Bytes as they are take a producer of their own: what
    came compressed may be larger than any fact, so it leaves compressed; and it is not idempotent, because aiokafka goes on
    counting after a refused batch and the broker then refuses the partition for good.
    """

    def __init__(self, bootstrap_servers: str, service: str) -> None:
        self._service = service
        self._servers = bootstrap_servers
        self._producer: AIOKafkaProducer | None = None
        self._raw: AIOKafkaProducer | None = None

    async def __aenter__(self) -> "KafkaPublisher":
        self._producer = AIOKafkaProducer(
            bootstrap_servers=self._servers,
            client_id=f"storyreel-{self._service}",
            acks="all",
            enable_idempotence=True,
            max_request_size=1_048_576,
        )
        await self._producer.start()
        self._raw = AIOKafkaProducer(
            bootstrap_servers=self._servers,
            client_id=f"storyreel-{self._service}-raw",
            acks="all",
            compression_type="gzip",
            max_request_size=_LARGEST,
        )
        await self._raw.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        for producer in (self._raw, self._producer):
            if producer is not None:
                await producer.stop()

    async def publish(self, *events: Event) -> None:
        """Write facts, each to its own topic, in this order for one film."""
        pending = []
        for event in events:
            headers, value = encode(event)
            pairs = [(k, v.encode()) for k, v in headers.items()]
            topic = topic_for(event.data, self._service)
            with broker_errors():
                pending.append(await _started(self._producer).send(topic, value, key=event.film_id.encode(), headers=pairs))
        for written, event in zip(pending, events, strict=True):
            with broker_errors():
                await written
            metrics.PUBLISHED.labels(event.envelope.type).inc()

    async def write(self, topic: str, key: bytes | None, value: bytes | None, headers: Headers) -> None:
        """Write bytes as they are. Raises TooLarge, Unavailable."""
        try:
            with broker_errors():
                await _started(self._raw).send_and_wait(topic, value, key=key, headers=list(headers))
        except MessageSizeTooLargeError as error:
            raise TooLarge(f"{topic} does not take {len(value or b'')} bytes") from error


class MemoryPublisher:
    """Twin that keeps what was written, in order, encoded and decoded as Kafka would."""

    def __init__(self, service: str) -> None:
        self._service = service
        self.records: list[tuple[str, bytes | None, bytes | None, dict[str, bytes]]] = []
        self.events: list[Event] = []

    async def publish(self, *events: Event) -> None:
        """Keep facts under their topics."""
        for event in events:
            headers, value = encode(event)
            await self.write(topic_for(event.data, self._service), event.film_id.encode(), value, _pairs(headers))
            self.events.append(event)

    async def write(self, topic: str, key: bytes | None, value: bytes | None, headers: Headers) -> None:
        """Keep bytes as they are."""
        self.records.append((topic, key, value, dict(headers)))


@contextmanager
def broker_errors() -> Iterator[None]:
    """Raises Unavailable for what passes by itself once the broker is back; everything else stays what it is."""
    try:
        yield
    except KafkaError as error:
        if error.retriable or isinstance(error, KafkaTimeoutError):
            raise Unavailable(f"the broker does not take it: {error!r}") from error
        raise


def _started(producer: AIOKafkaProducer | None) -> AIOKafkaProducer:
    if producer is None:
        raise RuntimeError("enter the publisher before using it")
    return producer


def _pairs(headers: Mapping[str, str]) -> list[tuple[str, bytes]]:
    return [(k, v.encode()) for k, v in headers.items()]
