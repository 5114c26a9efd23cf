"""Bad events poured among good ones onto a real broker: each good one handled once, each bad one buried as it was.

`python tests/e2e/bad_events.py [BAD]` (50,000 by default; twice as many good ones beside them) prints what it found as JSON and
ends with 1 if anything was lost, doubled or changed, or if memory grew. Bad are: bytes, wrong schema, missing and undecodable
headers, doubled and forged ones, tombstones, deep nesting, 900 kB, 10 MB that came compressed; types or versions that nobody
knows; repeats.
"""

import asyncio
import json
import random
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple
from uuid import uuid4

from aiokafka import AIOKafkaProducer
from storyreel_client.errors import UnreachableError
from storyreel_client.kafka.offsets import KafkaOffsets
from storyreel_client.kafka.reader import KafkaReader
from storyreel_client.records import StoredRecord, TopicReader
from storyreel_contracts import encode
from storyreel_local import topics
from toy_service import DLQ, OUT, take

PER_FILM, PARTITIONS = 50, 6
_PATIENCE_S = 120.0  # without any progress
_WARM_S, _GROWTH = 300.0, 1.25  # how much more the last fifth may have than the second; 1.06 and 1.11 were seen
_SCRIPT = Path(__file__).with_name("toy_service.py")


class Made(NamedTuple):
    """A record to write, and what must become of it: `handled`, `dead` or `skipped`."""

    fate: str
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes]]


@dataclass
class Found:
    """What became of a pour."""

    written: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    good_lost: int = 0
    good_doubled: int = 0
    dead_missing: int = 0  # bad ones that are not in the dead letters as they were
    dead_unexpected: int = 0  # letters that are no bad one, or one twice
    lag: int = 0
    memory_mb: list[float] = field(default_factory=list)  # resident set, median of each fifth of the time

    @property
    def well(self) -> bool:
        """Nothing lost, doubled or changed; and memory that stays where it was, if there was time to see it."""
        flat = self.seconds < _WARM_S or self.memory_mb[-1] <= _GROWTH * self.memory_mb[1]
        return flat and not any((self.good_lost, self.good_doubled, self.dead_missing, self.dead_unexpected, self.lag))


