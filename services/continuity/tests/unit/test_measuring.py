"""Numbers are right: ΔE2000 by the published pairs, stops by the lens, motion by a known window; noise has no camera."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from continuity_fakes import exposed, grained, moving, scene, tinted
from hypothesis import given, settings
from hypothesis import strategies as st
from storyreel_continuity.domain.colour import delta_e, exposure_of, lab_of, lab_of_hex, swatches_of
from storyreel_continuity.domain.measuring import reading_of

_PAIRS = np.loadtxt(Path(__file__).parent / "sharma.txt")


@pytest.mark.parametrize("pair", _PAIRS, ids=lambda p: f"dE {p[6]}")
def test_delta_e_2000_agrees_with_sharmas_published_pairs(pair: np.ndarray) -> None:
    assert delta_e(pair[:3], pair[3:6]) == pytest.approx(pair[6], abs=5e-5)
    assert delta_e(pair[3:6], pair[:3]) == pytest.approx(pair[6], abs=5e-5)


def test_there_are_all_34_pairs_and_plain_distance_would_fail_them() -> None:
    """Negative control: the Euclidean ΔE76 is not what is measured here."""
    assert len(_PAIRS) == 34
    assert sum(abs(np.linalg.norm(p[:3] - p[3:6]) - p[6]) > 0.01 for p in _PAIRS) >= 30


def test_opencv_and_coloraide_mean_the_same_lab() -> None:
    frame = np.array([[[255, 136, 0]]], np.uint8)
    assert lab_of(frame)[0] == pytest.approx(lab_of_hex("#ff8800"), abs=0.1)


@given(st.floats(-2, 0.8), st.integers(0, 50))
@settings(max_examples=20, deadline=None)
def test_a_change_of_light_is_measured_in_stops(stops: float, seed: int) -> None:
    picture = scene(seed)
    assert exposure_of(exposed(picture, stops)) - exposure_of(picture) == pytest.approx(stops, abs=0.25)


def test_the_grey_card_is_at_zero_stops() -> None:
    assert exposure_of(np.full((8, 8, 3), 118, np.uint8)) == pytest.approx(0, abs=0.05)


@given(st.floats(-12, 12), st.floats(-12, 12))  # stronger tints leave sRGB in places and are clipped there
@settings(max_examples=15, deadline=None)
def test_a_tint_is_measured_in_lab(a: float, b: float) -> None:
    picture = scene(3)
    before, after = lab_of(picture).mean(axis=0), lab_of(tinted(picture, a, b)).mean(axis=0)
    assert after[1:] - before[1:] == pytest.approx([a, b], abs=2.0)


def test_swatches_are_the_colours_of_the_picture_by_share() -> None:
    picture = np.zeros((10, 100, 3), np.uint8)
    picture[:, :70], picture[:, 70:] = (200, 30, 30), (30, 30, 200)
    first, second = swatches_of(lab_of(picture))
    assert (first.share, second.share) == (pytest.approx(0.7), pytest.approx(0.3))
    assert delta_e((first.lightness, first.a, first.b), lab_of_hex("#c81e1e")) < 1


@pytest.mark.parametrize("pixels", [-4.0, -1.0, 0.0, 1.0, 4.0])
@pytest.mark.parametrize("seed", [1, 2])
def test_a_pan_is_measured_in_percent_of_the_width_per_second(pixels: float, seed: int) -> None:
    motion = reading_of(moving(seed, right=pixels), 16).motion
    assert motion is not None
    assert motion.right == pytest.approx(pixels / 400 * 16 * 100, abs=0.4)
    assert motion.zoom == pytest.approx(0, abs=0.5)


@pytest.mark.parametrize("zoom", [0.996, 1.004])
def test_a_push_and_a_pull_are_measured_in_percent_per_second(zoom: float) -> None:
    motion = reading_of(moving(1, zoom=zoom), 16).motion
    assert motion is not None
    assert motion.zoom == pytest.approx((zoom - 1) * 16 * 100, abs=1.5)
    assert abs(motion.right) < 0.6


def test_someone_who_crosses_a_static_shot_is_not_the_camera() -> None:
    still = scene(4)
    frames = []
    for i in range(33):
        picture = grained(still, i)
        picture[80:200, 20 + 6 * i : 110 + 6 * i] = (210, 40, 40)
        frames.append(picture)
    motion = reading_of(frames, 16).motion
    assert motion is not None
    assert (motion.right, motion.zoom) == (pytest.approx(0, abs=0.4), pytest.approx(0, abs=0.5))


@given(st.integers(0, 2**32 - 1), st.sampled_from([1, 4, 8, 16]), st.integers(10, 127))
@settings(max_examples=12, deadline=None)
def test_noise_of_any_grain_has_no_measurable_camera(seed: int, size: int, amplitude: int) -> None:
    chance = np.random.default_rng(seed)
    shape = (144 // size, 256 // size, 3)
    frames = [
        cv2.resize(
            chance.integers(128 - amplitude, 128 + amplitude, shape, np.uint8), (256, 144), interpolation=cv2.INTER_CUBIC
        )
        for _ in range(7)
    ]
    assert reading_of(frames, 16).motion is None


def test_flat_and_single_pictures_have_no_measurable_camera() -> None:
    assert reading_of([np.full((72, 128, 3), 90, np.uint8)] * 17, 16).motion is None
    assert reading_of([scene(1)], 16).motion is None
    with pytest.raises(ValueError, match="no frames"):
        reading_of([], 16)
