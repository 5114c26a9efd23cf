"""The field on which members and broker are tried: a load that is written, members that come and go, and what was answered."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from judge import Answer, Verdict, judge, miscounted
from member import OUT, Count, Setting
from storyreel_chassis.redis_folds import RedisFoldStore, connect
from storyreel_contracts import encode
from toy_service import take

MakeField = Callable[..., Awaitable["Field"]]
MEMBER = Path(__file__).parent / "member.py"


@dataclass
class Member:
    """A member's process and its journal."""

    setting: Setting
    process: subprocess.Popen[bytes]

    @classmethod
    def start(cls, setting: Setting) -> "Member":
        """Start it; returns at once."""
        log = Path(setting.journal).with_suffix(".log").open("ab")
        argv = [sys.executable, str(MEMBER), setting.line()]
        with log:
            return cls(setting, subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=log, stderr=log))

    def journal(self, what: str = "") -> list[dict[str, Any]]:
        """Its lines, or those of one kind."""
        path = Path(self.setting.journal)
        lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        return [line for line in lines if what in ("", line["what"])]

    def kill(self) -> None:
        """SIGKILL."""
        self.process.kill()
        self.process.wait(10)
        _close(self.process)

    def freeze(self, *, frozen: bool) -> None:
        """SIGSTOP, or SIGCONT."""
        os.kill(self.process.pid, signal.SIGSTOP if frozen else signal.SIGCONT)

    async def leave(self) -> None:
        """Let it drain and end; SIGKILL if it does not."""
        if self.process.poll() is not None:
            return
        _close(self.process)
        try:
            await asyncio.to_thread(self.process.wait, 40)
        except subprocess.TimeoutExpired:
            self.kill()
            raise


def _close(process: subprocess.Popen[bytes]) -> None:
    with suppress(BrokenPipeError):
        if process.stdin:
            process.stdin.close()