class Pour:
    """The records of one run, the same for the same seed."""

    def __init__(self, bad: int, seed: int = 0) -> None:
        self.name, self.bad, self.good = uuid4().hex[:8], bad, 2 * bad
        self._chance = random.Random(seed)
        self._films = max(1, self.good // PER_FILM)

    def records(self) -> Iterator[Made]:
        """Good and bad in any order."""
        good, bad = iter(range(self.good)), iter(range(self.bad))
        kinds = [True] * self.good + [False] * self.bad
        self._chance.shuffle(kinds)
        for is_good in kinds:
            yield self._good(next(good)) if is_good else self._bad(next(bad))

    def _good(self, number: int) -> Made:
        headers, value = encode(take(self.name, number, self._films))
        return Made("handled", headers["ce_subject"].encode(), value, [(k, v.encode()) for k, v in headers.items()])

    def _bad(self, number: int) -> Made:
        like = self._good(self._chance.randrange(self.good))
        kind = number % 10
        if kind == 0:
            return like._replace(fate="skipped")  # a repeat, before or after the first
        if kind == 1:
            type_ = self._chance.choice((b"shot.dreamt.v1", b"shot.rendered.v99"))
            return like._replace(fate="skipped", headers=_with(like, "ce_type", type_))
        return self._dead(number, like._replace(fate="dead"))

    def _dead(self, number: int, like: Made) -> Made:
        mark = b"%d " % number
        if number % 5_000 == 2:
            return like._replace(value=mark + b"[" * 10_000_000)
        if number % 500 == 3:
            return like._replace(value=mark + self._chance.randbytes(900_000))
        missing = self._chance.choice(("ce_tenantid", "ce_specversion", "ce_id"))
        forged = [
            ("x-attempt", b"many"),
            ("x-origin-topic", b"gateway-films"),
            ("x-origin-headers", b"1"),
            ("x-not-before", b""),
        ]
        changes: list[dict[str, Any]] = [
            {"value": mark + self._chance.randbytes(200)},
            {"value": b'{"version": %d}' % number},
            {"value": mark + b"[" * 50_000},
            {"headers": [(k, v) for k, v in like.headers if k != missing]},
            {"headers": _with(like, "ce_subject", b"\xff\xfe" + mark)},
            {"headers": [*like.headers, *forged, ("twice", b"1"), ("twice", b"\x00")], "value": mark},
            {"headers": [], "key": None, "value": b""},
            {"value": None},
        ]
        return like._replace(**changes[number // 10 % len(changes)])


def _with(made: Made, name: str, value: bytes) -> list[tuple[str, bytes]]:
    return [(k, value if k == name else v) for k, v in made.headers]


def print_of(key: bytes | None, value: bytes | None, headers: list[tuple[str, bytes]]) -> bytes:
    """Fingerprint of a record, to the byte."""
    return sha256(repr((key, None if value is None else sha256(value).digest(), headers)).encode()).digest()


async def pour(servers: str, redis_url: str, bad: int) -> Found:
    """Write a pour while the toy service works on it; judge what became of it."""
    made, found = Pour(bad), Found()
    topic = f"pour-{made.name}"
    await topics.create(servers, [topics.Topic(topic, PARTITIONS), topics.Topic(OUT, PARTITIONS), topics.Topic(DLQ)])
    async with _toy(servers, redis_url, topic, made.name) as process:
        samples = asyncio.create_task(_watch(process.pid, found))
        began = time.monotonic()
        dead = await _write(servers, topic, made, found)
        found.lag = await _drained(servers, topic, made.name)
        found.seconds = round(time.monotonic() - began, 1)
        samples.cancel()
    await judge(KafkaReader(servers), made, dead, found, topic)
    return found


async def _write(servers: str, topic: str, made: Pour, found: Found) -> Counter[bytes]:
    dead: Counter[bytes] = Counter()
    written: Counter[str] = Counter()
    once = {"bootstrap_servers": servers, "enable_idempotence": True}
    packing = AIOKafkaProducer(**once, compression_type="gzip", max_request_size=2**24)
    async with AIOKafkaProducer(**once) as plain, packing as packed:
        for record in made.records():
            written[record.fate] += 1
            if record.fate == "dead":
                dead[print_of(record.key, record.value, record.headers)] += 1
            producer = packed if len(record.value or b"") > 1_000_000 else plain
            await producer.send(topic, record.value, key=record.key, headers=record.headers)
        await plain.flush()
        await packed.flush()
    found.written = dict(written)
    return dead


async def judge(reader: TopicReader, made: Pour, dead: Counter[bytes], found: Found, topic: str) -> None:
    """Hold what the topics say against what was written."""
    answers: Counter[str] = Counter()
    async for record in reader.scan(OUT):
        if record.text("ce_causeid").startswith(f"{made.name}-"):
            answers[record.text("ce_causeid")] += 1
    found.good_lost = sum(f"{made.name}-{n}" not in answers for n in range(made.good))
    found.good_doubled = sum(answers.values()) - len(answers)
    letters: Counter[bytes] = Counter()
    async for record in reader.scan(DLQ):
        if record.text("x-origin-topic") == topic:
            letters[_as_it_was(record)] += 1
    found.dead_missing, found.dead_unexpected = (dead - letters).total(), (letters - dead).total()


def _as_it_was(record: StoredRecord) -> bytes:
    return print_of(record.key, record.value, record.headers[: int(record.text("x-origin-headers"))])


async def _drained(servers: str, topic: str, group: str) -> int:
    """Records that are not committed, once that is 0 or has not changed for long."""
    offsets, best, since = KafkaOffsets(servers), -1, time.monotonic()
    while True:
        bounds = await offsets.bounds(frozenset({topic}))
        try:
            marks = await offsets.committed(group)
        except UnreachableError:
            marks = {}  # a broker that has never had a group makes its coordinator first
        lag = sum(end - marks.get(place, 0) for place, (_, end) in bounds.items())
        best, since = (lag, time.monotonic()) if lag != best else (best, since)
        if lag == 0 or time.monotonic() - since > _PATIENCE_S:
            return lag
        await asyncio.sleep(0.5)


@asynccontextmanager
async def _toy(*arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(_SCRIPT), *arguments, cwd=_SCRIPT.parent, stdin=asyncio.subprocess.PIPE
    )
    try:
        yield process
        if process.stdin:
            process.stdin.close()
        if await asyncio.wait_for(process.wait(), 60):
            raise RuntimeError(f"the service ended with {process.returncode}")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _watch(pid: int, found: Found) -> None:
    """Resident set every half second; what is kept is the median of each fifth of the time so far."""
    samples: list[float] = []
    while True:
        await asyncio.sleep(0.5)
        samples.append(_resident_mb(pid))
        fifth = max(1, len(samples) // 5)
        found.memory_mb = [round(median(samples[i : i + fifth]), 1) for i in range(0, fifth * 5, fifth) if i < len(samples)]


def _resident_mb(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize() / 2**20


def main(bad: int) -> int:
    """A broker and a Redis of its own."""
    from storyreel_local.parts.base import Options
    from storyreel_local.stack import Stack

    with tempfile.TemporaryDirectory() as folder:
        options = Options(parts=("kafka", "redis"), tied=True)
        with Stack(Path(folder), options=options) as stack:
            places = stack.endpoints["kafka"]["bootstrap_servers"], stack.endpoints["redis"]["url"]
            found = asyncio.run(pour(*places, bad))
    print(json.dumps({**asdict(found), "well": found.well}, indent=1))
    return 0 if found.well else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if sys.argv[1:] else 50_000))
