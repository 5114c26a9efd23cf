"""The yardsticks of the bench: each sees what it is for, and says so when it is there."""

from pathlib import Path

import pytest
from engine.fairness import service
from engine.limits import least, price
from engine.rows import Row
from engine.runs import Run, packed_bound, percentile
from engine.serving import SOURCES, Device, _repository
from engine.stopping import _lost
from engine.workloads import FLAT, KNEE, LINEAR, Job, Table, finals, mixed
from storyreel_engine.virtual_device import Unit

SMALL, BIG = frozenset({"small"}), frozenset({"big-1", "big-2"})


def device(table: Table) -> Device:
    return Device(table.name, table.spec, table.max_batch)


def passes(*batches: str, start: float = 0.0) -> list[Unit]:
    """One unit of a second for each word, whose jobs are joined by +; steps are counted by job."""
    done: dict[str, int] = {}
    units = []
    for number, batch in enumerate(batches):
        jobs = tuple(batch.split("+"))
        done.update({job: done.get(job, 0) + 1 for job in jobs})
        units.append(
            Unit("pass", start + number, start + number + 1, jobs, tuple(done[job] for job in jobs), 1, start + number + 1)
        )
    return units


def test_taking_turns_is_fair() -> None:
    given = service(passes(*["small", "big-1"] * 100), SMALL, BIG)
    assert given.gap == 1
    assert given.jain > 0.9999


def test_one_tenant_three_times_in_four_is_not() -> None:
    given = service(passes(*["small", "big-1", "big-2", "big-1"] * 50, "small"), SMALL, BIG)
    assert given.gap > 50
    assert given.jain < 0.9


def test_what_a_tenant_gets_before_the_other_comes_counts_for_nothing() -> None:
    assert service(passes(*["small"] * 30, *["big-1", "small"] * 100), SMALL, BIG).gap == 1


def test_a_shared_pass_is_split() -> None:
    assert service(passes(*["small+big-1"] * 10), SMALL, BIG).gap == 0


def test_the_bound_is_every_pass_in_the_cheapest_batch() -> None:
    around = 0.005 + 2 * 0.012
    assert packed_bound(device(FLAT), finals(4)) == pytest.approx(50 * 0.05 + 4 * around)
    assert packed_bound(device(LINEAR), finals(4)) == pytest.approx(4 * (50 * 0.05 + around))
    assert packed_bound(device(KNEE), finals(8)) == pytest.approx(50 * 0.05 * 2.55 + 8 * around)


def test_a_draft_counts_as_the_steps_that_it_does() -> None:
    draft = Job("draft", "preview", 50, stop_after=10)
    assert packed_bound(device(LINEAR), [draft]) == pytest.approx(10 * 0.05 + 0.029)


def test_a_repeated_step_and_a_cut_one_are_lost() -> None:
    done = passes("a", "a", "a")
    killed = Unit("pass", 3.0, 4.0, ("a",), (4,), 1)
    again = passes("a", start=10.0)
    assert _lost([Job("a", "final", 4)], [*done, killed, *again], 3.25) == [pytest.approx(0.25)]
    assert _lost([Job("a", "final", 4)], [*done, killed, *again, *passes("a", start=11.0)], 3.25) == [pytest.approx(1.25)]


def test_idle_time_is_not_busy() -> None:
    run = Run("ours", [], [*passes("a", "a"), *passes("a", start=5.0)])
    assert run.busy(0.0, 6.0) == pytest.approx(0.5)
    assert run.busy(0.5, 1.5) == pytest.approx(1.0)


@pytest.mark.parametrize(("share", "expected"), [(0.5, 50), (0.99, 99), (1.0, 100), (0.001, 1)])
def test_a_percentile_is_a_value_that_was_there(share: float, expected: int) -> None:
    assert percentile(list(range(1, 101)), share) == expected


def test_a_row_judges_its_median_or_its_worst() -> None:
    assert Row(goal="P1", what="", ours=[1.0, 1.0, 9.0], limit=2).reached is True
    assert Row(goal="P1", what="", ours=[1.0, 1.0, 9.0], limit=2, worst=True).reached is False
    assert Row(goal="P1", what="", ours=[98.0, 99.0], limit=99, better="high", worst=True).reached is False
    assert Row(goal="P1", what="", ours=[1.0]).reached is None


def test_a_preview_waits_at_least_for_the_rest_of_the_unit_during_which_it_came() -> None:
    preview, units = Job("p", "preview", 4), passes("a", "b")
    assert least(FLAT, preview, 0.25, units) == pytest.approx(0.75 + FLAT.preview_seconds)
    assert least(FLAT, preview, 1.0, units) == pytest.approx(1.0 + FLAT.preview_seconds)
    assert least(FLAT, preview, 2.0, units) == pytest.approx(FLAT.preview_seconds), "nothing runs then"


def test_keeping_previews_costs_something_only_where_the_cheapest_pass_is_too_long_for_them() -> None:
    seconds = KNEE.spec.table.seconds
    fours = 4 * (seconds(4) - 4 * seconds(8) / 8)
    assert price(FLAT) == price(LINEAR) == pytest.approx(0.0)
    assert 0 < price(KNEE) < fours
    assert price(KNEE) < price(KNEE, 1.6) < price(KNEE, 1.3)
    assert price(KNEE, 4.0) == pytest.approx(0.0)


def test_the_same_seed_gives_every_side_the_same_arrivals_and_another_seed_others() -> None:
    assert mixed(FLAT, 1) == mixed(FLAT, 1)
    assert mixed(FLAT, 1) != mixed(FLAT, 2)


def test_every_side_serves_the_same_model_folder(tmp_path: Path) -> None:
    sides = tuple(SOURCES)
    folder = _repository(tmp_path, [Device("flat", FLAT.spec, 4, sides)])
    configs = [(folder / f"{name}_flat" / "config.pbtxt").read_text() for name in ("ours", "a", "a_split", "b")]
    assert [config.count(f'"{tmp_path / "models" / "flat"}"') for config in configs] == [1] * len(sides)
    assert [("max_batch_size: 4" in config) for config in configs] == [False, True, True, True]
