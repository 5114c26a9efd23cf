"""Reading from Kafka: FastStream polls in batches and hands records to the lanes; commits and positions are ours.

Explicit `offset` per partition, never a bare `ack()` (it commits positions, not work). See RELIABILITY traps T1-T6, T13, T14:
the handler below only takes records, so it cannot be slow and cannot raise.
"""

import asyncio
import logging
import math
from collections.abc import Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError
from aiokafka.structs import OffsetAndMetadata
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from faststream.kafka.message import KafkaAckableMessage

from storyreel_chassis import metrics
from storyreel_chassis.clock import Clock
from storyreel_chassis.errors import Unavailable
from storyreel_chassis.folds import FoldStore
from storyreel_chassis.lanes import Lanes, Partition
from storyreel_chassis.work import Record

log = logging.getLogger(__name__)
_quiet = log.getChild("faststream")  # FastStream's own logger prints coloured text beside our JSON lines
_quiet.setLevel(logging.WARNING)
_COMMIT_EVERY_S = 0.1
_POLL_MS = 25
_ENDS_EVERY_S = 5.0
_ASK_STORE_EVERY_S = 5.0
_REFUSED_S = 120.0  # a rebalance or a broker's restart refuses commits for a while; longer, and a restart may help


class Consumer(ConsumerRebalanceListener):  # type: ignore[misc]
    """The one consumer of a service's process: all its topics, one group named after the service."""

    _ends: Mapping[TopicPartition, int] = {}
    _ends_at = -_ENDS_EVERY_S

    def __init__(
        self, bootstrap_servers: str, group: str, topics: Sequence[str], lanes: Lanes, folds: FoldStore, clock: Clock
    ) -> None:
        self.group, self.topics, self._lanes, self._folds, self._clock = group, topics, lanes, folds, clock
        self._paused: set[Partition] = set()
        self.draining = self._replaying = False
        self._refused_since: float | None = None
        self._asked_at = math.inf  # the store is asked again only after it was asked once
        self.broker = KafkaBroker(
            bootstrap_servers.split(","), client_id=f"storyreel-{group}", ack_policy=AckPolicy.MANUAL, consumer_only=True,
            allow_auto_create_topics=False, apply_types=False, graceful_timeout=5.0, logger=_quiet,
            log_level=logging.DEBUG,
        )  # fmt: skip
        self._subscriber = self.broker.subscriber(
            *topics, group_id=group, batch=True, batch_timeout_ms=_POLL_MS, max_records=500, auto_offset_reset="earliest",
            ack_policy=AckPolicy.MANUAL, listener=self, parser=_as_it_came, decoder=_records,
            session_timeout_ms=10_000, heartbeat_interval_ms=1_000, max_poll_interval_ms=60_000,
        )  # fmt: skip
        self._subscriber(self._take)

    @property
    def client(self) -> AIOKafkaConsumer | None:
        """aiokafka's consumer while it is running."""
        return self._subscriber.consumer

    async def check(self) -> str:
        """What is wrong with reading, or '': it polls, and what is done gets committed."""
        if not self._subscriber.tasks or any(t.done() for t in self._subscriber.tasks):
            return "the poll loop does not run"
        refused = 0.0 if self._refused_since is None else self._clock.monotonic() - self._refused_since
        return f"for {refused:.0f} s no commit was accepted" if refused > _REFUSED_S else ""

    @property
    def assigned(self) -> set[Partition]:
        """Partitions that this member owns."""
        return {Partition(*tp) for tp in self.client.assignment()} if self.client else set()

    async def run_commits(self) -> None:
        """Commit done marks and resume paused partitions, for ever."""
        while True:
            await self._clock.sleep(_COMMIT_EVERY_S)
            await self.commit()
            self._resume()
            await self._mind_closed()

    def end(self, partition: Partition) -> int | None:
        """Offset after the partition's last record, as far as the broker has said."""
        tp = TopicPartition(*partition)
        fetched = self.client.highwater(tp) if self.client else None
        return max(fetched or 0, self._ends[tp]) if tp in self._ends else fetched

    async def commit(self) -> None:
        """Commit every mark that moved; a refused commit is counted, and the mark is offered again."""
        marks = {p: m for p, m in self._lanes.marks().items() if p in self.assigned}
        now = self._clock.monotonic()
        # An idle room asks as well: if the store lost its memory, the timers of films that wait are gone with it.
        if self.client is None or not (marks or now - self._asked_at >= _ASK_STORE_EVERY_S):
            self._refused_since = None
            return
        self._asked_at = now
        try:
            if marks:
                await self.client.commit({TopicPartition(*p): OffsetAndMetadata(m, "") for p, m in marks.items()})
            known = await self._folds.advance({_name(p): m for p, m in marks.items()})
        except (KafkaError, Unavailable) as error:
            self._refused_since = self._clock.monotonic() if self._refused_since is None else self._refused_since
            metrics.COMMIT_FAILURES.labels(type(error).__name__).inc()
            log.warning("commit refused: %s", error)
            return
        self._refused_since = None
        for partition, mark in marks.items():
            if lane := self._lanes.get(partition):
                lane.offsets.committed(mark)
        if not known:
            await self._replay()

    def stop_taking(self) -> None:
        """Pause everything; work in flight goes on."""
        self.draining = True
        if self.client:
            self.client.pause(*self.client.assignment())

    async def on_partitions_revoked(self, revoked: Any) -> None:  # noqa: ARG002 - the listener's signature
        """Nothing yet: with eager rebalancing most partitions come straight back, and their work goes on."""
        await self.commit()

    async def on_partitions_assigned(self, assigned: Any) -> None:
        """Drop lanes that went elsewhere; go on where the lanes, or the fold store, or the group left off."""
        partitions = {Partition(*tp) for tp in assigned}
        await self._lanes.keep_only(partitions)
        self._paused &= partitions
        known = await self._positions()
        if known is None:  # new, or lost meanwhile: no lane may go on as if its folds were there
            await self._lanes.keep_only(set())
        for partition in sorted(partitions):  # in one order, so that a simulated run can be repeated
            await self._seek(partition, known)
        if self._paused and self.client:  # the client forgets with the old assignment; a full or closed lane is still that
            self.client.pause(*(TopicPartition(*p) for p in self._paused))
        if self.draining:
            self.stop_taking()

    async def _positions(self) -> dict[str, int] | None:
        while True:
            try:
                positions = await self._folds.positions()
                self._asked_at = self._clock.monotonic()
            except Unavailable:
                log.exception("the fold store does not say where it stands; waiting for it")
                await asyncio.sleep(1)
            else:
                return None if positions is None else dict(positions)

    async def _seek(self, partition: Partition, known: dict[str, int] | None, *, anew: bool = False) -> None:
        """Go on where the lane stands; else where the fold store stands, if that is behind the group's commit (or `anew`)."""
        tp, folded = TopicPartition(*partition), (known or {}).get(_name(partition))
        while self.client and partition in self.assigned:
            try:
                committed = await self.client.committed(tp) or 0
                await self._drop_if_overtaken(partition, committed)
                lane = self._lanes.get(partition)
                if lane and lane.offsets.next_offset is not None:
                    self.client.seek(tp, lane.offsets.next_offset)
                elif anew or (folded or 0) < committed:
                    metrics.REPLAYS.inc()
                    log.info("reading %s/%d again from %s: the fold store stands there", *partition, folded or "the beginning")
                    self.client.seek(tp, folded) if folded else await self.client.seek_to_beginning(tp)
            except KafkaError:
                log.exception("cannot tell where to read %s/%d; asking again", *partition)
                await asyncio.sleep(1)
            else:
                return

    async def _drop_if_overtaken(self, partition: Partition, committed: int) -> None:
        """A commit beyond our mark is another member's: we were frozen, it went on, and our lane would do its work again."""
        lane = self._lanes.get(partition)
        if lane and (lane.offsets.mark or 0) < committed:
            await self._lanes.keep_only({p for p, _ in self._lanes.items()} - {partition})

    async def _replay(self) -> None:
        """The fold store lost its memory while we ran: start every partition anew.

        Intake stops first: a batch that was fetched before the seek would open its lane past the records to read again.
        """
        log.error("the fold store has lost its state; replaying all topics")
        if self.client is None:
            return
        self._replaying = True
        self.client.pause(*self.client.assignment())
        await asyncio.sleep(4 * _POLL_MS / 1000)  # the batch under way arrives and is dropped; it is read again
        await self._lanes.keep_only(set())
        known, restarted = await self._positions(), set[Partition]()
        while missing := self.assigned - restarted:  # a rebalance may bring others meanwhile
            for partition in sorted(missing):
                await self._seek(partition, known, anew=True)
            restarted |= missing
        self._replaying = False
        self._paused.clear()
        if not self.draining:
            self.client.resume(*self.client.assignment())

    async def _take(self, records: tuple[ConsumerRecord[bytes, bytes], ...]) -> None:
        for record in () if self._replaying else records:
            partition = Partition(record.topic, record.partition)
            lane = self._lanes[partition]
            if lane.offsets.next_offset is not None and record.offset < lane.offsets.next_offset:
                continue  # fetched before a seek; its turn came already
            lane.take(_record(record))
            if lane.full and partition not in self._paused and self.client:
                self.client.pause(TopicPartition(*partition))
                self._paused.add(partition)

    def _resume(self) -> None:
        for partition in [] if self.draining else list(self._paused):
            lane = self._lanes.get(partition)
            if partition.topic not in self._lanes.closed and (lane is None or lane.roomy):
                self._paused.discard(partition)
                if self.client and partition in self.assigned:
                    self.client.resume(TopicPartition(*partition))

    async def _mind_closed(self) -> None:
        """Pause what was closed, and ask for its ends: nothing is fetched there, so nobody else tells how far behind we are."""
        closed = {p for p in self.assigned if p.topic in self._lanes.closed} if self._lanes.closed else set()
        if not closed or self.client is None:
            return
        self.client.pause(*(TopicPartition(*p) for p in closed - self._paused))
        self._paused |= closed
        if self._clock.monotonic() - self._ends_at >= _ENDS_EVERY_S:
            self._ends_at = self._clock.monotonic()
            try:
                self._ends = await self.client.end_offsets([TopicPartition(*p) for p in closed])
            except KafkaError as error:
                log.warning("cannot tell how far the stopped topics have grown: %s", error)


def _name(partition: Partition) -> str:
    return f"{partition.topic}/{partition.number}"


def _record(raw: ConsumerRecord[bytes, bytes]) -> Record:
    value, null = raw.value or b"", raw.value is None
    return Record(raw.topic, raw.partition, raw.offset, raw.key, value, tuple(raw.headers), raw.timestamp, null)


async def _as_it_came(message: tuple[ConsumerRecord[bytes, bytes], ...]) -> KafkaAckableMessage:
    """FastStream's own parser decodes headers as UTF-8 and raises on others; ours leaves bytes alone."""
    return KafkaAckableMessage(raw_message=message, body=b"", headers={}, message_id="", correlation_id="", consumer=None)


async def _records(message: KafkaAckableMessage) -> Any:
    return message.raw_message