@dataclass
class Field:
    """One topic, one group, a load and its members."""

    servers: str
    redis: str
    topic: str
    folder: Path
    films: int = 24
    more_topics: tuple[str, ...] = ()
    name: str = field(default_factory=lambda: f"load-{uuid4().hex[:8]}")
    members: list[Member] = field(default_factory=list)
    acknowledged: list[str] = field(default_factory=list)
    written_at: dict[str, float] = field(default_factory=dict)
    refused: int = 0

    def join(self, **more: Any) -> Member:
        """One member more."""
        journal = self.folder / f"{self.name}-{len(self.members)}.jsonl"
        base = Setting(self.servers, self.redis, (self.topic, *self.more_topics), self.name, str(journal))
        self.members.append(Member.start(replace(base, **more)))
        return self.members[-1]

    async def write(self, count: int, per_second: float, acks: str | int = "all") -> None:
        """Write so many takes at that rate; keeps the ids of those that the broker acknowledged."""
        start = len(self.written_at)
        producer = AIOKafkaProducer(bootstrap_servers=self.servers, acks=acks, enable_idempotence=acks == "all")
        async with producer:
            began, waiting = time.monotonic(), []
            for n in range(start, start + count):
                await asyncio.sleep(max(0.0, began + (n - start) / per_second - time.monotonic()))
                waiting.append(asyncio.create_task(self._write_one(producer, n)))
            await asyncio.gather(*waiting)

    async def _write_one(self, producer: AIOKafkaProducer, number: int) -> None:
        event = take(self.name, number, self.films)
        headers, value = encode(event)
        self.written_at[event.event_id] = time.time()
        pairs = [(k, v.encode()) for k, v in headers.items()]
        try:
            sent = await producer.send(self.topic, value, key=event.film_id.encode(), headers=pairs)
            await sent
        except KafkaError:
            self.refused += 1
        else:
            self.acknowledged.append(event.event_id)

    async def answers(self) -> list[Answer]:
        """All answers to this load so far."""
        return [a for a in await read(self.servers, OUT) if a.cause.startswith(f"{self.name}-")]

    async def verdict(self, seconds: float, what: str) -> Verdict:
        """What is to be said once every acknowledged take has an answer, or when the time is over. Prints the figures."""
        end = time.monotonic() + seconds
        found = await self.answers()
        while set(self.acknowledged) - {a.cause for a in found} and time.monotonic() < end:
            await asyncio.sleep(1)
            found = await self.answers()
        log = [dict(r.headers)["ce_id"].decode() async for r in records(self.servers, self.topic)]
        verdict = judge(self.acknowledged, found, log)
        print(f"\n{what}: {self._told(verdict, self._latencies(found) or [float('nan')])}")
        return verdict

    async def miscounted(self, seconds: float = 10) -> dict[int, tuple[int, int]]:
        """Films whose fold disagrees with what was written, after time for the last saves, which come after the answers."""
        end = time.monotonic() + seconds
        while (wrong := await self._miscounted()) and time.monotonic() < end:
            await asyncio.sleep(0.5)
        return wrong

    async def _miscounted(self) -> dict[int, tuple[int, int]]:
        redis = connect(self.redis)
        folds, counted = RedisFoldStore(redis, self.name), {}
        for film in range(self.films):
            fold = (await folds.load(f"{self.name}-film-{film}")).fold
            counted[film] = Count.model_validate(fold.state or {}).takes
        await redis.aclose()
        return miscounted(self.acknowledged, self.films, counted)

    def _latencies(self, answers: Sequence[Answer]) -> list[float]:
        """Seconds from writing a take to its first answer, sorted."""
        first: dict[str, int] = {}
        for answer in answers:
            first[answer.cause] = min(answer.at_ms, first.get(answer.cause, answer.at_ms))
        return sorted(first[c] / 1000 - self.written_at[c] for c in first)

    def _told(self, verdict: Verdict, seconds: list[float]) -> str:
        return (
            f"{len(self.acknowledged)} acknowledged, {self.refused} refused, {len(verdict.lost)} lost,"
            f" {len(verdict.two_ids)} under two ids, {len(verdict.disordered)} films disordered, {verdict.again} again,"
            f" {self.rebalances()} assignments, p50 {seconds[len(seconds) // 2]:.2f} s, longest {seconds[-1]:.1f} s"
        )

    def settled(self) -> bool:
        """Whether every member that runs has partitions."""
        running = [m for m in self.members if m.process.poll() is None]
        return bool(running) and all((lines := m.journal("assigned")) and lines[-1]["partitions"] for m in running)

    def rebalances(self) -> int:
        """Assignments over all members."""
        return sum(len(m.journal("assigned")) for m in self.members)

    async def close(self) -> None:
        """Let all members leave."""
        for member in self.members:
            if member.process.poll() is None:
                member.freeze(frozen=False)
        await asyncio.gather(*(m.leave() for m in self.members))


async def read(servers: str, topic: str) -> list[Answer]:
    """A topic of answers from its beginning to its present end."""
    found: list[Answer] = []
    async for record in records(servers, topic):
        headers = {k: v.decode() for k, v in record.headers}
        found.append(Answer(headers["ce_causeid"], headers["ce_id"], headers["ce_subject"], record.timestamp))
    return found


async def records(servers: str, topic: str) -> Any:
    """All records of a topic, partition by partition."""
    async with AIOKafkaConsumer(bootstrap_servers=servers) as consumer:
        await consumer._client.force_metadata_update()
        await consumer.topics()
        places = [TopicPartition(topic, p) for p in sorted(consumer.partitions_for_topic(topic) or ())]
        consumer.assign(places)
        await consumer.seek_to_beginning()
        ends = await consumer.end_offsets(places)
        for place in places:
            while await consumer.position(place) < ends[place]:
                for batch in (await consumer.getmany(place, timeout_ms=500)).values():
                    for record in batch:
                        yield record


async def committed(servers: str, group: str) -> dict[TopicPartition, int]:
    """What a group has committed."""
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    try:
        found = await admin.list_consumer_group_offsets(group)
        return {tp: meta.offset for tp, meta in found.items()}
    finally:
        await admin.close()


async def until(condition: Any, seconds: float = 60) -> None:
    """Wait for something that can be looked at. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while not condition():
            await asyncio.sleep(0.1)
