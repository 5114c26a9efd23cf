"""The grade moves a shot towards the master, never too far, and leaves the master alone."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from storyreel_assembler.adapters.grading import look_of, table_of, to_lab, to_rgb
from storyreel_assembler.domain.grade import Grade, Look, match

LOOKS = st.builds(Look, st.floats(5, 95), st.floats(0.5, 40), st.floats(-50, 50), st.floats(-50, 50), st.floats(0.5, 60))


@given(LOOKS, LOOKS)
def test_a_grade_is_bounded_and_the_masters_own_is_none(shot: Look, master: Look) -> None:
    grade = match(shot, master)
    assert abs(grade.lift) <= 10
    assert abs(grade.a) <= 6
    assert abs(grade.b) <= 6
    assert 0.85 <= grade.contrast <= 1.15
    assert table_of(match(master, master)) is None


def test_lab_and_back_is_the_same_colour() -> None:
    rgb = np.random.default_rng(1).random((200, 3))
    assert np.abs(to_rgb(to_lab(rgb)) - rgb).max() < 1e-3
    assert np.allclose(to_lab(np.array([[1.0, 1.0, 1.0]])), [[100, 0, 0]], atol=0.02)


def test_a_graded_shot_is_nearer_to_the_master() -> None:
    rng = np.random.default_rng(2)
    master = rng.integers(60, 120, (8, 40, 40, 3), dtype=np.uint8)
    shot = np.clip(master.astype(int) + np.array([60, 40, 10]), 0, 255).astype(np.uint8)
    one, two = look_of(master, every=1), look_of(shot, every=1)
    table = table_of(match(two, one))
    assert table is not None
    graded = look_of([table.apply(picture) for picture in shot], every=1)
    assert abs(graded.lightness - one.lightness) < abs(two.lightness - one.lightness)
    assert abs(graded.a - one.a) < abs(two.a - one.a)


def test_black_and_white_stay_what_they_are() -> None:
    table = table_of(Grade(pivot=50, lift=10, a=6, b=-6))
    assert table is not None
    ends = table.apply(np.array([[[0, 0, 0], [255, 255, 255]]], np.uint8))
    assert ends.tolist() == [[[0, 0, 0], [255, 255, 255]]]
