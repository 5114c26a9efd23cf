"""What part of a take is seen: never outside it, the subject in it."""

from hypothesis import given
from hypothesis import strategies as st
from storyreel_assembler.domain.film import SIZES, Box, Size
from storyreel_assembler.domain.framing import Window, compose, cover, seen

SOURCES = st.builds(Size, st.integers(64, 1280), st.integers(64, 1280))
TARGETS = st.sampled_from(sorted(SIZES.values(), key=str))
BOXES = st.tuples(st.floats(0, 0.7), st.floats(0, 0.7), st.floats(0.1, 0.3), st.floats(0.1, 0.3)).map(
    lambda b: Box(b[0], b[1], b[0] + b[2], b[1] + b[3])
)


def inside(window: Window, source: Size) -> bool:
    return -0.01 <= window.x0 < window.x1 <= source.width + 0.01 and -0.01 <= window.y0 < window.y1 <= source.height + 0.01


@given(SOURCES, TARGETS, st.none() | BOXES)
def test_the_window_lies_in_the_take_and_keeps_its_shape(source: Size, target: Size, subject: Box | None) -> None:
    window = compose(source, target, subject)
    assert inside(window, source)
    drawn = (window.place.y1 - window.place.y0) * target.height / target.width
    assert abs((window.y1 - window.y0) / (window.x1 - window.x0) - drawn) < 0.02 * max(1, drawn)


@given(SOURCES, TARGETS, BOXES)
def test_the_subjects_sides_stay_in_the_picture(source: Size, target: Size, subject: Box) -> None:
    window = compose(source, target, subject)
    assert window.x0 <= subject.x0 * source.width + 0.6
    assert window.x1 >= subject.x1 * source.width - 0.6


def test_a_blind_crop_would_lose_the_subject() -> None:
    source, target, subject = Size(832, 480), SIZES["final", "9:16"], Box(0.7, 0.2, 0.95, 0.8)
    blind, aware = cover(source, target, None), compose(source, target, subject)
    assert blind.x1 < subject.x1 * source.width
    assert aware.x1 >= subject.x1 * source.width


def test_a_wide_subject_stands_whole_on_a_field_of_its_own() -> None:
    source, target, subject = Size(832, 480), SIZES["final", "9:16"], Box(0.1, 0.2, 0.9, 0.8)
    window = compose(source, target, subject)
    assert window.place.y0 > 0.1
    shown = seen(subject, source, window)
    assert shown is not None
    assert shown.x0 < 0.08
    assert shown.x1 > 0.92
