"""Snapshots, examples and the public document agree with the models, and a full validator agrees with ours."""

import copy
import json
import random
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker  # type: ignore[import-untyped]
from storyreel_contracts import FACTS
from storyreel_contracts.__main__ import ROOT, main
from storyreel_contracts.tools import asyncapi, schemas
from storyreel_contracts.tools.conformance import complaints
from storyreel_contracts.tools.samples import samples
from storyreel_contracts.topics import CATALOGUE

EXAMPLES = sorted((ROOT / "examples").glob("*/*.json"))
TYPES = sorted(FACTS)


def test_snapshots_are_those_of_the_models() -> None:
    assert schemas.drift(ROOT / "schemas") == [], "run: python -m storyreel_contracts schemas --write"


def test_a_snapshot_that_drifted_or_belongs_to_nobody_is_found(tmp_path: Path) -> None:
    schemas.write(tmp_path)
    assert schemas.drift(tmp_path) == []
    one = tmp_path / schemas.snapshot_name("shot.rendered.v1")
    one.write_text(one.read_text().replace("pixels", "points"))
    (tmp_path / schemas.snapshot_name("shot.dreamt.v1")).write_text("{}")
    (tmp_path / schemas.snapshot_name("timer.due.v1")).unlink()
    assert schemas.drift(tmp_path) == [f"{t}.schema.json" for t in ("shot.dreamt.v1", "shot.rendered.v1", "timer.due.v1")]


@pytest.mark.parametrize("type_", TYPES)
def test_a_snapshot_is_a_schema(type_: str) -> None:
    schema = json.loads((ROOT / "schemas" / schemas.snapshot_name(type_)).read_text())
    Draft202012Validator.check_schema(schema)
    assert schema["$id"] == f"urn:storyreel:{type_}"


@pytest.mark.parametrize("type_", TYPES)
def test_every_fact_has_a_minimal_and_a_typical_example(type_: str) -> None:
    assert {"minimal.json", "typical.json"} <= {p.name for p in (ROOT / "examples" / type_).glob("*.json")}


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: f"{p.parent.name}/{p.stem}")
def test_an_example_is_valid_for_model_snapshot_and_full_validator(path: Path) -> None:
    value, schema = json.loads(path.read_text()), schemas.schema_of(FACTS[path.parent.name])
    FACTS[path.parent.name].model_validate_json(path.read_text())
    Draft202012Validator(schema, format_checker=FormatChecker()).validate(value)
    assert complaints(value, schema, schema) == []


@pytest.mark.parametrize("type_", TYPES)
def test_the_minimal_example_has_nothing_that_may_be_left_out(type_: str) -> None:
    value = json.loads((ROOT / "examples" / type_ / "minimal.json").read_text())
    assert set(value) == set(schemas.schema_of(FACTS[type_]).get("required", ()))


@pytest.mark.parametrize("type_", TYPES)
def test_our_validator_judges_as_a_full_one_does(type_: str) -> None:
    schema = schemas.schema_of(FACTS[type_])
    full, chance, judged = Draft202012Validator(schema, format_checker=FormatChecker()), random.Random(type_), set()
    for record in samples(schema):
        for value in (record, *(_hurt(record, chance) for _ in range(4))):
            right = full.is_valid(value)
            judged.add(right)
            assert (complaints(value, schema, schema) == []) == right, value
    assert judged == {True, False}, "both good and bad records were judged"


def _hurt(record: Any, chance: random.Random) -> Any:
    hurt = copy.deepcopy(record)
    node = hurt
    while True:
        key = chance.choice(sorted(node) if isinstance(node, dict) else range(len(node)))
        if isinstance(node[key], dict | list) and node[key] and chance.random() < 0.8:
            node = node[key]
            continue
        node[key] = chance.choice([None, -1, 10**9, 0.5, "", "x" * 5000, [], {}, True, "#zz", "tomorrow"])
        return hurt


def test_the_public_document_is_the_committed_one() -> None:
    committed = json.loads((ROOT / "asyncapi.json").read_text())
    wanted = json.loads(json.dumps(asyncapi.document(ROOT / "examples")))
    assert committed == wanted, "run: python -m storyreel_contracts asyncapi > asyncapi.json"


def test_every_reference_in_the_public_document_leads_somewhere() -> None:
    document = asyncapi.document(ROOT / "examples")
    found = list(_references(document))
    assert len(found) > 500
    for ref in found:
        node: Any = document
        for part in ref.removeprefix("#/").split("/"):
            node = node[part]


def _references(node: Any) -> Any:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for inner in node.values():
            yield from _references(inner)
    if isinstance(node, list):
        for inner in node:
            yield from _references(inner)


def test_operations_are_the_catalogue() -> None:
    document = asyncapi.document(ROOT / "examples")
    assert set(document["channels"]) == {t.name for t in CATALOGUE}
    for topic in CATALOGUE:
        sends = document["operations"][f"{topic.owner}-sends-{topic.name}"]
        assert sends["action"] == "send"
        assert all(f"{r}-receives-{topic.name}" in document["operations"] for r in topic.readers)
    for operation in document["operations"].values():
        channel = operation["channel"]["$ref"]
        assert all(m["$ref"].startswith(f"{channel}/messages/") for m in operation["messages"])


@pytest.mark.parametrize("type_", TYPES)
def test_examples_in_the_public_document_fit_its_own_schemas(type_: str) -> None:
    document = asyncapi.document(ROOT / "examples")
    message = document["components"]["messages"][type_]
    for part in ("headers", "payload"):
        judge = Draft202012Validator({**message[part], "components": document["components"]})
        for example in message["examples"]:
            judge.validate(example[part])
    assert message["examples"]


def test_the_commands_say_what_they_find(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--root", str(tmp_path), "schemas", "--check"]) == 1
    assert "schemas --write" in capsys.readouterr().out
    assert main(["--root", str(tmp_path), "schemas", "--write"]) == 0
    assert main(["--root", str(tmp_path), "schemas", "--check"]) == 0
    assert main(["asyncapi"]) == 0
    capsys.readouterr()
