"""Drift that was planted is found at a stated recall, what belongs together passes, and the correction brings it back."""

from collections.abc import Callable

import numpy as np
import pytest
from continuity_fakes import Frame, a_reading, exposed, grained, scene, tinted
from storyreel_continuity.domain.comparing import Expectation, Judgement, Neighbour, against_neighbour, against_plan
from storyreel_continuity.domain.measuring import reading_of
from storyreel_continuity.domain.readings import Motion, Swatch
from storyreel_continuity.domain.thresholds import Thresholds
from storyreel_contracts import Camera

PAIRS = 40


def beside(first: Frame, second: Frame, limits: Thresholds, *, same_scene: bool = True) -> Judgement:
    here, there = (reading_of([grained(p, 1)], 16) for p in (second, first))
    return against_neighbour(here, Neighbour("s00", there, same_scene), limits)


def share_drifted(limits: Thresholds, change: Callable[[Frame, int], Frame]) -> float:
    """Share of pairs of different pictures of one place that are called drifted once the second is changed."""
    drifted = [bool(beside(scene(i), change(scene(1000 + i), i), limits).corrections) for i in range(PAIRS)]
    return float(np.mean(drifted))


def test_different_pictures_of_one_place_match(limits: Thresholds) -> None:
    assert share_drifted(limits, lambda p, _: p) <= 0.05


@pytest.mark.parametrize("sign", [-1, 1])
def test_planted_exposure_drift_of_one_and_a_half_stops_is_found_at_95_percent(limits: Thresholds, sign: int) -> None:
    assert share_drifted(limits, lambda p, _: exposed(p, sign * 1.5)) >= 0.95


def test_planted_casts_in_all_directions_are_found_at_95_percent(limits: Thresholds) -> None:
    def cast(picture: Frame, index: int) -> Frame:
        angle = index * 2 * np.pi / PAIRS
        return tinted(picture, 24 * np.cos(angle), 24 * np.sin(angle))

    assert share_drifted(limits, cast) >= 0.95


def test_small_changes_that_nobody_sees_match(limits: Thresholds) -> None:
    assert share_drifted(limits, lambda p, i: tinted(exposed(p, 0.3 * (-1) ** i), 2, -2)) <= 0.1


def test_the_suggested_grade_brings_the_take_back(limits: Thresholds) -> None:
    drifted = tinted(exposed(scene(7), -1.4), 4, 22)
    judged = beside(scene(8), drifted, limits)
    grade = {k: v for c in judged.corrections for k, v in c.grade.items()}
    assert grade.keys() == {"exposure_stops", "a", "b"}
    mended = tinted(exposed(drifted, grade["exposure_stops"]), grade["a"], grade["b"])
    assert not beside(scene(8), mended, limits).corrections


def test_another_scene_may_look_more_different(limits: Thresholds) -> None:
    assert beside(scene(1), exposed(scene(2), -1.5), limits).corrections
    assert not beside(scene(1), exposed(scene(2), -1.5), limits, same_scene=False).corrections


def expectation(camera: Camera = Camera.UNKNOWN, palette: tuple[str, ...] = (), lighting: str = "soft") -> Expectation:
    return Expectation(camera, palette, lighting)


@pytest.mark.parametrize(
    ("camera", "motion", "holds"),
    [
        (Camera.STATIC, (0.5, 0, 0.5), True), (Camera.STATIC, (6, 0, 0), False), (Camera.STATIC, (0, 0, -6), False),
        (Camera.PAN_LEFT, (5, 0, 0), True), (Camera.PAN_LEFT, (-5, 0, 0), False), (Camera.PAN_LEFT, (0, 0, 0), False),
        (Camera.PAN_RIGHT, (-5, 0, 0), True), (Camera.PUSH_IN, (0, 0, 4), True), (Camera.PUSH_IN, (0, 0, -4), False),
        (Camera.PULL_OUT, (0, 0, -4), True), (Camera.TRACK, (3, 1, 0), True), (Camera.TRACK, (0, 0, 5), False),
    ],
)  # fmt: skip
def test_the_camera_is_held_against_the_plan(
    camera: Camera, motion: tuple[float, float, float], holds: bool, limits: Thresholds
) -> None:
    moved = Motion(right=motion[0], down=motion[1], zoom=motion[2], support=1)
    judged = against_plan(a_reading(motion=moved), expectation(camera), limits)
    measures = [m for m in judged.measures if m.axis == "camera"]
    assert measures
    assert all(m.passed for m in measures) is holds
    assert bool(judged.corrections) is not holds
    assert all(c.prompt_hint for c in judged.corrections)


@pytest.mark.parametrize("camera", list(Camera))
def test_what_cannot_be_measured_is_absent_and_not_failed(camera: Camera, limits: Thresholds) -> None:
    judged = against_plan(a_reading(motion=None), expectation(camera), limits)
    assert {m.axis for m in judged.measures} == {"exposure"}
    assert not judged.corrections


@pytest.mark.parametrize(
    ("stops", "lighting", "holds"),
    [
        (-5.5, "soft", True),
        (-5.6, "soft", False),
        (2.6, "soft", False),
        (-6.5, "moonlit night", True),
        (1.0, "deep night", False),
        (-4.5, "bright noon", False),
    ],
)
def test_exposure_is_held_against_the_bibles_lighting(stops: float, lighting: str, holds: bool, limits: Thresholds) -> None:
    judged = against_plan(a_reading(exposure=stops), expectation(lighting=lighting), limits)
    assert [m.passed for m in judged.measures] == [holds]
    assert [c.grade["exposure_stops"] > 0 for c in judged.corrections] == ([] if holds else [stops < 0])


def test_the_bibles_palette_is_measured_only_where_it_is_one(limits: Thresholds) -> None:
    red = Swatch(lightness=50, a=60, b=40, share=0.6)
    grey = Swatch(lightness=50, a=1, b=1, share=0.4)
    reading = a_reading().model_copy(update={"swatches": [red, grey]})
    blues = ("#0a2a6b", "#3a6bc8", "#9fc2ff")
    measured = [m for m in against_plan(reading, expectation(palette=blues), limits).measures if m.axis == "palette"]
    assert [(m.passed, m.against, m.unit) for m in measured] == [(False, "bible", "deltaE2000")]
    fitting = against_plan(reading, expectation(palette=("#c8402a", "#3a6bc8", "#ffffff")), limits)
    assert [m.passed for m in fitting.measures if m.axis == "palette"] == [True]
    for brand_or_grey in (against_plan(reading, expectation(palette=blues[:1]), limits),
                          against_plan(a_reading(), expectation(palette=blues), limits)):  # fmt: skip
        assert "palette" not in {m.axis for m in brand_or_grey.measures}
