"""A reading against the bible, the plan's camera and the shot before: measures with their limits, and what would help."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from math import hypot

from storyreel_contracts import Camera
from storyreel_contracts.takes import Axis, Correction, Measure

from storyreel_continuity.domain.colour import delta_e, lab_of_hex
from storyreel_continuity.domain.readings import Motion, Reading, Swatch
from storyreel_continuity.domain.thresholds import Thresholds

_RATE, _ZOOM = "percent of width per second", "percent per second"
_DELTA_E, _STOPS = "deltaE2000", "stops"
_HINTS = {
    Camera.STATIC: "locked-off camera on a tripod, no camera movement, no zoom",
    Camera.PAN_LEFT: "the camera pans slowly to the left, the scene moves to the right of the frame",
    Camera.PAN_RIGHT: "the camera pans slowly to the right, the scene moves to the left of the frame",
    Camera.PUSH_IN: "slow push-in towards the subject, the subject grows in the frame",
    Camera.PULL_OUT: "slow pull-out from the subject, the subject shrinks in the frame",
    Camera.TRACK: "the camera tracks alongside the subject, the background slides past",
}


@dataclass(frozen=True)
class Expectation:
    """What the plan and its bible say of a shot."""

    camera: Camera
    palette: tuple[str, ...]
    lighting: str


@dataclass(frozen=True)
class Neighbour:
    """The take before, and whether it belongs to the same scene."""

    shot_id: str
    reading: Reading
    same_scene: bool


@dataclass(frozen=True)
class Judgement:
    """All that could be measured; a correction for each measure that failed."""

    measures: tuple[Measure, ...]
    corrections: tuple[Correction, ...]


Pair = tuple[Measure, Correction]


def against_plan(reading: Reading, wanted: Expectation, limits: Thresholds) -> Judgement:
    """The take by itself: bible and camera."""
    return _judgement(
        [*_bible_palette(reading, wanted, limits), _bible_exposure(reading, wanted, limits), *_camera(reading, wanted, limits)]
    )


def against_neighbour(reading: Reading, before: Neighbour, limits: Thresholds) -> Judgement:
    """The take beside the one before it."""
    return _judgement([_cast(reading, before, limits), _exposure(reading, before, limits)])


def both(one: Judgement, other: Judgement) -> Judgement:
    """Two judgements as one."""
    return Judgement(one.measures + other.measures, one.corrections + other.corrections)


def _judgement(pairs: Sequence[Pair]) -> Judgement:
    return Judgement(tuple(m for m, _ in pairs), tuple(c for m, c in pairs if not m.passed))


def _at_most(axis: Axis, value: float, limit: float, unit: str, against: str) -> Measure:
    return Measure(
        axis=axis, value=round(value, 3), threshold=limit, unit=unit, against=against, passed=abs(round(value, 3)) <= limit
    )


def _cast(reading: Reading, before: Neighbour, limits: Thresholds) -> Pair:
    """Difference of mean colour at equal lightness: light is the exposure's matter."""
    here, there = reading, before.reading
    level = (here.lightness + there.lightness) / 2
    apart = delta_e((level, here.a, here.b), (level, there.a, there.b))
    factor = 1.0 if before.same_scene else limits.palette.across_scenes_factor
    limit = limits.palette.neighbour_max_delta_e2000 * factor
    to_a, to_b = there.a - here.a, there.b - here.b
    correction = Correction(
        axis=Axis.PALETTE,
        explanation=f"The colours are {apart:.1f} deltaE2000 from {before.shot_id}; a* by {to_a:+.1f}, b* by {to_b:+.1f}.",
        prompt_hint=f"{_tint(to_a, to_b)}, the same colours as in the shot before",
        grade={"a": round(to_a, 2), "b": round(to_b, 2)},
    )
    return _at_most(Axis.PALETTE, apart, limit, _DELTA_E, before.shot_id), correction


def _tint(to_a: float, to_b: float) -> str:
    if abs(to_b) >= abs(to_a):
        return "warmer light" if to_b > 0 else "cooler light"
    return "less green in the light" if to_a > 0 else "less magenta in the light"


