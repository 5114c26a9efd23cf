"""The checker's own controls: a whole history has no violation, and each planted fault is found by the rule that is for it."""

import json
from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest
from history import Violation, agree, judge, late_after_deadline, late_starts, repeated, side_by_side, without_gaps
from hypothesis import given
from hypothesis import strategies as st
from records import History, Record, Step, Stored
from storyreel_contracts import RenderSpec
from storyreel_contracts.plan import ModelRef
from storyreel_renderer.domain.takes import trajectory

FILM, KEY, CUT = "film-1", "ab" * 32, "cd" * 32
NULL = ModelRef(name="null", version="1")
SPEC = RenderSpec(
    prompt="a sneaker", width=256, height=144, frames=25, fps=16, steps=4, guidance=1, seed=7, model=NULL
)  # fmt: skip
PATH = trajectory(SPEC, 0)
Facts = list[tuple[str, str, dict[str, Any]]]


def ref(data: bytes) -> dict[str, Any]:
    digest = sha256(data).hexdigest()
    return {"uri": f"s3://storyreel/sha256/{digest[:2]}/{digest}", "sha256": digest, "size": len(data), "media_type": "x/y"}


FILES = {"film-16x9.mp4": ref(b"the film")}
MANIFEST: dict[str, Any] = {
    "film_id": FILM, "version": 1, "cut_key": CUT, "files": {n: {"sha256": r["sha256"]} for n, r in FILES.items()}
}  # fmt: skip
MANIFEST_REF = ref(json.dumps(MANIFEST).encode())
STORED = [ref(b"the take"), *FILES.values(), MANIFEST_REF]
FACTS: Facts = [
    ("campaign-briefs", "brief.submitted.v1", {}),
    ("gateway-films", "film.requested.v1", {"version": 1}),
    ("safety-verdicts", "brief.cleared.v1", {"version": 1}),
    ("planner-films", "film.planned.v1", {"version": 1}),
    ("safety-verdicts", "plan.cleared.v1", {"version": 1}),
    ("planner-shots-preview", "shot.requested.v1", {"version": 1, "key": KEY, "spec": SPEC.model_dump(mode="json")}),
    ("renderer-shots", "shot.rendered.v1", {"version": 1, "key": KEY, "reused": False, "artifact": ref(b"the take")}),
    ("safety-verdicts", "shot.cleared.v1", {"version": 1, "key": KEY}),
    ("planner-films", "cut.requested.v1", {"version": 1, "cut_key": CUT, "shots": [{"key": KEY}]}),
    ("safety-verdicts", "film.cleared.v1", {"version": 1, "cut_key": CUT}),
    ("assembler-films", "film.published.v1", {"version": 1, "cut_key": CUT, "files": {**FILES, "manifest.json": MANIFEST_REF}}),
]  # fmt: skip
END = len(FACTS) - 1


def record(number: int, topic: str, type_: str, data: dict[str, Any], **headers: str) -> Record:
    own = {"ce_id": f"event-{number}", "ce_type": type_, **({"ce_causeid": f"event-{number - 1}"} if number else {}), **headers}
    return Record(topic, 0, number, 1_000 * number, FILM, own, json.dumps(data).encode())


def history(**changes: Any) -> History:
    whole = History(
        films=frozenset({FILM}),
        records=tuple(record(n, *fact) for n, fact in enumerate(FACTS)),
        objects={r["uri"].split("/", 3)[3]: Stored(r["sha256"], r["size"]) for r in STORED},
        claims={(FILM, 1): "published"},
        manifests={MANIFEST_REF["sha256"]: MANIFEST},
        steps=tuple(Step(PATH, n, "1/job", 5_500 + n * 100, 0.1 if n else 0.0) for n in range(5)),
    )
    return replace(whole, **changes)


def without(type_: str) -> History:
    """As if nobody had written these facts, and nobody named them as a cause."""
    left = [r for r in history().records if r.type != type_]
    return history(records=tuple(replace(r, headers={**r.headers, "ce_causeid": ""}) for r in left))


def beside(*more: Record, **changes: Any) -> History:
    return history(records=(*history().records, *more), **changes)


def again(number: int, event: str = "", **data: Any) -> Record:
    """A fact written once more, under its own id or another, with other data."""
    old = history().records[number]
    headers = {**old.headers, **({"ce_id": event} if event else {})}
    return replace(
        old, offset=old.offset + 100, at_ms=old.at_ms + 100, headers=headers, value=json.dumps({**old.data, **data}).encode()
    )


def rules(violations: list[Violation]) -> set[str]:
    return {v.rule for v in violations}


def test_a_whole_history_has_no_violation() -> None:
    assert judge(history()) == []


def test_a_fact_written_twice_under_its_own_id_is_no_violation() -> None:
    assert judge(beside(*(again(n) for n in range(len(FACTS))))) == []


