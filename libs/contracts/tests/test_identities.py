"""Partitions and ids are the same in every language: these vectors are for whoever writes another client."""

import uuid

import pytest
from aiokafka.partitioner import murmur2 as theirs
from hypothesis import given
from hypothesis import strategies as st
from storyreel_contracts import ids
from storyreel_contracts.partitioning import murmur2, partition_of


@pytest.mark.parametrize(
    ("key", "signed"),
    [  # from the tests of the Java client (UtilsTest.testMurmur2)
        (b"21", -973932308),
        (b"foobar", -790332482),
        (b"a-little-bit-long-string", -985981536),
        (b"a-little-bit-longer-string", -1486304829),
        (b"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971),
        (b"abc", 479470107),
    ],
)
def test_murmur2_is_that_of_the_java_client(key: bytes, signed: int) -> None:
    assert murmur2(key) == signed & 0xFFFFFFFF


@given(st.binary(max_size=64))
def test_murmur2_is_that_of_aiokafka(key: bytes) -> None:
    assert murmur2(key) == theirs(key) & 0xFFFFFFFF


def test_a_film_has_one_partition_and_films_spread_over_all() -> None:
    films = [ids.film_id("acme", f"brief-{i}") for i in range(600)]
    partitions = [partition_of(f, 6) for f in films]
    assert partitions == [partition_of(f, 6) for f in films]
    assert all(60 <= partitions.count(p) <= 140 for p in range(6))


@pytest.mark.parametrize(
    ("tenant", "brief", "film"),
    [
        ("dev", "brief-1", "6664766e-4ad1-5f65-a1b3-a41aa3773a3e"),
        ("acme", "spring-26-sneaker-1", "208bba40-e4a2-5b24-b7f2-062683e893c6"),
        ("zoë", "läuft-1", "174a9e76-4fe9-53ee-ae3d-e5d5ea05b21e"),
    ],
)
def test_a_film_id_can_be_computed_by_anyone(tenant: str, brief: str, film: str) -> None:
    assert ids.film_id(tenant, brief) == film
    assert film == str(uuid.uuid5(uuid.UUID("6f1d2f0e-6a55-5c0b-9c55-0d6a6f3a7b11"), f"film:{tenant}:{brief}"))


def test_no_tenant_can_name_anothers_film() -> None:
    assert ids.film_id("acme", "b") != ids.film_id("acme2", "b")
    assert ids.film_id("a", "b:c") != ids.film_id("other", "b:c")


def test_a_fact_is_named_by_its_cause_its_type_and_what_tells_it_apart() -> None:
    one = ids.event_id("cause", "shot.requested.v1", "s01")
    assert one == ids.event_id("cause", "shot.requested.v1", "s01") == "3ff4c693-0d11-594e-b562-2df700023e91"
    others = [
        ("cause2", "shot.requested.v1", "s01"),
        ("cause", "shot.rendered.v1", "s01"),
        ("cause", "shot.requested.v1", "s02"),
    ]
    assert one not in {ids.event_id(*o) for o in others}


def test_a_version_has_one_outcome_key() -> None:
    assert ids.outcome_key("f", 2) == "outcomes/f/v2"
