"""The two sides of the events bench, each in a process of its own.

`event_sides.py chassis|bare SERVERS TOPIC EVENTS [PROFILE]`

Both read `shot.rendered` from TOPIC and write one `shot.matched` per event to the same topic of the catalogue. CPU time of this
process is taken between the first EVENTS/10 handled events (warm) and the last; the result is one line of JSON.
"""

import asyncio
import cProfile
import json
import sys
import time
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from pydantic import BaseModel
from storyreel_chassis import logs, tracing
from storyreel_chassis.clock import SystemClock
from storyreel_chassis.consumer import Consumer
from storyreel_chassis.delivery import Delivery
from storyreel_chassis.folds import MemoryFoldStore
from storyreel_chassis.lanes import Lanes
from storyreel_chassis.publisher import KafkaPublisher
from storyreel_chassis.runtime import Runtime
from storyreel_chassis.work import Room
from storyreel_contracts import Event, ShotMatched, ShotRendered
from storyreel_contracts.decisions import Decision, NewFact, Task

WRITER, OUT = "continuity", "continuity-reports"
_TICK_S = 0.02


class Count(BaseModel):
    """What the trivial room knows of a film."""

    events: int = 0


class Answers:
    """Trivial decider: one fact per event."""

    def empty(self) -> Count:
        """Nothing yet."""
        return Count()

    def decide(self, state: Count, event: Event) -> Decision[Count]:
        """Count, and answer a take."""
        more = Count(events=state.events + 1)
        if not isinstance(event.data, ShotRendered):
            return Decision(state=more)
        take = event.data
        fact = ShotMatched(
            version=take.version, shot_id=take.shot_id, tier=take.tier, attempt=take.attempt, key=take.key, measures=[]
        )
        return Decision(state=more, facts=(NewFact(data=fact),))

    def absorb(self, state: Count, event: Event, task: Task, outcome: Any) -> Decision[Count]:
        """No task is ever asked for."""
        return Decision(state=state)


class Meter:
    """CPU seconds of this process per event, from the tenth part on."""

    def __init__(self, events: int, profile: str) -> None:
        self._events, self._profile = events, cProfile.Profile() if profile else None
        self._path, self._began = profile, (0, 0.0)

    def saw(self, handled: int) -> bool:
        """Note how many are handled; True when all are."""
        if not self._began[0] and handled >= self._events / 10:
            self._began = (handled, time.process_time())
            if self._profile:
                self._profile.enable()
        return handled >= self._events

    def result(self, handled: int) -> dict[str, float]:
        """What was measured."""
        seconds = time.process_time() - self._began[1]
        if self._profile:
            self._profile.disable()
            self._profile.dump_stats(self._path)
        counted = handled - self._began[0]
        return {"events": counted, "cpu_s": seconds, "per_core_s": counted / seconds}


async def chassis(servers: str, topic: str, meter: Meter) -> dict[str, float]:
    """The whole path of a service: consumer, lanes, delivery, runtime, publisher, logs, spans. Folds are in memory."""
    logs.configure(WRITER, "INFO")
    tracing.configure(WRITER)
    folds = MemoryFoldStore()
    publisher = KafkaPublisher(servers, WRITER)
    room = Room(name=WRITER, decider=Answers(), state=Count)
    lanes = Lanes(room.lane, Delivery(Runtime(room=room, folds=folds, publisher=publisher, clock=SystemClock())).deliver)
    consumer = Consumer(servers, f"bench-{topic}", [topic], lanes, folds, SystemClock())
    async with publisher:
        await consumer.broker.start()
        commits = asyncio.create_task(consumer.run_commits())
        while not meter.saw(_done(lanes)):
            await asyncio.sleep(_TICK_S)
        result = meter.result(_done(lanes))
        commits.cancel()
        await consumer.broker.stop()
    return result


async def bare(servers: str, topic: str, meter: Meter) -> dict[str, float]:
    """What a careful hand would write without us: batches read, JSON decoded, one record each, batches written."""
    handled = 0
    async with AIOKafkaProducer(bootstrap_servers=servers, acks="all", enable_idempotence=True) as producer:
        consumer = AIOKafkaConsumer(topic, bootstrap_servers=servers, group_id=f"bench-{topic}", auto_offset_reset="earliest")
        async with consumer:
            while not meter.saw(handled):
                batches = await consumer.getmany(timeout_ms=25, max_records=500)
                pending = [await producer.send(OUT, *_answer(r)) for records in batches.values() for r in records]
                await asyncio.gather(*pending)
                handled += len(pending)
            return meter.result(handled)


def _answer(record: Any) -> tuple[Any, ...]:
    take = json.loads(record.value)
    fact = {name: take[name] for name in ("version", "shot_id", "tier", "attempt", "key")}
    value = json.dumps({**fact, "measures": [], "evidence": None}).encode()
    return value, record.key, None, None, list(record.headers)


def _done(lanes: Lanes) -> int:
    return sum(lane.offsets.mark or 0 for _, lane in lanes.items())


if __name__ == "__main__":
    side, servers, topic, events = sys.argv[1:5]
    measured = {"chassis": chassis, "bare": bare}[side]
    found = asyncio.run(measured(servers, topic, Meter(int(events), "".join(sys.argv[5:]))))
    print(json.dumps(found))
