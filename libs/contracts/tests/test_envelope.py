"""Facts survive the way through Kafka, whatever newer writers add."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from storyreel_contracts import FACTS, ContractError, Envelope, Event, Fact, FilmUpdated, ShotRendered, decode, encode
from storyreel_contracts.envelope import read_envelope, type_of

AT = datetime(2026, 3, 2, 9, 15, tzinfo=UTC)
FactsOf = Callable[[type[Fact]], st.SearchStrategy[Fact]]
RELAXED = settings(max_examples=10, deadline=None, suppress_health_check=[*HealthCheck], database=None)


def event_of(data: Fact, **fields: Any) -> Event:
    return Event(Envelope(event_id="e1", type=data.TYPE, film_id="f1", tenant_id="acme", occurred_at=AT, **fields), data)


def wire(event: Event) -> tuple[list[tuple[str, bytes]], bytes]:
    headers, value = encode(event)
    return [(k, v.encode()) for k, v in headers.items()], value


@pytest.mark.parametrize("type_", sorted(FACTS))
@RELAXED
@given(data=st.data())
def test_every_fact_comes_back_as_it_was(type_: str, facts_of: FactsOf, data: st.DataObject) -> None:
    event = event_of(data.draw(facts_of(FACTS[type_])))
    assert decode(*wire(event)) == event


@pytest.mark.parametrize("type_", sorted(FACTS))
@RELAXED
@given(data=st.data())
def test_a_field_that_a_newer_writer_added_is_ignored_at_every_depth(
    type_: str, facts_of: FactsOf, data: st.DataObject
) -> None:
    event = event_of(data.draw(facts_of(FACTS[type_])))
    headers, value = wire(event)
    newer = json.dumps(_with_news(json.loads(value))).encode()
    assert decode([*headers, ("ce_novelty", b"1")], newer) == event


def _with_news(node: Any) -> Any:
    if isinstance(node, list):
        return [_with_news(n) for n in node]
    if not isinstance(node, dict):
        return node
    free = {"files", "sizes", "steps", "device_seconds", "grade"}  # dictionaries with free names: an entry is data there
    inner = {k: v if k in free and isinstance(v, dict) else _with_news(v) for k, v in node.items()}
    return {**inner, "novelty": {"of": "v2"}}


def test_an_enum_value_that_a_newer_writer_added_becomes_unknown() -> None:
    event = event_of(FilmUpdated(version=1, status="published", brief_event_id="b"))  # type: ignore[arg-type]
    headers, value = wire(event)
    read = decode(headers, value.replace(b'"published"', b'"remastered"')).data
    assert isinstance(read, FilmUpdated)
    assert read.status == "unknown"
    assert not read.status.terminal


def test_a_type_that_this_reader_does_not_know_is_a_key_error_and_its_name_can_be_counted() -> None:
    headers = [(k, v if k != "ce_type" else b"shot.dreamt.v7") for k, v in wire(event_of(_updated()))[0]]
    assert type_of(headers) == "shot.dreamt.v7"
    with pytest.raises(KeyError):
        decode(headers, b"{}")


@pytest.mark.parametrize("missing", ["ce_specversion", "ce_id", "ce_type", "ce_tenantid"])
def test_a_missing_header_is_named(missing: str) -> None:
    headers, value = wire(event_of(_updated()))
    with pytest.raises(ContractError) as found:
        decode([h for h in headers if h[0] != missing], value)
    assert found.value.field == missing


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("ce_time", b"yesterday"),
        ("ce_time", b"2026-03-02T09:15:00"),
        ("ce_specversion", b"0.3"),
        ("ce_deadline", b"soon"),
        ("ce_id", b""),
    ],
)
def test_a_wrong_header_is_named(header: str, value: bytes) -> None:
    headers = [*[h for h in wire(event_of(_updated()))[0] if h[0] != header], (header, value)]
    with pytest.raises(ContractError) as found:
        read_envelope(headers)
    assert found.value.field == header


@pytest.mark.parametrize("value", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'{"version": 0}'])
def test_a_value_that_is_no_fact_is_a_contract_error(value: bytes) -> None:
    headers, _ = wire(event_of(_updated()))
    with pytest.raises(ContractError):
        decode(headers, value)


def test_headers_that_are_not_utf8_are_a_contract_error() -> None:
    with pytest.raises(ContractError, match="UTF-8"):
        read_envelope([("ce_specversion", b"\xff")])


def test_every_attribute_of_the_envelope_travels() -> None:
    event = event_of(_updated(), cause_id="c", deadline=AT, trace="00-1-2-01", source="/storyreel/gateway")
    headers, value = wire(event)
    assert decode(headers, value).envelope == event.envelope
    assert dict(headers)["ce_partitionkey"] == b"f1"


def test_facts_are_frozen() -> None:
    with pytest.raises(Exception, match="frozen"):
        _updated().version = 2


def test_a_fact_type_names_noun_past_and_version() -> None:
    import re

    assert all(re.fullmatch(r"[a-z]+\.[a-z]+(-[a-z]+)*\.v[1-9]\d*", t) for t in FACTS)
    assert FACTS["shot.rendered.v1"] is ShotRendered


def _updated() -> FilmUpdated:
    return FilmUpdated(version=1, status="screening", brief_event_id="b")  # type: ignore[arg-type]
