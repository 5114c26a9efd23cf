"""No service talks to Kafka behind the chassis' back: every subscription has explicit acknowledgement."""

import ast

from test_layout import ROOT, SOURCES

MAY_HOLD_CLIENTS = {"libs/chassis/src", "libs/client/src", "deploy/local/src"}


def test_only_the_chassis_subscribes_and_it_acknowledges_by_hand() -> None:
    subscribers = {}
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "subscriber":
                policy = {k.arg: ast.unparse(k.value) for k in node.keywords}.get("ack_policy")
                subscribers[str(path.relative_to(ROOT))] = policy
    assert subscribers == {"libs/chassis/src/storyreel_chassis/consumer.py": "AckPolicy.MANUAL"}


def test_no_bare_ack_anywhere() -> None:
    bare = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and getattr(node.func, "attr", "") in {"ack", "nack", "commit"}
        and not (node.args or node.keywords)
        and "storyreel_chassis" not in str(path)
    ]
    assert not bare


def test_services_hold_no_kafka_client_of_their_own() -> None:
    holders = [
        str(path.relative_to(ROOT))
        for path in SOURCES
        if not any(str(path.relative_to(ROOT)).startswith(allowed) for allowed in MAY_HOLD_CLIENTS)
        and any(m in path.read_text() for m in ("import aiokafka", "from aiokafka", "from faststream"))
    ]
    assert not holders
