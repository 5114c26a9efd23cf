"""Lag, reviews, edits, lists."""

import json
from typing import Any

import pytest
from storyreel_client.lag import Place
from storyreel_client.testing import MemoryBroker

FILM = "8d8b6c1e-0000-5000-8000-000000000001"


def test_lag_counts_from_the_committed_offset_and_from_the_first_record_without_one(storyreel: Any) -> None:
    broker: MemoryBroker = storyreel.broker
    broker.topics["gateway-films"] = [object()] * 7  # type: ignore[list-item]
    broker.offsets["planner"][Place("gateway-films", 0)] = 5
    rows = {r["group"]: r for r in storyreel("lag", "--json").rows}
    assert rows["planner"]["lag"] == 2
    assert rows["safety"]["lag"] == 7
    assert rows["safety"]["committed"] is None


def test_lag_has_rows_only_for_topics_that_a_group_reads(storyreel: Any) -> None:
    storyreel.broker.topics["renderer-progress"] = [object()]
    assert {r["group"] for r in storyreel("lag", "--json").rows} == {"gateway"}


def test_lag_of_a_service_that_is_not_is_a_usage_error(storyreel: Any) -> None:
    answer = storyreel("lag", "--service", "nobody")
    assert answer.code == 2
    assert "planner" in answer.err


def test_an_edit_sends_only_what_changes(storyreel: Any) -> None:
    storyreel.gateway.films[FILM] = {"film_id": FILM}
    assert storyreel("edit", FILM, "--shot", "s02", "--caption", "Neu").code == 0
    (request,) = storyreel.gateway.asked
    edit = json.loads(request.content)["edits"][0]
    assert edit == {"target": "shot", "shot_id": "s02", "caption": "Neu", "new_take": False}


def test_an_empty_caption_is_a_change(storyreel: Any) -> None:
    storyreel.gateway.films[FILM] = {"film_id": FILM}
    assert storyreel("edit", FILM, "--shot", "s02", "--caption", "").code == 0
    assert json.loads(storyreel.gateway.asked[0].content)["edits"][0]["caption"] == ""


@pytest.mark.parametrize("argv", [["--shot", "s02"], ["--caption", "x"], []])
def test_an_edit_without_shot_or_change_is_a_usage_error(storyreel: Any, argv: list[str]) -> None:
    assert storyreel("edit", FILM, *argv).code == 2
    assert not storyreel.gateway.asked


@pytest.mark.parametrize(
    ("argv", "field"), [(["--shot", "s02", "--prompt", ""], "prompt"), (["--primary-color", "red"], "primary_color")]
)
def test_an_edit_that_breaks_its_rules_names_the_field(storyreel: Any, argv: list[str], field: str) -> None:
    (row,) = storyreel("edit", FILM, *argv, "--json").rows
    assert row["exit_code"] == 2
    assert [p["field"] for p in row["problems"]] == [field]


@pytest.mark.parametrize("command", [["approve"], ["cancel"], ["watch"], ["edit", "--shot", "s01", "--new-take"]])
def test_a_film_that_is_not_there_is_exit_code_4(storyreel: Any, command: list[str]) -> None:
    answer = storyreel(*command, FILM)
    assert answer.code == 4
    assert "storyreel films" in answer.err


def test_a_key_that_is_not_known_is_exit_code_4(storyreel: Any) -> None:
    storyreel.environ["STORYREEL_API_KEY"] = "wrong"
    answer = storyreel("films")
    assert answer.code == 4
    assert "STORYREEL_API_KEY" in answer.err


@pytest.mark.parametrize(("status", "code"), [(409, 2), (422, 2), (429, 3), (500, 3), (503, 3)])
def test_each_answer_has_its_exit_code(storyreel: Any, status: int, code: int) -> None:
    storyreel.gateway.answers = [(status, {"title": "No", "detail": "Said why."})]
    answer = storyreel("films")
    assert answer.code == code
    assert "Said why." in answer.err


def test_problems_of_the_gateway_reach_the_user_field_by_field(storyreel: Any) -> None:
    problem = {"field": "duration_s", "reason": "too long", "remedy": "shorten it"}
    storyreel.gateway.answers = [(422, {"title": "Bad", "problems": [problem]})]
    (row,) = storyreel("films", "--json").rows
    assert (row["exit_code"], row["problems"]) == (2, [problem])


def test_films_are_listed_for_people_and_for_programs(storyreel: Any) -> None:
    storyreel.gateway.films[FILM] = {"film_id": FILM, "status": "published", "title": "Harbour [x]", "price_micros": 19500}
    assert storyreel("films", "--json").rows[0]["price_micros"] == 19500
    lines = storyreel("films").out.splitlines()
    assert lines[0].startswith("film_id\t")
    assert "Published\tHarbour [x]\t$0.0195" in lines[1]
    storyreel.terminal = True
    assert "Harbour [x]" in storyreel("films").out


def test_reviews_are_listed_and_decided(storyreel: Any) -> None:
    review = {"review_id": "r1", "film_id": FILM, "subject": "shot", "shot_id": "s02", "findings": [{"explanation": "A face."}]}
    storyreel.gateway.reviews = [review]
    assert storyreel("review", "ls", "--json").rows[0]["why"] == "A face."
    assert storyreel("review", "reject", "r1", "--note", "known person").code == 0
    assert json.loads(storyreel.gateway.asked[-1].content) == {"decision": "reject", "note": "known person"}
    assert storyreel("review", "approve", "r2").code == 4


def test_without_a_stack_the_error_says_how_to_get_one(storyreel: Any, tmp_path: Any) -> None:
    (tmp_path / ".storyreel" / "stack.json").unlink()
    answer = storyreel("films")
    assert answer.code == 2
    assert "make up" in answer.err


def test_single_variables_win_over_the_stack_file(storyreel: Any) -> None:
    storyreel.environ["STORYREEL_URL"] = "http://elsewhere/"
    storyreel("films")
    assert storyreel.gateway.asked[0].url.host == "elsewhere"


@pytest.mark.parametrize("content", ["not json", "[]", '{"gateway": "x"}'])
def test_a_broken_stack_file_is_no_traceback(storyreel: Any, tmp_path: Any, content: str) -> None:
    (tmp_path / ".storyreel" / "stack.json").write_text(content)
    answer = storyreel("films")
    assert answer.code == 2
    assert "Traceback" not in answer.err


def test_a_fault_of_ours_is_one_sentence_and_a_traceback_only_with_debug(storyreel: Any) -> None:
    storyreel.gateway.answers = [(200, {"films": [{"no": "id"}]})] * 2
    answer = storyreel("films")
    assert answer.code == 70
    assert "--debug" in answer.err
    assert "Traceback" not in answer.err
    with pytest.raises(Exception, match="A fault in this program"):
        storyreel("films", "--debug")


@pytest.mark.parametrize("argv", [["bogus"], ["submit"], ["films", "--limit", "0"], ["submit", "x", "--via", "pigeon"]])
def test_wrong_arguments_are_exit_code_2(storyreel: Any, argv: list[str]) -> None:
    assert storyreel(*argv).code == 2


def test_json_may_stand_before_or_after_the_command(storyreel: Any) -> None:
    storyreel.gateway.films[FILM] = {"film_id": FILM}
    assert storyreel("--json", "films").rows == storyreel("films", "--json").rows
