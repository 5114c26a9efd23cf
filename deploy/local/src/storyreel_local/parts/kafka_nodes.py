"""Names, addresses and settings of the broker's nodes: one by default, three for a cluster that outlives any one of them.

Every node is broker and controller. The first is `kafka`, the others `kafka-2`, `kafka-3`; each has its own folder and ports.
"""

from __future__ import annotations

from storyreel_local.parts.base import HOST, Context

SIZES = (1, 3)
_MAJORITY = 2


def name_of(number: int) -> str:
    """Name of the part, of its folder and of its ports."""
    return "kafka" if number == 1 else f"kafka-{number}"


def listener(ctx: Context, number: int) -> str:
    """`host:port` for clients."""
    return f"{HOST}:{ctx.state.port(name_of(number))}"


def listeners(ctx: Context) -> str:
    """All nodes' addresses, by comma."""
    return ",".join(listener(ctx, number) for number in _numbers(ctx))


def properties(ctx: Context, number: int) -> dict[str, str]:
    """server.properties of one node."""
    nodes = ctx.options.kafka_nodes
    insync = str(min(nodes, _MAJORITY))
    return {
        "process.roles": "broker,controller",
        "node.id": str(number),
        # Static voters: an address may change with the port; a dynamic voter's is written into the log at format time.
        "controller.quorum.voters": ",".join(f"{n}@{_controller(ctx, n)}" for n in _numbers(ctx)),
        "controller.listener.names": "CONTROLLER",
        "listeners": f"PLAINTEXT://{listener(ctx, number)},CONTROLLER://{_controller(ctx, number)}",
        "advertised.listeners": f"PLAINTEXT://{listener(ctx, number)}",
        "log.dirs": str(ctx.state.data(name_of(number)) / "log"),
        "auto.create.topics.enable": "false",
        "default.replication.factor": str(nodes),
        "min.insync.replicas": insync,
        "offsets.topic.replication.factor": str(nodes),
        "offsets.topic.num.partitions": "8",
        "transaction.state.log.replication.factor": str(nodes),
        "transaction.state.log.min.isr": insync,
        "transaction.state.log.num.partitions": "4",
        "share.coordinator.state.topic.replication.factor": str(nodes),
        "share.coordinator.state.topic.min.isr": insync,
        "group.initial.rebalance.delay.ms": "0",
        # After a SIGKILL the broker may register again only when its former session has run out (9 s by default).
        "broker.session.timeout.ms": "5000",
        "log.index.size.max.bytes": "1048576",
    }


def _controller(ctx: Context, number: int) -> str:
    return f"{HOST}:{ctx.state.port(f'{name_of(number)}.controller')}"


def _numbers(ctx: Context) -> range:
    return range(1, ctx.options.kafka_nodes + 1)
