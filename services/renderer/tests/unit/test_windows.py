"""Long shots and small memories: smaller windows are tried, and how well they hold together is measured on the pictures."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from renderer_fakes import Lab, a_request
from renderer_studio import Studio
from storyreel_contracts import Fact, FailureKind, ShotRendered, ShotRenderFailed
from storyreel_renderer.domain.seams import NEAR, seam
from storyreel_renderer.domain.windows import smaller_windows, starts

FRAMES, OVERLAP = 41, 5


@given(st.integers(min_value=1, max_value=400), st.integers(min_value=0, max_value=40))
def test_windows_get_smaller_stay_of_the_models_kind_and_reach_beyond_what_they_share(frames: int, overlap: int) -> None:
    tried = list(smaller_windows(frames, overlap))
    assert len(tried) <= 2
    assert tried == sorted(set(tried), reverse=True)
    assert all(window % 4 == 1 and overlap < window < frames for window in tried)
    assert all(window <= frames / 2 for window in tried)


def test_half_and_then_a_quarter_of_a_shot_are_tried() -> None:
    assert list(smaller_windows(81, 9)) == [37, 17]
    assert list(smaller_windows(81, 20)) == [37]
    assert list(smaller_windows(81, 9, 8)) == [33, 17]
    assert list(smaller_windows(81, 0)) == [], "a model that makes no windows"


@given(st.integers(min_value=1, max_value=400), st.integers(min_value=2, max_value=90), st.integers(min_value=1, max_value=40))
def test_windows_cover_a_shot_and_share_what_they_must(frames: int, window: int, overlap: int) -> None:
    overlap = min(overlap, window - 1)
    begun = starts(frames, window, overlap)
    ends = [min(frames, start + window) for start in begun]
    assert (begun[0], ends[-1]) == (0, frames)
    assert all(before - after >= overlap for before, after in zip(ends, begun[1:], strict=False))


async def rendered_where_there_is_room_for(frames_at_once: int, **card: int) -> tuple[Lab, Fact]:
    studio = Studio()
    lab = studio.lab(**card)
    lab.room_for = frames_at_once
    spec = a_request().spec.model_copy(update={"frames": FRAMES})
    async with studio.replica(lab) as replica:
        return lab, await studio.clock.run(replica.ask(a_request(spec=spec)))


async def test_a_shot_that_does_not_fit_is_made_in_windows_and_says_so() -> None:
    lab, fact = await rendered_where_there_is_room_for(20, window_overlap=OVERLAP)
    assert isinstance(fact, ShotRendered), fact
    assert [job.window for job in lab.started] == [0, 17]
    assert (fact.frames, fact.windows) == (FRAMES, 3)
    assert fact.seam is not None
    assert fact.seam < 1.5
    assert fact.device_seconds == pytest.approx(0.4 + 0.1), "what ran out of memory is on the bill"


async def test_the_smallest_window_is_the_last_word() -> None:
    lab, fact = await rendered_where_there_is_room_for(5, window_overlap=OVERLAP)
    assert isinstance(fact, ShotRenderFailed)
    assert fact.kind is FailureKind.OUT_OF_MEMORY
    assert [job.window for job in lab.started] == [0, 17, 9]


async def test_control_a_model_that_makes_no_windows_leaves_it_to_the_planner() -> None:
    lab, fact = await rendered_where_there_is_room_for(20)
    assert isinstance(fact, ShotRenderFailed)
    assert fact.kind is FailureKind.OUT_OF_MEMORY
    assert len(lab.started) == 1


async def test_a_shot_longer_than_a_window_is_halved_from_what_ran_at_once() -> None:
    lab, _ = await rendered_where_there_is_room_for(9, window_overlap=OVERLAP, max_frames=21)
    assert [job.window for job in lab.started][:2] == [0, 9]


def moving(frames: int = 33) -> np.ndarray:
    """A gradient that drifts evenly."""
    across = np.arange(64)[None, None, :, None] + 2 * np.arange(frames)[:, None, None, None]
    return np.broadcast_to(across % 256, (frames, 32, 64, 3)).astype(np.uint8)


def test_an_even_movement_has_no_seam() -> None:
    assert seam(moving(), [8, 16]) == pytest.approx(1.0)


def test_a_jump_at_an_edge_is_measured_against_the_usual_change_around_it() -> None:
    jumps = moving().astype(int)
    jumps[16:] += 10
    assert seam(jumps.astype(np.uint8), [8, 16]) == pytest.approx(6.0)
    assert seam(jumps.astype(np.uint8), [8]) == pytest.approx(1.0), "a change elsewhere is the shot's own"


def test_a_jump_in_a_shot_that_stands_still_is_found_too() -> None:
    still = np.full((17, 8, 8, 3), 100, np.uint8)
    assert seam(still, [8]) == 0.0
    still[8:] += 1
    assert seam(still, [8]) == pytest.approx(4.0)


def test_without_edges_there_is_nothing_to_measure() -> None:
    assert seam(moving(), []) is None
    assert seam(moving(5), [0, 5, 99]) is None


def test_only_what_is_near_counts_as_usual() -> None:
    calm_then_wild = moving(60).astype(int)
    calm_then_wild[40:] += np.random.default_rng(1).integers(0, 100, (20, 1, 1, 1))
    assert seam(calm_then_wild.astype(np.uint8), [40 - 2 * NEAR]) == pytest.approx(1.0)
