"""What a brief may ask for, and how a bad one is told: field, reason, remedy."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from storyreel_contracts import Brief, Problem, problems_of

REF = {
    "id": "product",
    "role": "product",
    "artifact": {"uri": "s3://b/k", "sha256": "0" * 64, "size": 1, "media_type": "image/png"},
}


def brief(**changes: Any) -> dict[str, Any]:
    return {"prompt": "A calm harbour at dawn", "duration_s": 6.0, **changes}


def frame(start: float, end: float, **changes: Any) -> dict[str, Any]:
    return {"start_s": start, "end_s": end, "prompt": "x", **changes}


def refused(document: Any) -> list[Problem]:
    with pytest.raises(ValidationError) as found:
        Brief.model_validate_json(document if isinstance(document, bytes) else json.dumps(document))
    return problems_of(found.value)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"duration_s": 1800}, "duration_s"),
        ({"duration_s": 0}, "duration_s"),
        ({"duration_s": "long"}, "duration_s"),
        ({"prompt": "x" * 100_000}, "prompt"),
        ({"prompt": ""}, "prompt"),
        ({"budget": {"amount": "0"}}, "budget.amount"),
        ({"budget": {"amount": "-3"}}, "budget.amount"),
        ({"budget": {"amount": "3", "currency": "EUR"}}, "budget.currency"),
        ({"storyboard": [frame(-1, 6)]}, "storyboard[0].start_s"),
        ({"storyboard": [frame(0, -6)]}, "storyboard[0].end_s"),
        ({"storyboard": [frame(0, 4), frame(3, 6)]}, "storyboard[1].start_s"),
        ({"storyboard": [frame(0, 3), frame(4, 6)]}, "storyboard[1].start_s"),
        ({"storyboard": [frame(2, 2)]}, "storyboard[0].end_s"),
        ({"storyboard": [frame(0, 5)]}, "storyboard[0].end_s"),
        ({"storyboard": [frame(0, 6, prompt="x" * 5_000)]}, "storyboard[0].prompt"),
        ({"storyboard": [frame(0, 6, caption="x" * 501)]}, "storyboard[0].caption"),
        ({"storyboard": [frame(0, 6, picture="nothing")]}, "storyboard[0].picture"),
        ({"storyboard": [frame(i / 10, (i + 1) / 10) for i in range(61)]}, "storyboard"),
        ({"references": [REF, REF]}, "references"),
        ({"references": [{**REF, "artifact": None}]}, "references[0].artifact"),
        ({"references": [{"id": "p", "role": "product"}]}, "references[0].artifact"),
        ({"brand": {"name": "A", "primary_color": "red"}}, "brand.primary_color"),
        ({"brand": {"name": "A", "primary_color": "#ff0000", "logo": "no"}}, "brand.logo"),
        ({"aspects": ["4:3"]}, "aspects[0]"),
        ({"aspects": []}, "aspects"),
        ({"aspects": ["16:9", "16:9"]}, "aspects"),
        ({"fps": 23}, "fps"),
        ({"deadline": "2026-01-01T00:00:00"}, "deadline"),
        ({"locale": "not a locale"}, "locale"),
        ({"category": "Über"}, "category"),
        ({"tier": "keyframe"}, "tier"),
        ({"seed": -1}, "seed"),
    ],
)
def test_a_bad_brief_names_its_field_with_reason_and_remedy(changes: dict[str, Any], field: str) -> None:
    problems = refused(brief(**changes))
    assert field in [p.field for p in problems]
    assert all(p.reason and p.remedy for p in problems)


@pytest.mark.parametrize("document", [b"", b"{", b"not json", b"[]", b"null", b"\xff\xfe{}"])
def test_what_is_no_json_object_is_refused_as_a_whole(document: bytes) -> None:
    assert [p.field for p in refused(document)] == ["brief"]


def test_every_wrong_field_is_named_at_once() -> None:
    fields = {p.field for p in refused(brief(duration_s=-1, fps=1, seed="x"))}
    assert fields == {"duration_s", "fps", "seed"}


def test_a_problem_never_repeats_the_offending_value() -> None:
    secret = "call me at 555-0100 " * 300
    assert "555-0100" not in json.dumps([p.model_dump() for p in refused(brief(prompt=secret))])


@pytest.mark.parametrize("caption", ["🏃‍♀️ schnell 👟", "צועדים ביחד", "اركض بسهولة", "दौड़ना आसान", "日本語の字幕", "a\u200db"])
def test_captions_may_be_in_any_script(caption: str) -> None:
    read = Brief.model_validate(brief(storyboard=[frame(0, 6, caption=caption, narration=caption)]))
    assert Brief.model_validate_json(read.model_dump_json()).storyboard[0].caption == caption


@given(st.lists(st.integers(1, 72), min_size=1, max_size=12))
def test_a_storyboard_without_gaps_is_honoured_to_the_thousandth(frames: list[int]) -> None:
    at, board = 0.0, []
    for count in frames:
        board.append(frame(at, at + count / 24))
        at += count / 24
    if 1 <= at <= 300:
        assert len(Brief.model_validate(brief(duration_s=at, storyboard=board)).storyboard) == len(frames)


@given(st.floats(0.002, 2.0), st.booleans())
def test_a_gap_or_overlap_of_two_thousandths_is_refused(by: float, gap: bool) -> None:
    start = 3 + by if gap else 3 - by
    assert any("start_s" in p.field for p in refused(brief(storyboard=[frame(0, 3), frame(start, 6)])))


def test_a_deadline_is_late_from_its_own_moment_on() -> None:
    at = datetime(2026, 3, 2, 9, tzinfo=UTC)
    asked = Brief.model_validate(brief(deadline=at.isoformat()))
    assert asked.is_late(at)
    assert asked.is_late(at + timedelta(seconds=1))
    assert not asked.is_late(at - timedelta(seconds=1))
    assert not Brief.model_validate(brief()).is_late(at)


@given(st.decimals("0.000001", "100000", places=6))
def test_a_budget_is_exact_in_millionths(amount: Any) -> None:
    assert Brief.model_validate(brief(budget={"amount": str(amount)})).budget.micros == int(amount * 1_000_000)


def test_a_name_in_another_form_is_told_by_field_and_with_the_form_as_remedy() -> None:
    with pytest.raises(ValidationError) as caught:
        Brief.model_validate({"prompt": "x", "duration_s": 5, "lora": {"name": "../ink"}})
    (problem,) = problems_of(caught.value)
    assert (problem.field, problem.remedy) == (
        "lora.name", "write it with the characters and in the form that the pattern allows",
    )  # fmt: skip
