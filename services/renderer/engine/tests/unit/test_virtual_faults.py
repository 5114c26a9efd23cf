"""Faults that a virtual model's folder asks for, its windows, and what a pass of them needs."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from storyreel_engine.failures import InvalidInputError, OutOfMemoryError
from storyreel_engine.ports import Inputs
from storyreel_engine.virtual import VirtualPipeline, VirtualState, load_virtual
from storyreel_engine.virtual_device import VirtualDevice
from storyreel_engine.virtual_faults import FaultFile, Faults, VirtualDeviceError, ask_for
from storyreel_engine.virtual_folder import VirtualSpec, make_virtual
from storyreel_engine.wire import RenderRequest

SHOT = RenderRequest("shot", "a fox", 64, 64, 81, steps=4, seed=1)
LONG = replace(SHOT, window=37)


def no_sleep(_: float) -> None:
    raise AssertionError("nothing to wait for")


def pipeline_in(folder: Path, *, sleep: Callable[[float], None] = no_sleep, overlap: int = 9) -> VirtualPipeline:
    spec = VirtualSpec(step_seconds=0.0, latent_bytes=100, working_bytes=0, frame_bytes=10)
    card = make_virtual(folder, spec, window_overlap=overlap)
    return VirtualPipeline(spec, card, VirtualDevice(sleep=no_sleep), FaultFile(folder, sleep=sleep))


def done(state: VirtualState, pipeline: VirtualPipeline, passes: int) -> VirtualState:
    for _ in range(passes):
        pipeline.advance([state])
    return state


def test_a_folder_that_asks_for_nothing_has_no_faults(tmp_path: Path) -> None:
    assert FaultFile(tmp_path).read() == FaultFile().read() == Faults()


def test_a_broken_device_fails_every_pass_until_it_is_mended(tmp_path: Path) -> None:
    pipeline = pipeline_in(tmp_path)
    state = pipeline.prepare(SHOT, Inputs())
    ask_for(tmp_path, Faults(broken=True))
    for _ in range(2):
        with pytest.raises(VirtualDeviceError):
            pipeline.advance([state])
    assert state.step == 0
    ask_for(tmp_path, Faults())
    assert done(state, pipeline, 1).step == 1


def test_a_pass_to_the_step_that_hangs_returns_only_when_it_is_mended(tmp_path: Path) -> None:
    naps = []

    def sleep(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) == 50:
            ask_for(tmp_path, Faults())

    pipeline = pipeline_in(tmp_path, sleep=sleep)
    ask_for(tmp_path, Faults(wedge_step=3))
    state = done(pipeline.prepare(SHOT, Inputs()), pipeline, 2)
    assert not naps, "earlier steps go on"
    assert done(state, pipeline, 1).step == 3
    assert len(naps) == 50


def test_the_loader_gives_a_folder_its_faults(tmp_path: Path) -> None:
    make_virtual(tmp_path, VirtualSpec(step_seconds=0.0))
    ask_for(tmp_path, Faults(broken=True))
    pipeline = load_virtual(tmp_path)
    with pytest.raises(VirtualDeviceError):
        pipeline.advance([pipeline.prepare(replace(SHOT, frames=9), Inputs())])


def test_windows_need_the_memory_of_their_frames_and_a_step_of_them_several_passes(tmp_path: Path) -> None:
    pipeline = pipeline_in(tmp_path)
    ask_for(tmp_path, Faults(memory_bytes=400))
    whole, long = pipeline.prepare(SHOT, Inputs()), pipeline.prepare(LONG, Inputs())
    with pytest.raises(OutOfMemoryError):
        pipeline.advance([whole])
    assert (pipeline.footprint(SHOT).working, pipeline.footprint(LONG).working) == (810, 370)
    assert (long.window_count, long.seams, long.passes_left) == (3, (29, 51), 12)
    assert [done(long, pipeline, 1).step for _ in range(4)] == [0, 0, 1, 1]
    assert pipeline.key(SHOT) != pipeline.key(LONG)


def test_a_shot_in_windows_goes_on_in_the_middle_of_a_step_and_is_the_same(tmp_path: Path) -> None:
    pipeline = pipeline_in(tmp_path)
    half = done(pipeline.prepare(LONG, Inputs()), pipeline, 7)
    resumed = pipeline.prepare(LONG, Inputs(checkpoint=pipeline.save(half)()))
    straight = done(pipeline.prepare(LONG, Inputs()), pipeline, 12)
    assert done(resumed, pipeline, 5).chain == straight.chain
    assert straight.chain != done(pipeline.prepare(SHOT, Inputs()), pipeline, 4).chain


def test_a_model_without_an_overlap_makes_no_windows(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="no windows"):
        pipeline_in(tmp_path, overlap=0).check(LONG)


def test_equal_folders_have_equal_versions_wherever_they_lie(tmp_path: Path) -> None:
    ask = [make_virtual(tmp_path / name, VirtualSpec(ledger="ledger")).version for name in ("one", "two")]
    assert ask[0] == ask[1]
    assert make_virtual(tmp_path / "three", VirtualSpec(frame_bytes=1)).version != ask[0]
