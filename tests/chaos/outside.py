"""Eyes outside the studio: one reader of all topics through every outage, one that reads them afterwards, the bucket."""

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from hashlib import sha256
from typing import Any

import boto3
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from botocore.config import Config
from records import History, Record, Stored
from storyreel_client.errors import UnreachableError
from storyreel_client.kafka.offsets import KafkaOffsets
from storyreel_client.lag import Place
from storyreel_contracts.topics import BY_NAME, CATALOGUE, SERVICES, topics_read_by

PLACES = [TopicPartition(topic.name, number) for topic in CATALOGUE for number in range(topic.partitions)]
_MANIFEST = b'"storyreel.manifest/1"'


class Eyes:
    """Reads every topic as it grows, from the beginning, and tells who listens; after an outage it goes on where it was."""

    def __init__(self, brokers: str) -> None:
        self._brokers = brokers
        self.records: list[Record] = []
        self._next = dict.fromkeys(PLACES, 0)
        self._listeners: list[Callable[[Record], None]] = []
        self._stop = asyncio.Event()

    def tell(self, listener: Callable[[Record], None]) -> None:
        """Call this for every record from now on."""
        self._listeners.append(listener)

    @asynccontextmanager
    async def open(self) -> AsyncIterator["Eyes"]:
        """Read meanwhile."""
        reading = asyncio.create_task(self._read())
        try:
            yield self
        finally:
            reading.cancel()
            with suppress(asyncio.CancelledError):
                await reading

    async def caught_up(self) -> None:
        """Wait until all that is in the topics now was read."""
        ends = await ends_of(self._brokers)
        while any(self._next[place] < end for place, end in ends.items()):
            await asyncio.sleep(0.1)

    async def _read(self) -> None:
        while True:
            try:
                await self._read_until_lost()
            except (KafkaError, OSError):
                await asyncio.sleep(0.5)

    async def _read_until_lost(self) -> None:
        consumer = AIOKafkaConsumer(bootstrap_servers=self._brokers, auto_offset_reset="earliest", request_timeout_ms=10_000)
        await consumer.start()
        try:
            consumer.assign(PLACES)
            for place, offset in self._next.items():
                consumer.seek(place, offset)
            while True:
                for place, found in (await consumer.getmany(timeout_ms=200)).items():
                    self._take(place, found)
        finally:
            await consumer.stop()

    def _take(self, place: TopicPartition, found: Iterable[Any]) -> None:
        for record in map(_record, found):
            self._next[place] = record.offset + 1
            self.records.append(record)
            for listener in self._listeners:
                listener(record)


async def ends_of(brokers: str) -> dict[TopicPartition, int]:
    """Offset after the last record of every partition."""
    async with _consumer(brokers) as consumer:
        found: dict[TopicPartition, int] = await consumer.end_offsets(PLACES)
        return found


async def read_all(brokers: str) -> list[Record]:
    """All records of all topics, read afresh."""
    async with _consumer(brokers) as consumer:
        left = {place: end for place, end in (await consumer.end_offsets(PLACES)).items() if end}
        consumer.assign(list(left))
        await consumer.seek_to_beginning(*left)
        records: list[Record] = []
        while left:
            for place, found in (await consumer.getmany(timeout_ms=500)).items():
                records += [_record(raw) for raw in found]
                if found and found[-1].offset >= left.get(place, 0) - 1:
                    left.pop(place, None)
        return records


async def lag_of(brokers: str) -> dict[str, int]:
    """Records that are not committed, by group and topic."""
    offsets, lag = KafkaOffsets(brokers), defaultdict[str, int](int)
    ends = await ends_of(brokers)
    for service in SERVICES:
        try:
            marks = await offsets.committed(service)
        except UnreachableError:
            marks = {}
        for topic in topics_read_by(service):
            for number in range(BY_NAME[topic].partitions):
                place = TopicPartition(topic, number)
                lag[f"{service} on {topic}"] += max(0, ends[place] - marks.get(Place(topic, number), 0))
    return {name: behind for name, behind in lag.items() if behind}


class Bucket:
    """The object store, read whole. Objects never change, so what was read once is not read again."""

    def __init__(self, place: dict[str, Any]) -> None:
        self._bucket = place["bucket"]
        self._client = boto3.client(
            "s3", endpoint_url=place["endpoint"], region_name=place["region"], aws_access_key_id=place["access_key"],
            aws_secret_access_key=place["secret_key"], config=Config(s3={"addressing_style": "path"}),
        )  # fmt: skip
        self.objects: dict[str, Stored] = {}
        self.manifests: dict[str, dict[str, Any]] = {}

    def look(self) -> None:
        """Read what lies under content hashes and is new. Blocks."""
        for key in self._keys("sha256/"):
            if key not in self.objects:
                data = self._body(key)
                self.objects[key] = Stored(sha256(data).hexdigest(), len(data))
                if _MANIFEST in data[:4096]:
                    self.manifests[self.objects[key].sha256] = json.loads(data)

    def claims(self) -> dict[tuple[str, int], str]:
        """What the outcomes are claimed as. Blocks."""
        found = {}
        for key in self._keys("outcomes/"):
            _, film, version = key.split("/")
            found[film, int(version.removeprefix("v"))] = self._body(key).decode()
        return found

    def _keys(self, prefix: str) -> list[str]:
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
        return [item["Key"] for page in pages for item in page.get("Contents", [])]

    def _body(self, key: str) -> bytes:
        body: bytes = self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read()
        return body


def history_of(films: Iterable[str], records: Iterable[Record], bucket: Bucket) -> History:
    """What the store and the records say of these films. Blocks."""
    bucket.look()
    return History(
        films=frozenset(films),
        records=tuple(records),
        objects=bucket.objects,
        claims=bucket.claims(),
        manifests=bucket.manifests,
    )


@asynccontextmanager
async def _consumer(brokers: str) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(bootstrap_servers=brokers)
    await consumer.start()
    try:
        consumer.assign(PLACES)
        yield consumer
    finally:
        await consumer.stop()


def _record(raw: Any) -> Record:
    headers = {name: value.decode(errors="replace") for name, value in raw.headers}
    key = (raw.key or b"").decode(errors="replace")
    return Record(raw.topic, raw.partition, raw.offset, raw.timestamp, key, headers, raw.value or b"")