def _exposure(reading: Reading, before: Neighbour, limits: Thresholds) -> Pair:
    brighter = reading.exposure - before.reading.exposure
    factor = 1.0 if before.same_scene else limits.exposure.across_scenes_factor
    measure = _at_most(Axis.EXPOSURE, brighter, limits.exposure.neighbour_max_stops * factor, _STOPS, before.shot_id)
    return measure, _light(brighter, f"{before.shot_id}")


def _bible_exposure(reading: Reading, wanted: Expectation, limits: Thresholds) -> Pair:
    low, high = limits.exposure.allowed(wanted.lighting)
    outside = min(0.0, reading.exposure - low) + max(0.0, reading.exposure - high)
    measure = _at_most(Axis.EXPOSURE, outside, limits.exposure.bible_max_stops, _STOPS, "bible")
    return measure, _light(outside, "what the bible's lighting allows")


def _light(stops: float, against: str) -> Correction:
    word = "brighter" if stops > 0 else "darker"
    return Correction(
        axis=Axis.EXPOSURE,
        explanation=f"The picture is {abs(stops):.1f} stops {word} than {against}.",
        prompt_hint="darker, less exposed" if stops > 0 else "brighter, well exposed",
        grade={"exposure_stops": round(-stops, 2)},
    )


def _bible_palette(reading: Reading, wanted: Expectation, limits: Thresholds) -> Iterator[Pair]:
    """Measured where the bible has a palette of a film and the picture has colour; neutrals go with everything."""
    rules = limits.palette
    colourful = [s for s in reading.swatches if hypot(s.a, s.b) >= rules.chromatic_min_c]
    share = sum(s.share for s in colourful)
    if len(wanted.palette) < rules.bible_min_colors or share < rules.chromatic_min_share:
        return
    bible = [lab_of_hex(c) for c in wanted.palette]
    apart = sum(_nearest(s, bible) * s.share for s in colourful) / share
    correction = Correction(
        axis=Axis.PALETTE,
        explanation=f"The colours are on average {apart:.1f} deltaE2000 from the nearest of the bible's palette.",
        prompt_hint=f"colour palette of {', '.join(wanted.palette)}",
    )
    yield _at_most(Axis.PALETTE, apart, rules.bible_max_delta_e2000, _DELTA_E, "bible"), correction


def _nearest(swatch: Swatch, bible: Sequence[tuple[float, float, float]]) -> float:
    return min(delta_e((swatch.lightness, swatch.a, swatch.b), colour) for colour in bible)


def _camera(reading: Reading, wanted: Expectation, limits: Thresholds) -> Iterator[Pair]:
    """Measured where something in the take can be tracked and the plan says how the camera moves."""
    move, rules = reading.motion, limits.camera
    if move is None or wanted.camera not in _HINTS:
        return
    if wanted.camera is Camera.STATIC:
        yield _still(hypot(move.right, move.down), rules.static_max_percent_width_per_s, _RATE)
        yield _still(abs(move.zoom), rules.static_max_zoom_percent_per_s, _ZOOM)
        return
    zooms = wanted.camera in {Camera.PUSH_IN, Camera.PULL_OUT}
    least = rules.zoom_min_percent_per_s if zooms else rules.move_min_percent_width_per_s
    value = round(_ALONG[wanted.camera](move), 3)
    measure = Measure(
        axis=Axis.CAMERA, value=value, threshold=least, unit=_ZOOM if zooms else _RATE, against="bible", passed=value >= least
    )
    explanation = f"The camera should {wanted.camera.value.replace('_', ' ')}, but moves {value:.1f} {measure.unit} that way."
    yield measure, Correction(axis=Axis.CAMERA, explanation=explanation, prompt_hint=_HINTS[wanted.camera])


def _still(value: float, limit: float, unit: str) -> Pair:
    explanation = f"The camera should stand still, but moves {value:.1f} {unit}."
    correction = Correction(axis=Axis.CAMERA, explanation=explanation, prompt_hint=_HINTS[Camera.STATIC])
    return _at_most(Axis.CAMERA, value, limit, unit, "bible"), correction


_ALONG: dict[Camera, Callable[[Motion], float]] = {
    Camera.PAN_LEFT: lambda m: m.right,  # the content moves against the camera
    Camera.PAN_RIGHT: lambda m: -m.right,
    Camera.PUSH_IN: lambda m: m.zoom,
    Camera.PULL_OUT: lambda m: -m.zoom,
    Camera.TRACK: lambda m: hypot(m.right, m.down),
}
