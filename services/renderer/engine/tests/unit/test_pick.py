"""The order of jobs: class, then deadline, then arrival."""

from dataclasses import dataclass

from engine_fakes import request
from hypothesis import given
from hypothesis import strategies as st
from storyreel_engine.pick import pick, rank
from storyreel_engine.wire import RenderRequest, Tier


@dataclass(frozen=True)
class Waiting:
    request: RenderRequest
    arrival: int


DEADLINES = st.none() | st.floats(0, 1e10, allow_nan=False)
WAITING = st.builds(
    lambda tier, deadline, arrival: Waiting(request(tier=tier, deadline_unix=deadline), arrival),
    st.sampled_from(Tier),
    DEADLINES,
    st.integers(0, 1000),
)


def test_nothing_is_picked_from_nothing() -> None:
    assert pick([]) is None


@given(st.lists(WAITING, min_size=1))
def test_no_waiting_job_comes_before_the_picked_one(jobs: list[Waiting]) -> None:
    chosen = pick(jobs)
    assert chosen is not None
    assert all(rank(chosen) <= rank(job) for job in jobs)


@given(st.lists(WAITING, min_size=1), st.randoms(use_true_random=False))
def test_the_choice_does_not_depend_on_the_order_of_the_list(jobs: list[Waiting], random: object) -> None:
    shuffled = list(jobs)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    first, second = pick(jobs), pick(shuffled)
    assert first is not None
    assert second is not None
    assert rank(first) == rank(second)


@given(DEADLINES, DEADLINES)
def test_a_preview_comes_before_a_final_whatever_their_deadlines(preview: float | None, final: float | None) -> None:
    jobs = [
        Waiting(request("f", tier=Tier.FINAL, deadline_unix=final), 0),
        Waiting(request("p", tier=Tier.PREVIEW, deadline_unix=preview), 1),
    ]
    chosen = pick(jobs)
    assert chosen is not None
    assert chosen.request.job_id == "p"


def test_a_job_without_deadline_comes_after_one_with_a_late_one_and_ties_go_to_the_first_come() -> None:
    late = Waiting(request("late", deadline_unix=1e10), 5)
    none = Waiting(request("none"), 0)
    none_later = Waiting(request("none"), 1)
    assert pick([none_later, none, late]) is late
    assert pick([none_later, none]) is none
