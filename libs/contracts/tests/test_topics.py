"""The catalogue, tested as the data that it is."""

import re
from pathlib import Path

import pytest
from storyreel_contracts import FACTS, FilmPublished, ShotRequested
from storyreel_contracts.topics import (
    BY_NAME,
    CATALOGUE,
    PUBLIC,
    SERVICES,
    Topic,
    dead_letters_of,
    retries_of,
    timers_of,
    topic_for,
    topics_read_by,
)

ROOT = Path(__file__).parents[3]
OUTSIDE = {"campaign", "operator"}
by_name = pytest.mark.parametrize("topic", CATALOGUE, ids=lambda t: t.name)
by_service = pytest.mark.parametrize("service", SERVICES)


@by_name
def test_a_name_is_owner_and_stream_in_kebab_case(topic: Topic) -> None:
    assert re.fullmatch(r"[a-z]+(-[a-z0-9]+)+", topic.name)
    assert topic.name.startswith(topic.owner) or topic.name in {"campaign-briefs", "film-updates"}


def test_no_name_stands_twice() -> None:
    assert len(BY_NAME) == len(CATALOGUE)


@by_name
def test_a_topic_is_keyed_by_film_and_says_what_it_is_for(topic: Topic) -> None:
    assert topic.key == ("letter_id" if topic.owner == "operator" else "film_id")
    assert topic.purpose
    assert topic.partitions >= 1


@by_name
def test_owner_and_readers_exist(topic: Topic) -> None:
    for who in {topic.owner, *topic.readers} - OUTSIDE:
        assert (ROOT / "services" / who).is_dir(), who


@by_service
def test_every_service_has_an_owner_among_people(service: str) -> None:
    codeowners = ROOT / "CODEOWNERS"
    assert f"/services/{service}/" in codeowners.read_text()


def test_no_fact_is_an_orphan() -> None:
    carried = {type_ for topic in CATALOGUE for type_ in topic.types}
    assert carried == set(FACTS)


@pytest.mark.parametrize("topic", PUBLIC, ids=lambda t: t.name)
def test_somebody_reads_every_topic_and_it_carries_something(topic: Topic) -> None:
    assert topic.readers
    assert topic.facts


def test_each_fact_has_one_writer() -> None:
    several = {"shot.requested.v1": 1, "timer.due.v1": len(SERVICES)}
    for type_ in FACTS:
        writers = {t.owner for t in CATALOGUE if type_ in t.types}
        assert len(writers) == several.get(type_, 1), type_


@by_service
def test_dead_letters_outlive_whatever_they_came_from(service: str) -> None:
    kept = BY_NAME[dead_letters_of(service)].retention_ms
    assert all(kept >= BY_NAME[name].retention_ms for name in topics_read_by(service))


@by_service
def test_what_was_done_with_a_dead_letter_is_known_longer_than_the_letter(service: str) -> None:
    assert BY_NAME["operator-audit"].retention_ms > 2 * BY_NAME[dead_letters_of(service)].retention_ms


@by_service
def test_a_service_reads_its_retries_and_timers_and_never_its_dead_letters(service: str) -> None:
    read = topics_read_by(service)
    assert {*retries_of(service), timers_of(service)} <= set(read)
    assert dead_letters_of(service) not in read


@by_service
def test_nobody_else_reads_a_services_own_topics(service: str) -> None:
    own = {*retries_of(service), timers_of(service), dead_letters_of(service)}
    assert all(not own & set(topics_read_by(other)) for other in SERVICES if other != service)


def test_films_stay_in_order_because_topics_of_one_fact_flow_have_equal_partitions() -> None:
    assert {t.partitions for t in PUBLIC} == {6}


@pytest.mark.parametrize(("tier", "name"), [("keyframe", "preview"), ("preview", "preview"), ("final", "final")])
def test_finals_go_their_own_way(tier: str, name: str) -> None:
    assert topic_for(ShotRequested.model_construct(tier=tier), "planner") == f"planner-shots-{name}"


def test_writing_anothers_fact_is_an_error_that_names_both() -> None:
    with pytest.raises(LookupError, match=r"planner owns no topic for film\.published\.v1"):
        topic_for(FilmPublished.model_construct(), "planner")
