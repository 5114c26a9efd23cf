"""One broker or three: names, addresses and settings, before any process is started."""

from pathlib import Path

import pytest
from storyreel_local.catalogue import STORES, parts_for
from storyreel_local.errors import TroubleError
from storyreel_local.parts.base import Context, Options
from storyreel_local.parts.kafka import Kafka, bootstrap
from storyreel_local.parts.kafka_nodes import properties
from storyreel_local.progress import Silent
from storyreel_local.state import StateFolder


def context(folder: Path, nodes: int) -> Context:
    return Context(StateFolder(folder / "state"), Silent(), Options(kafka_nodes=nodes), folder / "cache")


def test_three_nodes_are_three_parts_that_are_stopped_with_the_stores() -> None:
    names = [part.name for part in parts_for(Options(parts=("kafka",), kafka_nodes=3))]
    assert names == ["kafka", "kafka-2", "kafka-3"]
    assert set(names) <= set(STORES)


def test_each_node_has_its_own_ports_and_folder_and_clients_are_told_all(tmp_path: Path) -> None:
    ctx = context(tmp_path, 3)
    nodes = [properties(ctx, number) for number in (1, 2, 3)]
    for key in ("node.id", "listeners", "advertised.listeners", "log.dirs"):
        assert len({node[key] for node in nodes}) == 3, key
    assert len({node["controller.quorum.voters"] for node in nodes}) == 1
    assert bootstrap(ctx) == ",".join(node["advertised.listeners"].removeprefix("PLAINTEXT://") for node in nodes)


@pytest.mark.parametrize(("nodes", "replicas", "insync"), [(1, "1", "1"), (3, "3", "2")])
def test_a_write_needs_the_majority_of_the_nodes(tmp_path: Path, nodes: int, replicas: str, insync: str) -> None:
    found = properties(context(tmp_path, nodes), 1)
    names = ("default.replication.factor", "offsets.topic.replication.factor", "transaction.state.log.replication.factor")
    assert {found[name] for name in names} == {replicas}
    assert (found["min.insync.replicas"], found["transaction.state.log.min.isr"]) == (insync, insync)


def test_a_folder_keeps_its_number_of_nodes(tmp_path: Path) -> None:
    ctx = context(tmp_path, 1)
    ctx.state.write("kafka.json", {"broker": "Apache Kafka", "nodes": 3})
    with pytest.raises(TroubleError, match=r"has 3 node\(s\), not 1.*--kafka-nodes 3"):
        Kafka().ensure(ctx)


def test_a_cluster_of_two_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TroubleError, match="Choose from: 1, 3"):
        Kafka().ensure(context(tmp_path, 2))
