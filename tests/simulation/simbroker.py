"""A log with partitions, consumer groups with generations, and members that may be late, frozen or dead.

Modelled on Kafka's classic protocol with eager rebalancing: everyone gives everything back, then the partitions are dealt
anew; a commit of an older generation is refused; a member that is not heard of for a session is left out.
"""

import asyncio
import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from aiokafka import ConsumerRecord, TopicPartition
from aiokafka.errors import CommitFailedError
from aiokafka.structs import OffsetAndMetadata
from storyreel_contracts.partitioning import partition_of
from storyreel_contracts.topics import BY_NAME

SESSION_S = 10.0
Headers = Sequence[tuple[str, bytes]]


class Broker:
    """All topics, all groups."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.logs: dict[TopicPartition, list[ConsumerRecord[bytes, bytes]]] = defaultdict(list)
        self.groups: dict[str, Group] = defaultdict(lambda: Group(self))
        self.members: set[Member] = set()

    def append(self, topic: str, key: bytes | None, value: bytes, headers: Headers) -> ConsumerRecord[bytes, bytes]:
        """Write a record behind the others of its partition."""
        at = TopicPartition(topic, partition_of((key or b"").decode(errors="replace"), BY_NAME[topic].partitions))
        log = self.logs[at]
        record = ConsumerRecord(topic, at.partition, len(log), 0, 0, key, value, None, 0, len(value), tuple(headers))
        log.append(record)
        for member in self.members:
            member.wake.set()
        return record

    def behind(self) -> int:
        """Records that some group has not committed."""
        return sum(
            max(0, len(log) - group.committed.get(at, 0))
            for group in self.groups.values()
            for at, log in self.logs.items()
            if at.topic in group.topics
        )


@dataclass(eq=False)
class Group:
    """One consumer group."""

    broker: Broker
    generation: int = 0
    topics: tuple[str, ...] = ()
    members: "set[Member]" = field(default_factory=set)
    committed: dict[TopicPartition, int] = field(default_factory=dict)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def rebalance(self) -> None:
        """Deal the partitions anew; members that do not answer for a session are left out."""
        async with self._turn:
            members = list(self.members)
            answers = await asyncio.gather(*(_heard(member.revoke()) for member in members))
            self.members -= {m for m, heard in zip(members, answers, strict=True) if not heard}
            self.generation += 1
            alive = sorted((m for m in self.members if not m.gone), key=lambda m: m.number)
            partitions = [TopicPartition(t, p) for t in self.topics for p in range(BY_NAME[t].partitions)]
            self.broker.chance.shuffle(partitions)
            for n, member in enumerate(alive):
                member.assign(partitions[n :: len(alive)], self.generation)


async def _heard(answer: "asyncio.Task[None]") -> bool:
    done, _ = await asyncio.wait({answer}, timeout=SESSION_S)
    return bool(done)


class Member:
    """What the chassis' consumer sees of Kafka: the part of AIOKafkaConsumer that it uses."""

    def __init__(self, broker: Broker, group: str, topics: Sequence[str], number: int) -> None:
        self.broker, self.group, self.number = broker, broker.groups[group], number
        self.group.topics = tuple(topics)
        self.wake, self.gone, self.listener = asyncio.Event(), False, _Nobody()
        self._generation, self._assigned, self._ready = 0, set[TopicPartition](), False
        self._at: dict[TopicPartition, int] = {}
        self._paused: set[TopicPartition] = set()
        self._chores: set[asyncio.Task[None]] = set()

    async def join(self, listener: "Listener") -> None:
        """Become a member."""
        self.listener = listener
        self.broker.members.add(self)
        self.group.members.add(self)
        await self.group.rebalance()

    async def leave(self, *, after: float = 0.0) -> None:
        """Be left out: at once if said politely, after a session if not."""
        self.gone = True
        self.broker.members.discard(self)
        await asyncio.sleep(after)
        if self in self.group.members:
            self.group.members.discard(self)
            await self.group.rebalance()

    def __hash__(self) -> int:
        return self.number

    def revoke(self) -> "asyncio.Task[None]":
        """Everything is taken back; the listener may say its last words."""
        return self._chore(self._revoked())

    async def _revoked(self) -> None:
        if self.gone:
            await asyncio.sleep(2 * SESSION_S)
        await self.listener.on_partitions_revoked(self._assigned)

    def assign(self, partitions: Sequence[TopicPartition], generation: int) -> None:
        """These partitions are this member's now."""
        self._assigned, self._generation = set(partitions), generation
        self._at.clear()
        self._paused &= self._assigned
        self._ready = False
        self._chore(self._begin(generation))

    async def _begin(self, generation: int) -> None:
        await self.listener.on_partitions_assigned(set(self._assigned))
        if generation == self._generation:
            self._ready = True
            self.wake.set()

    def _chore(self, work: object) -> "asyncio.Task[None]":
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work)  # type: ignore[arg-type]
        self._chores.add(task)
        task.add_done_callback(self._chores.discard)
        return task

    def fetch(self) -> tuple[ConsumerRecord[bytes, bytes], ...]:
        """Some records from where the member stands, of any of its partitions that are not paused."""
        if not self._ready:
            return ()
        found: list[ConsumerRecord[bytes, bytes]] = []
        open_ = sorted(self._assigned - self._paused)
        self.broker.chance.shuffle(open_)
        for at in open_:
            start = self._at.setdefault(at, self.group.committed.get(at, 0))
            batch = self.broker.logs[at][start : start + self.broker.chance.randint(1, 20)] if at in self.broker.logs else []
            self._at[at] = start + len(batch)
            found += batch
        return tuple(found)

    def assignment(self) -> set[TopicPartition]:
        """Partitions of this member."""
        return set(self._assigned)

    async def committed(self, at: TopicPartition) -> int | None:
        """The group's mark."""
        return self.group.committed.get(at)

    async def commit(self, marks: dict[TopicPartition, OffsetAndMetadata]) -> None:
        """Move the group's marks. Raises CommitFailedError for an older generation."""
        if self.gone or self._generation != self.group.generation or not marks.keys() <= self._assigned:
            raise CommitFailedError("the group has rebalanced")
        self.group.committed.update({at: mark.offset for at, mark in marks.items()})

    def seek(self, at: TopicPartition, offset: int) -> None:
        """Go on from there."""
        self._at[at] = offset
        self.wake.set()

    async def seek_to_beginning(self, at: TopicPartition) -> None:
        """Go on from the oldest record."""
        self.seek(at, 0)

    def pause(self, *partitions: TopicPartition) -> None:
        """Fetch nothing of these."""
        self._paused |= set(partitions)

    def resume(self, *partitions: TopicPartition) -> None:
        """Fetch these again."""
        self._paused -= set(partitions)
        self.wake.set()


class Listener:
    """Who is told of rebalances."""

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        """Before the partitions go."""

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        """Before the first record of the new ones."""


class _Nobody(Listener):
    pass
