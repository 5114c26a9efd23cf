"""Time on the film's grid: pieces tile the film, dissolves take handles, takes are never held."""

import pytest
from assembler_fakes import a_film
from hypothesis import given
from hypothesis import strategies as st
from storyreel_assembler.domain.film import Brand, Film, Shot, Unbuildable
from storyreel_assembler.domain.layout import DISSOLVE_FRAMES, Layout, lay_out, pace

SHOTS = st.lists(st.tuples(st.integers(2, 200), st.sampled_from(["cut", "dissolve"])), min_size=1, max_size=12)


def film_of(lengths: list[tuple[int, str]], card_s: float, fps: int = 24) -> Film:
    shots, at = [], 0
    for number, (frames, transition) in enumerate(lengths):
        shots.append(Shot(f"s{number:02d}", at, frames, transition_in=transition))  # type: ignore[arg-type]
        at += frames
    return Film(tuple(shots), Brand("Aero", end_card_s=card_s), fps=fps)


def assert_tiled(layout: Layout) -> None:
    at = 0
    for piece in layout.pieces:
        assert piece.span.first == at
        assert piece.span.frames > 0
        at = piece.span.end
    assert at == layout.total


@given(SHOTS, st.floats(0, 10), st.sampled_from([24, 25, 30]))
def test_pieces_tile_the_film_and_its_length_is_the_storyboards(
    lengths: list[tuple[int, str]], card_s: float, fps: int
) -> None:
    layout = lay_out(film_of(lengths, card_s, fps))
    assert_tiled(layout)
    assert layout.total == sum(frames for frames, _ in lengths)
    for placed in layout.shots:
        assert placed.needed.first <= placed.span.first <= placed.clear.first
        assert placed.clear.end <= placed.span.end <= placed.needed.end


def test_a_gap_in_the_pieces_would_be_seen() -> None:
    layout = lay_out(a_film())
    holed = Layout(layout.fps, layout.total, layout.shots, (*layout.pieces[:1], *layout.pieces[2:]))
    with pytest.raises(AssertionError):
        assert_tiled(holed)


def test_a_dissolve_is_twelve_frames_centred_on_the_cut() -> None:
    layout = lay_out(a_film())
    [dissolve] = [piece for piece in layout.pieces if piece.kind == "dissolve"]
    assert dissolve.span.frames == DISSOLVE_FRAMES
    assert (dissolve.span.first + dissolve.span.end) / 2 == layout.shots[1].span.first


def test_the_end_card_belongs_to_the_last_shots_time() -> None:
    layout = lay_out(a_film())
    card = layout.pieces[-1]
    assert (card.kind, card.span.end, card.span.frames) == ("card", layout.total, 36)
    assert card.span.first >= layout.shots[-1].span.first


@pytest.mark.parametrize(
    ("shots", "field"),
    [
        ((Shot("s01", 0, 24), Shot("s02", 20, 24)), r"s02\.start_frame"),
        ((Shot("s01", 0, 24), Shot("s02", 30, 24)), r"s02\.start_frame"),
        ((Shot("s01", 0, 1),), r"s01\.frames"),
        ((), "shots"),
    ],
)
def test_a_storyboard_that_does_not_hold_together_is_refused_by_field(shots: tuple[Shot, ...], field: str) -> None:
    with pytest.raises(Unbuildable, match=field):
        lay_out(Film(shots))


@given(st.integers(2, 400), st.sampled_from([24, 25, 30]), st.integers(2, 200), st.sampled_from([8.0, 16.0, 24.0, 30.0]))
def test_a_take_is_read_forwards_inside_itself_and_never_held(needed: int, fps: int, frames: int, rate: float) -> None:
    read = pace(needed, fps, frames, rate)
    last = read.offset + (needed - 1) * read.step
    assert read.offset >= 0
    assert last <= frames - 1 + 1e-3
    assert read.step > 0
    assert read.stretch >= 1.0


def test_a_long_take_plays_at_its_own_speed_and_a_short_one_is_slowed() -> None:
    assert pace(48, 24, 40, 16).stretch == 1.0
    assert pace(48, 24, 40, 16).step == pytest.approx(16 / 24)
    assert pace(48, 24, 17, 16).stretch == pytest.approx(47 * 16 / 24 / 16, abs=1e-3)


def test_a_still_cannot_be_cut() -> None:
    with pytest.raises(Unbuildable, match="moving pictures"):
        pace(48, 24, 1, 16)
