"""When a lost try is worth another one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from storyreel_contracts import FailureKind
from storyreel_contracts.failures import Fate
from storyreel_renderer.domain.tries import Falls, TryPolicy


@pytest.mark.parametrize("kind", [k for k in FailureKind if k.fate is not Fate.RETRY])
def test_only_what_the_contract_retries_is_tried_again(kind: FailureKind) -> None:
    assert Falls(TryPolicy()).pause_after(kind, held_against=True, advanced=True) is None


@given(st.integers(min_value=1, max_value=8))
def test_accepted_tries_without_a_checkpoint_are_bounded(most: int) -> None:
    falls = Falls(TryPolicy(fruitless=most))
    pauses = [falls.pause_after(FailureKind.DEVICE_LOST, held_against=True, advanced=False) for _ in range(most)]
    assert all(p is not None for p in pauses[:-1])
    assert pauses[-1] is None


def test_a_checkpoint_starts_the_count_anew() -> None:
    falls = Falls(TryPolicy(fruitless=2))
    for _ in range(10):
        assert falls.pause_after(FailureKind.DEVICE_LOST, held_against=True, advanced=True) == 1.0


def test_tries_that_say_nothing_against_the_job_end_by_patience_only() -> None:
    falls = Falls(TryPolicy(fruitless=2, pause_s=1.0, longest_pause_s=10.0, patience_s=100.0))
    pauses = []
    while (pause := falls.pause_after(FailureKind.CAPACITY, held_against=False, advanced=False)) is not None:
        pauses.append(pause)
    assert len(pauses) > 10
    assert sum(pauses) <= 100.0
    assert pauses[:5] == [1.0, 2.0, 4.0, 8.0, 10.0]