CANCELLED = record(90, "gateway-films", "film.cancelled.v1", {"version": 1}, ce_causeid="")
LETTER = Record("planner-dlq", 0, 0, 99, FILM, {"ce_type": "plan.cleared.v1", "x-dlq-error": "why"}, b"{}")
EDITED = record(91, "gateway-films", "film.edit-requested.v1", {"version": 2}, ce_causeid="")
PLANTED: dict[str, tuple[str, Callable[[], History]]] = {
    "a film that never ends": ("one_end", lambda: without("film.published.v1")),
    "a brief that made no film": ("one_end", lambda: without("film.requested.v1")),
    "a film that nobody heard of": ("one_end", lambda: history(films=frozenset({FILM, "film-2"}))),
    "an edit that never ends": ("one_end", lambda: beside(EDITED)),
    "published and cancelled": ("one_end", lambda: beside(CANCELLED)),
    "published twice": ("one_end", lambda: beside(again(END, "event-other"))),
    "one id with two meanings": ("one_meaning", lambda: beside(again(3, title="another"))),
    "no clearance of the brief": ("only_cleared", lambda: without("brief.cleared.v1")),
    "no clearance of the plan": ("only_cleared", lambda: without("plan.cleared.v1")),
    "no clearance of a shot": ("only_cleared", lambda: without("shot.cleared.v1")),
    "no clearance of the cut": ("only_cleared", lambda: without("film.cleared.v1")),
    "a cut that nobody asked for": ("only_cleared", lambda: without("cut.requested.v1")),
    "a take paid for twice": ("paid_once", lambda: beside(again(6, "event-other"))),
    "bytes that are gone": ("bytes_are_there", lambda: history(objects={})),
    "bytes that are others": (
        "bytes_are_there",
        lambda: history(objects=dict.fromkeys(history().objects, Stored("0" * 64, 8))),
    ),
    "a claim without its fact": ("claims_and_ends", lambda: without("film.published.v1")),
    "a fact without its claim": ("claims_and_ends", lambda: history(claims={})),
    "a claim of something else": ("claims_and_ends", lambda: history(claims={(FILM, 1): "cancelled"})),
    "no manifest": ("manifests_match", lambda: history(manifests={})),
    "a manifest of another film": (
        "manifests_match",
        lambda: history(manifests={MANIFEST_REF["sha256"]: {**MANIFEST, "film_id": "film-2"}}),
    ),
    "a dead letter": ("nothing_dead", lambda: beside(LETTER)),
    "a lost cause": ("causes_are_known", lambda: history(records=tuple(r for r in history().records if r.offset != 3))),
    "a record that nobody committed": ("nothing_uncommitted", lambda: history(lag={"planner on renderer-shots": 1})),
}  # fmt: skip


@pytest.mark.parametrize("fault", PLANTED)
def test_a_planted_fault_is_found_by_its_rule(fault: str) -> None:
    rule, planted = PLANTED[fault]
    assert rule in rules(judge(planted()))


@given(st.sets(st.integers(1, 9), min_size=1, max_size=8))
def test_whatever_records_go_missing_in_the_middle_somebody_notices(gone: set[int]) -> None:
    left = tuple(r for r in history().records if r.offset not in gone)
    assert judge(history(records=left))
    assert rules(list(without_gaps(replace(r, topic="one") for r in left))) == {"without_gaps"}


def test_offsets_that_go_on_are_no_gap() -> None:
    assert not list(without_gaps(replace(r, topic="one") for r in history().records))


def test_another_film_s_trouble_is_not_this_film_s() -> None:
    stranger = replace(LETTER, key="film-2")
    assert judge(beside(stranger)) == []


def test_steps_made_once_are_no_repetition_and_steps_made_twice_are_counted_by_their_seconds() -> None:
    assert repeated(history()).share == 0
    twice = (*history().steps, Step(PATH, 3, "2/job", 9_000, 0.1))
    work = repeated(history(steps=twice))
    assert work.made == pytest.approx(0.5)
    assert work.share == pytest.approx(0.2)


def test_two_jobs_at_once_are_found_and_two_jobs_one_after_the_other_are_not() -> None:
    first = history().steps
    after = tuple(replace(s, job="2/job", at_ms=s.at_ms + 1_000) for s in first)
    within = tuple(replace(s, job="2/job", at_ms=s.at_ms + 150) for s in first)
    assert not list(side_by_side(history(steps=(*first, *after))))
    assert rules(list(side_by_side(history(steps=(*first, *within))))) == {"side_by_side"}


def test_a_render_that_starts_after_the_end_is_found_and_one_within_the_grace_is_not() -> None:
    end = history().records[END].at_ms
    late = history(steps=(Step(PATH, 0, "1/job", end + 1_001),))
    assert rules(list(late_starts(late, 1_000))) == {"late_starts"}
    assert not list(late_starts(late, 1_001))
    assert rules(list(late_after_deadline(late, 1_000, {FILM: end}))) == {"late_after_deadline"}
    assert not list(late_after_deadline(late, 1_000, {}))


def test_two_readers_that_saw_the_same_agree_and_any_difference_is_named() -> None:
    records = history().records
    assert not list(agree(records, records))
    assert rules(list(agree(records[:-1], records))) == {"agree"}
    assert rules(list(agree(records, records[1:]))) == {"agree"}
    assert rules(list(agree(records, [*records[:-1], replace(records[-1], value=b"{}")]))) == {"agree"}
