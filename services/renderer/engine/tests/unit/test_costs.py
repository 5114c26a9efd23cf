"""Learned costs: what was measured is believed, what was not is never taken for cheap."""

import pytest
from engine_fakes import FLAT, KNEE, LINEAR, Costs
from hypothesis import given
from hypothesis import strategies as st
from storyreel_engine.costs import REVISIT, WINDOW, StepCosts

SECONDS = st.floats(0.01, 100)


def learned(*measured: tuple[int, float]) -> StepCosts:
    costs = StepCosts()
    for size, seconds in measured:
        costs.learn_pass("k", size, seconds)
    return costs


def all_of(table: dict[int, float]) -> StepCosts:
    return learned(*((size, Costs(table).seconds(size)) for size in range(1, 17) for _ in range(2)))


def test_a_new_key_costs_nobody_knows_what() -> None:
    assert StepCosts().pass_seconds("k", 1) is None
    assert StepCosts().best("k", 8) == 1
    assert StepCosts().to_try("k", 8) is None


def test_the_first_pass_of_a_size_is_warm_up_and_is_forgotten() -> None:
    assert learned((1, 60.0), (1, 1.0)).pass_seconds("k", 1) == 1.0
    assert learned((1, 60.0)).pass_seconds("k", 1) == 60.0


@given(st.lists(st.floats(0.9, 1.1), min_size=WINDOW, max_size=30), st.lists(st.floats(50, 100), max_size=WINDOW // 2))
def test_a_few_odd_measurements_do_not_move_an_estimate(usual: list[float], odd: list[float]) -> None:
    costs = learned(*((1, seconds) for seconds in [*usual, *odd]))
    assert 0.9 <= (costs.pass_seconds("k", 1) or 0.0) <= 1.1


def test_a_device_that_became_slower_is_believed_after_a_few_passes() -> None:
    costs = learned(*[(1, 1.0)] * 20, *[(1, 2.0)] * WINDOW)
    assert costs.pass_seconds("k", 1) == 2.0


@given(st.dictionaries(st.integers(1, 16), SECONDS, min_size=1), st.integers(1, 32))
def test_a_guess_lies_between_its_neighbours_and_beyond_them_promises_nothing(known: dict[int, float], size: int) -> None:
    costs = learned(*known.items())
    guess = costs.pass_seconds("k", size)
    assert guess is not None
    largest = max(known)
    if size > largest:
        assert guess / size == pytest.approx(known[largest] / largest)
    elif size > min(known):
        below, above = max(s for s in known if s <= size), min(s for s in known if s >= size)
        low, high = sorted((known[below], known[above]))
        assert low * (1 - 1e-9) <= guess <= high * (1 + 1e-9)


@pytest.mark.parametrize(("table", "limit", "best"), [(FLAT, 8, 8), (LINEAR, 8, 1), (KNEE, 4, 4), (KNEE, 8, 8), (KNEE, 16, 16)])
def test_the_best_size_has_the_least_seconds_per_job(table: dict[int, float], limit: int, best: int) -> None:
    assert all_of(table).best("k", limit) == best


@given(st.lists(st.floats(0.995, 1.005), min_size=8, max_size=8))
def test_noise_on_linear_cost_is_not_taken_for_a_gain(noise: list[float]) -> None:
    costs = learned(*((size, size * factor) for size, factor in enumerate(noise, 1) for _ in range(2)))
    assert costs.best("k", 8) <= 2


def tries(table: dict[int, float], passes: int, limit: int = 8) -> list[int]:
    """The sizes of so many passes when there is always enough work."""
    costs, sizes = StepCosts(), []
    for _ in range(passes):
        wanted = costs.to_try("k", limit)
        size = costs.best("k", limit) if wanted is None else wanted
        costs.learn_pass("k", size, Costs(table).seconds(size))
        if wanted is not None:
            costs.tried("k")
        sizes.append(size)
    return sizes


def test_flat_cost_is_known_after_four_passes_and_then_left_alone() -> None:
    assert tries(FLAT, 4) == [1, 2, 4, 8]
    assert set(tries(FLAT, 100)[4:]) == {8}


def test_linear_cost_is_known_after_three_passes() -> None:
    assert tries(LINEAR, 100)[:4] == [1, 2, 2, 1]
    assert set(tries(LINEAR, 100)[3:]) == {1}


def test_between_unlike_sizes_all_are_measured_in_time() -> None:
    sizes = tries(KNEE, 200)
    assert set(sizes) == set(range(1, 9))
    assert sizes[100:].count(8) >= 95


def test_a_device_that_changes_is_found_out_because_neighbours_are_measured_again() -> None:
    costs = StepCosts()
    for count in range(4 * REVISIT):
        table = LINEAR if count < REVISIT else FLAT
        size = costs.to_try("k", 8) or costs.best("k", 8)
        costs.learn_pass("k", size, Costs(table).seconds(size))
    assert costs.best("k", 8) > 1


def test_operators_see_seconds_and_counts() -> None:
    costs = learned((1, 2.0), (1, 1.0))
    costs.learn_phase("k", "decode", 3.0)
    assert costs.to_json() == {"k": {"passes": {"1": {"seconds": 1.0, "count": 2}}, "decode": {"seconds": 3.0, "count": 1}}}
