"""The gap between a final and its preview: right numbers, the right preview, and never more than information."""

from typing import Any

import numpy as np
import pytest
from continuity_fakes import FakeMeasuring, a_cut, a_plan, a_reading, a_take, exposed, moving, scene, tinted
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from storyreel_chassis.artifacts import MemoryArtifactStore
from storyreel_chassis.testing import FakeClock, RoomHarness, an_event
from storyreel_continuity.app import build_room
from storyreel_continuity.domain.readings import Reading
from storyreel_continuity.domain.thresholds import Thresholds
from storyreel_continuity.domain.tier_gap import gap_of, ssim
from storyreel_contracts import ArtifactRef, Event
from storyreel_contracts.takes import Comparison, TierGap

Frame = NDArray[np.uint8]
KEYS = ["1" * 64, "2" * 64, "3" * 64]


def waves(seed: int) -> Frame:
    """A grey picture that any program can make."""
    y, x = np.mgrid[0:72, 0:128].astype(np.float64)
    grey = np.clip(128 + 60 * np.sin(x / (7 + seed)) + 50 * np.cos(y / (5 + seed)), 0, 255).round().astype(np.uint8)
    return np.dstack([grey, grey, grey])


def brighter(picture: Frame) -> Frame:
    return np.clip(picture.astype(int) + 20, 0, 255).astype(np.uint8)


@pytest.mark.parametrize(
    ("other", "value"),
    [
        (waves(0), 1.0),
        (waves(1), 0.3715425426956936),
        (brighter(waves(0)), 0.9791036765009088),
        (255 - waves(0), -0.49277554835706315),
        (np.roll(waves(0), 2, axis=1), 0.9683153654737587),
    ],
)
def test_ssim_agrees_with_scikit_image(other: Frame, value: float) -> None:
    """Values of scikit-image 0.26.0, structural_similarity(gaussian_weights=True, use_sample_covariance=False)."""
    assert ssim(waves(0), other.astype(np.uint8)) == pytest.approx(value, abs=1e-9)


def test_the_same_pictures_have_no_gap_and_another_seed_has() -> None:
    clip = moving(1, right=2, frames=9)
    same, other = gap_of(clip, 16, clip, 16), gap_of(clip, 16, moving(2, right=2, frames=9), 16)
    assert (same.ssim, same.delta_e) == (pytest.approx(1.0), pytest.approx(0.0, abs=1e-6))
    assert other.ssim < 0.8
    assert other.delta_e > 2


def test_a_smaller_preview_of_the_same_pictures_is_nearly_equal() -> None:
    import cv2

    clip = [scene(i, 180, 320) for i in range(5)]
    small = [cv2.resize(f, (160, 90), interpolation=cv2.INTER_AREA).astype(np.uint8) for f in clip]
    gap = gap_of(clip, 16, small, 16)
    assert gap.ssim > 0.99
    assert gap.delta_e < 0.2


def test_frames_are_compared_at_equal_times_whatever_the_frame_rate() -> None:
    clip = [scene(i) for i in range(17)]
    assert gap_of(clip, 16, clip[::2], 8).ssim == pytest.approx(1.0)
    assert gap_of(clip, 16, clip[::-1], 16).ssim < 0.8, "control: at other times they are other pictures"


def test_a_tint_is_a_gap_of_colour_and_not_of_structure() -> None:
    clip = [scene(3)]
    gap = gap_of(clip, 16, [tinted(clip[0], 0, 8)], 16)
    assert gap.ssim > 0.95
    assert gap.delta_e > 3


@given(st.floats(-2, 1), st.integers(0, 20))
@settings(max_examples=15, deadline=None)
def test_the_gap_is_the_same_seen_from_either_side(stops: float, seed: int) -> None:
    one, other = [scene(seed, 90, 160)], [exposed(scene(seed, 90, 160), stops)]
    here, there = gap_of(one, 16, other, 16), gap_of(other, 16, one, 16)
    assert (here.ssim, here.delta_e) == (pytest.approx(there.ssim), pytest.approx(there.delta_e))
    assert -1 <= here.ssim <= 1


def test_without_frames_there_is_no_gap() -> None:
    with pytest.raises(ValueError, match="no frames"):
        gap_of([], 16, [scene(1)], 16)


