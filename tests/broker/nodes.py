"""Hands that strike single nodes of the cluster, and questions to it. From the main thread: the processes are tied to it."""

import asyncio
import os
import signal
from collections import Counter

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError
from storyreel_local.stack import Stack

NAMES = {1: "kafka", 2: "kafka-2", 3: "kafka-3"}


def servers(stack: Stack) -> str:
    """Addresses of all nodes."""
    return str(stack.endpoints["kafka"]["bootstrap_servers"])


def kill(stack: Stack, node: int) -> None:
    """SIGKILL."""
    stack.kill(NAMES[node])


def freeze(stack: Stack, node: int, *, frozen: bool) -> None:
    """SIGSTOP, or SIGCONT."""
    found = stack.state.process(NAMES[node])
    assert found is not None
    os.kill(found.pid, signal.SIGSTOP if frozen else signal.SIGCONT)


async def start(stack: Stack, *nodes: int) -> None:
    """Start these and wait until each answers."""
    for node in nodes:
        stack.part(NAMES[node]).start(stack.context)
    async with asyncio.timeout(90):
        for node in nodes:
            while not await asyncio.to_thread(stack.part(NAMES[node]).ready, stack.context):
                await asyncio.sleep(0.2)


async def healthy(stack: Stack, topic: str) -> None:
    """Wait until every replica of a topic is in sync."""
    async with asyncio.timeout(90):
        while any(len(p["isr"]) < len(p["replicas"]) for p in await partitions(stack, topic)):
            await asyncio.sleep(0.3)


async def partitions(stack: Stack, topic: str) -> list[dict[str, object]]:
    """Leader, replicas and in-sync replicas of each partition, from whichever node answers. Raises TimeoutError."""
    async with asyncio.timeout(60):
        while True:
            admin = AIOKafkaAdminClient(bootstrap_servers=servers(stack), request_timeout_ms=5000)
            try:
                await admin.start()
                (found,) = await admin.describe_topics([topic])
                return list(found["partitions"])
            except KafkaError:  # the client asked the node that is dead
                await asyncio.sleep(0.3)
            finally:
                await admin.close()


async def busiest(stack: Stack, topic: str) -> int:
    """The node that leads most partitions of a topic."""
    return int(Counter(p["leader"] for p in await partitions(stack, topic)).most_common(1)[0][0])  # type: ignore[call-overload]


async def make_topic(stack: Stack, name: str, replicas: list[int], **configs: str) -> None:
    """A topic of one partition on these nodes, the first of them its leader."""
    admin = AIOKafkaAdminClient(bootstrap_servers=servers(stack))
    await admin.start()
    try:
        new = NewTopic(name, -1, -1, replica_assignments={0: replicas}, topic_configs=configs)
        answer = await admin.create_topics([new])
        assert not [error for error in answer.topic_errors if error[1]], answer
    finally:
        await admin.close()
