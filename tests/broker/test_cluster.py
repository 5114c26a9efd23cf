"""Three nodes: any one may be killed under load. What acks=all and min.insync.replicas=2 are for shows when they are gone."""

import asyncio
from uuid import uuid4

import nodes
import pytest
from aiokafka import AIOKafkaProducer
from confluent_kafka import Producer
from field import MakeField, records, until
from storyreel_local.stack import Stack

pytestmark = [pytest.mark.connected, pytest.mark.slow]


async def test_each_node_killed_under_load_then_two_at_once_and_no_take_is_lost_or_answered_twice(
    cluster: Stack, make_field: MakeField
) -> None:
    field = await make_field(nodes.servers(cluster), cluster.endpoints["redis"]["url"], replication=3)
    for _ in range(2):
        field.join()
    await until(field.settled)
    load = asyncio.create_task(field.write(4200, 60))
    struck = set[int]()
    for _ in range(3):
        await asyncio.sleep(3)
        busiest = await nodes.busiest(cluster, field.topic)
        victim = busiest if busiest not in struck else min({1, 2, 3} - struck)
        struck.add(victim)
        nodes.kill(cluster, victim)
        await asyncio.sleep(4)
        await nodes.start(cluster, victim)
        await nodes.healthy(cluster, field.topic)
    nodes.kill(cluster, 2)
    nodes.kill(cluster, 3)
    await asyncio.sleep(6)
    await nodes.start(cluster, 2, 3)
    await load
    verdict = await field.verdict(120, "cluster")
    assert struck == {1, 2, 3}
    assert verdict.good, verdict
    assert await field.miscounted() == {}


@pytest.mark.parametrize(("acks", "kept"), [("all", True), (1, False)])
async def test_what_is_acknowledged_outlives_its_leader_and_with_acks_1_it_does_not(
    cluster: Stack, acks: str | int, kept: bool
) -> None:
    """The leader dies before its followers, frozen meanwhile, have fetched."""
    topic = f"acks-{uuid4().hex[:8]}"
    await nodes.make_topic(cluster, topic, [1, 2, 3])
    acknowledged: set[bytes] = set()
    producer = AIOKafkaProducer(bootstrap_servers=nodes.servers(cluster), acks=acks)
    await producer.start()

    async def write(value: bytes) -> None:
        await producer.send_and_wait(topic, value, partition=0)
        acknowledged.add(value)

    for n in range(20):
        await write(b"before-%d" % n)
    await asyncio.sleep(2)  # all three have fetched these
    nodes.freeze(cluster, 2, frozen=True)
    nodes.freeze(cluster, 3, frozen=True)
    writing = [asyncio.create_task(write(b"first"))]
    await asyncio.sleep(0.5)  # the leader answers with it the fetches that were waiting; the followers will still read them
    writing += [asyncio.create_task(write(b"during-%d" % n)) for n in range(20)]
    await asyncio.sleep(2)
    at_death = set(acknowledged)
    nodes.kill(cluster, 1)
    for node in (2, 3):
        nodes.freeze(cluster, node, frozen=False)
    await until(lambda: not [t for t in writing if not t.done()], 90)
    await producer.stop()
    await nodes.start(cluster, 1)
    await nodes.healthy(cluster, topic)
    found = {record.value async for record in records(nodes.servers(cluster), topic)}
    lost = at_death - found
    print(f"\nacks={acks}: {len(at_death)} of 41 acknowledged when the leader died, {len(lost)} of them lost")
    assert (not lost) is kept
    assert acknowledged - at_death <= found


@pytest.mark.parametrize(("insync", "refused"), [("2", True), ("1", False)])
async def test_a_write_that_one_node_alone_would_hold_is_refused_and_with_one_in_sync_it_is_not(
    cluster: Stack, insync: str, refused: bool
) -> None:
    topic = f"insync-{uuid4().hex[:8]}"
    await nodes.make_topic(cluster, topic, [1, 2], **{"min.insync.replicas": insync})
    nodes.kill(cluster, 2)
    async with asyncio.timeout(40):
        while len((await nodes.partitions(cluster, topic))[0]["isr"]) == 2:  # type: ignore[arg-type]
            await asyncio.sleep(0.3)
    answer = await _written(cluster, topic)
    await nodes.start(cluster, 2)
    await nodes.healthy(cluster, topic)
    assert answer == ("NOT_ENOUGH_REPLICAS" if refused else "")
    assert await _written(cluster, topic) == "", "once both are back, writes go on"


async def _written(cluster: Stack, topic: str) -> str:
    """What the broker says to a write that nobody repeats; empty: it took it."""
    answers: list[str] = []
    producer = Producer(
        {"bootstrap.servers": nodes.servers(cluster), "acks": "all", "retries": 0, "message.timeout.ms": 15_000}
    )
    producer.produce(topic, b"x", on_delivery=lambda error, _: answers.append(error.name() if error else ""))
    await asyncio.to_thread(producer.flush, 20)
    return answers[0]
