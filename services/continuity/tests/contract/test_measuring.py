"""The real measuring, in child processes, on real files."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from continuity_fakes import a_reading, clip, exposed, grained, moving, scene
from storyreel_continuity.adapters.measuring import ChildMeasuring
from storyreel_continuity.adapters.thresholds import read_thresholds
from storyreel_continuity.domain.ports import Footage, MeasuringFailed, Other
from storyreel_continuity.domain.readings import Gap


async def test_a_take_is_read_from_its_file_and_shown_beside_the_other(measuring: ChildMeasuring, tmp_path: Path) -> None:
    frames = [f[:224] for f in moving(1, right=2, frames=17)]
    take = Footage("s01 preview", clip(tmp_path / "take.mp4", 17, lambda i: frames[i]), "video/mp4")
    before = Footage("s00 preview", clip(tmp_path / "before.mp4", 17, lambda i: grained(scene(2), i)), "video/mp4")
    alone = await measuring.measure(take, None)
    both = await measuring.measure(take, Other(before, a_reading()))
    assert alone.reading == both.reading
    assert alone.reading.motion is not None
    assert alone.reading.motion.right == pytest.approx(8, abs=1)
    single, double = (cv2.imdecode(np.frombuffer(s.picture, np.uint8), cv2.IMREAD_COLOR) for s in (alone, both))
    assert double.shape[0] == 2 * single.shape[0]


async def test_a_final_is_compared_with_its_preview_file(measuring: ChildMeasuring, tmp_path: Path) -> None:
    take = Footage("s00 final", clip(tmp_path / "final.mp4", 9, lambda i: grained(scene(1), i)), "video/mp4")
    same = Footage("s00 preview", clip(tmp_path / "same.mp4", 9, lambda i: grained(scene(1), 50 + i)), "video/mp4")
    other = Footage("s00 preview", clip(tmp_path / "other.mp4", 9, lambda i: grained(scene(2), i)), "video/mp4")
    near, far = [(await measuring.measure(take, None, preview)).gap for preview in (same, other)]
    assert isinstance(near, Gap)
    assert isinstance(far, Gap)
    assert near.ssim > far.ssim
    assert near.delta_e < 1 < far.delta_e


async def test_a_preview_that_cannot_be_decoded_leaves_the_take_measured(measuring: ChildMeasuring, tmp_path: Path) -> None:
    take = Footage("s00 final", clip(tmp_path / "final.mp4", 3, lambda i: grained(scene(1), i)), "video/mp4")
    (tmp_path / "bad.mp4").write_text("not a film")
    seen = await measuring.measure(take, None, Footage("s00 preview", tmp_path / "bad.mp4", "video/mp4"))
    assert seen.reading.lightness > 0
    assert isinstance(seen.gap, str)


async def test_a_still_has_colours_and_light_but_no_camera(measuring: ChildMeasuring, tmp_path: Path) -> None:
    path = tmp_path / "still.png"
    cv2.imwrite(str(path), exposed(scene(1), -1))
    seen = await measuring.measure(Footage("s00 keyframe", path, "image/png"), None)
    assert seen.reading.motion is None
    assert seen.reading.exposure < 0
    assert seen.picture.startswith(b"\xff\xd8\xff")


async def test_what_is_no_film_is_a_lasting_failure(measuring: ChildMeasuring, tmp_path: Path) -> None:
    path = tmp_path / "text.mp4"
    path.write_text("not a film")
    for media_type in ("video/mp4", "text/plain"):
        with pytest.raises(MeasuringFailed) as caught:
            await measuring.measure(Footage("s00", path, media_type), None)
        assert caught.value.lasting


async def test_over_its_time_is_a_failure_that_may_pass(tmp_path: Path) -> None:
    path = clip(tmp_path / "take.mp4", 8, lambda i: grained(scene(2), i))
    with ChildMeasuring(1, 0.02, 4096) as hasty, pytest.raises(MeasuringFailed) as caught:
        await hasty.measure(Footage("s00", path, "video/mp4"), None)
    assert not caught.value.lasting


@pytest.mark.parametrize("text", ["[", "palette: {}", "1"])
def test_a_wrong_thresholds_file_stops_the_start(tmp_path: Path, text: str) -> None:
    path = tmp_path / "thresholds.yaml"
    path.write_text(text)
    with pytest.raises(ValueError, match="holds no thresholds"):
        read_thresholds(path)