# --- which preview, and when


class House:
    """The room with its twins; a take's file says what it reads."""

    def __init__(self, limits: Thresholds) -> None:
        self.store, self.measuring = MemoryArtifactStore(), FakeMeasuring()
        self.harness = RoomHarness(build_room(limits, self.measuring, self.store, attempts=1), FakeClock())

    async def take(self, reading: Reading, tier: str, key: str, **changes: Any) -> Event:
        artifact = await self.store.put(reading.model_dump_json().encode(), "video/mp4")
        return an_event(a_take(artifact, changes.pop("shot", 0), tier=tier, key=key, **changes))

    async def gaps(self, *events: Event) -> list[TierGap | None]:
        """What the reports on these events say of finals."""
        said = [*await self.harness.give(*events), *await self.harness.ring()]
        return [e.data.tier_gap for e in said if isinstance(e.data, Comparison) and e.data.tier == "final"]


@pytest.fixture
def house(limits: Thresholds) -> House:
    return House(limits)


PLAN = an_event(a_plan())


async def test_a_final_is_compared_with_the_preview_that_the_cut_showed(house: House) -> None:
    """The second attempt was no better than the first; the cut shows the first."""
    first = await house.take(a_reading(b=1), "preview", KEYS[0])
    second = await house.take(a_reading(b=9), "preview", KEYS[1], attempt=2)
    final = await house.take(a_reading(b=2), "final", KEYS[2])
    assert await house.gaps(PLAN, first, second, an_event(a_cut({"s00": KEYS[0]})), final) == [
        TierGap(preview=KEYS[0], ssim=0, delta_e=1)
    ]


async def test_a_final_whose_preview_nobody_showed_has_no_gap(house: House) -> None:
    """Control: without the cut's word there is nothing to compare with."""
    preview = await house.take(a_reading(b=1), "preview", KEYS[0])
    final = await house.take(a_reading(b=2), "final", KEYS[2])
    assert await house.gaps(PLAN, preview, an_event(a_cut({"s00": KEYS[0]}, tier="final")), final) == [None]


async def test_a_preview_that_an_edit_carried_over_is_still_the_one(house: House) -> None:
    preview = await house.take(a_reading(b=1), "preview", KEYS[0])
    edited = an_event(a_plan(2, [{"caption": "new words"}, {}, {}]))
    cut = an_event(a_cut({"s00": KEYS[0]}, version=2))
    final = await house.take(a_reading(b=1), "final", KEYS[2], version=2)
    assert await house.gaps(PLAN, preview, edited, cut, final) == [TierGap(preview=KEYS[0], ssim=1, delta_e=0)]


async def test_previews_have_no_gap(house: House) -> None:
    preview = await house.take(a_reading(), "preview", KEYS[0])
    said = await house.harness.give(PLAN, an_event(a_cut({"s00": KEYS[0]})), preview)
    assert [e.data.tier_gap for e in said] == [None]


async def test_a_final_that_waits_for_its_neighbour_keeps_its_gap(house: House) -> None:
    before = [await house.take(a_reading(b=i), "preview", KEYS[i], shot=i) for i in (0, 1)]
    cut = an_event(a_cut({"s00": KEYS[0], "s01": KEYS[1]}))
    second = await house.take(a_reading(b=3), "final", "4" * 64, shot=1)
    assert await house.gaps(PLAN, *before, cut, second) == []
    first = await house.take(a_reading(b=0), "final", "5" * 64)
    assert [(g.preview, g.delta_e) for g in await house.gaps(first) if g] == [(KEYS[0], 0), (KEYS[1], 2)]


async def test_a_preview_that_is_gone_costs_the_gap_and_not_the_verdict(house: House) -> None:
    gone = ArtifactRef(uri="s3://memory/gone", sha256="d" * 64, size=1, media_type="video/mp4")
    preview = an_event(a_take(gone, tier="preview", key=KEYS[0]))
    await house.gaps(PLAN, preview, an_event(a_cut({"s00": KEYS[0]})))
    said = await house.harness.give(await house.take(a_reading(b=2), "final", KEYS[2]))
    assert [(e.envelope.type, e.data.tier_gap) for e in said] == [("shot.matched.v1", None)]
