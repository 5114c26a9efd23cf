"""Long shots in overlapping windows: how they are cut and weighed, what a seam is, and memory that stays flat in length."""

# ruff: noqa: E402 - what follows can only be imported where torch is

import pytest

pytest.importorskip("torch", reason="torch is only in the engine's environment (.venv-engine)")
pytestmark = pytest.mark.connected

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from diffusers import FlowMatchEulerDiscreteScheduler, WanTransformer3DModel
from engine_counting import CountingAllocator
from engine_videos import ask, card, passes, pictures, prepare, render
from hypothesis import given, settings
from hypothesis import strategies as st
from storyreel_engine.failures import InvalidInputError
from storyreel_engine.pipelines import windows as cut
from storyreel_engine.pipelines.state import Clip, JobState, Window
from storyreel_engine.pipelines.wan import WanAdapter
from storyreel_engine.ports import Unit
from storyreel_engine.tiny import build_tiny

CPU = torch.device("cpu")
WINDOWED = card(max_frames=17, window_overlap=9)


@given(length=st.integers(1, 200), size=st.integers(1, 30), overlap=st.integers(0, 29))
@settings(deadline=None)
def test_windows_cover_every_frame_have_one_size_and_share_what_was_asked(length: int, size: int, overlap: int) -> None:
    if overlap >= size:
        with pytest.raises(ValueError, match="do not cover anything"):
            cut.overlapping(length, size, overlap)
        return
    windows = cut.overlapping(length, size, overlap)
    assert windows[0].start == 0
    assert windows[-1].stop == length
    assert {window.stop - window.start for window in windows} == {min(size, length)}
    shared = [before.stop - after.start for before, after in itertools.pairwise(windows)]
    assert all(overlap <= each < size for each in shared)


@given(length=st.integers(1, 60), size=st.integers(1, 20), overlap=st.integers(0, 19))
@settings(deadline=None, max_examples=30)
def test_the_say_of_all_windows_adds_up_to_one_and_fades_towards_neighbours(length: int, size: int, overlap: int) -> None:
    windows = cut.overlapping(length, size, min(overlap, size // 2))
    total = torch.zeros(length)
    for i, window in enumerate(windows):
        weight = cut.weights(windows, i)
        assert (weight > 0).all()
        total[window.start : window.stop] += weight
    assert torch.allclose(total, torch.ones(length), atol=1e-5)
    if len(windows) > 1 and windows[0].stop - windows[1].start > 1:
        first = cut.weights(windows, 0)
        assert first[-1] < first[windows[1].start]


def test_two_windows_hand_over_evenly() -> None:
    first, second = (cut.weights((Window(0, 6), Window(3, 9)), i) for i in range(2))
    assert torch.allclose(first, torch.tensor([1, 1, 1, 0.933, 0.5, 0.067]), atol=1e-3)
    assert torch.allclose(second, first.flip(0))


@given(groups=st.integers(0, 60), most=st.integers(1, 12), factor=st.sampled_from([1, 4, 8]))
@settings(deadline=None)
def test_links_add_up_to_the_shot_and_none_is_longer_than_a_window(groups: int, most: int, factor: int) -> None:
    frames, size = groups * factor + 1, most * factor + 1
    links = cut.chained(frames, size, factor)
    assert sum(links) - (len(links) - 1) == frames
    assert max(links) <= size
    assert max(links) - min(links) <= factor
    assert all(link % factor == 1 % factor for link in links)


def test_links_in_which_nothing_moves_are_refused() -> None:
    with pytest.raises(ValueError, match="lead nowhere"):
        cut.chained(17, 1, 4)


def test_a_seam_is_measured_against_the_usual_change() -> None:
    even = np.arange(10, dtype=np.uint8).repeat(12).reshape(10, 2, 2, 3)
    assert cut.seam_ratio(even, [5]) == 1.0
    jump = even.copy()
    jump[5:] += 7
    assert cut.seam_ratio(jump, [5]) == 8.0
    assert cut.seam_ratio(jump, [3, 5]) == 8.0
    with pytest.raises(ValueError, match="nothing to compare"):
        cut.seam_ratio(np.zeros_like(even), [5])
    with pytest.raises(ValueError, match="nothing to compare"):
        cut.seam_ratio(even, [])


@pytest.fixture(scope="module")
def wan() -> WanAdapter:
    return WanAdapter(build_tiny(), WINDOWED, CPU)


def test_a_long_shot_takes_a_pass_for_each_window_and_has_all_its_pictures(wan: WanAdapter) -> None:
    state = prepare(wan, ask(frames=33, steps=2))
    assert state.windows == (Window(0, 5), Window(2, 7), Window(4, 9))
    assert (state.passes_left, state.step, state.steps, state.window_count) == (6, 0, 2, 3)
    assert state.seams == (9, 17)
    passes(wan, [state], 2)
    assert (state.passes_left, state.step) == (4, 0)
    passes(wan, [state], 4)
    assert (state.passes_left, state.step, state.unit) == (0, 2, Unit.DECODE)
    assert pictures(wan, state).shape == (33, 48, 64, 3)


def test_a_shot_of_one_window_is_the_same_whether_longer_ones_are_possible_or_not(wan: WanAdapter) -> None:
    asked = ask(frames=17, steps=2)
    assert (render(wan, asked) == render(WanAdapter(build_tiny(), card(), CPU), asked)).all()


def test_the_client_may_ask_for_smaller_windows_than_the_model_has(wan: WanAdapter) -> None:
    assert len(prepare(wan, ask(frames=17, window=13)).windows) == 2
    with pytest.raises(InvalidInputError, match="window: 9 is not above the overlap"):
        prepare(wan, ask(frames=17, window=9))


class FrameByFrame(WanAdapter):
    """A network that looks at each frame alone: cutting a shot into windows must not change what it says."""

    def forward(self, network: Any, inputs: Mapping[str, Any]) -> torch.Tensor:
        return inputs["hidden_states"].sin()


def test_where_the_network_looks_at_each_frame_alone_windows_change_nothing() -> None:
    asked = ask(frames=33)
    whole, windowed = (FrameByFrame(build_tiny(), each, CPU) for each in (card(), WINDOWED))
    states = [prepare(whole, asked), prepare(windowed, asked)]
    passes(whole, states[:1], 4)
    passes(windowed, states[1:], 12)
    assert torch.allclose(states[0].latents, states[1].latents, atol=1e-5)


def test_windows_of_several_jobs_share_a_batch_wherever_in_their_shots_they_are(wan: WanAdapter) -> None:
    asked = [ask("a", frames=33), ask("b", frames=25, seed=9), ask("c", frames=17)]
    asked = [replace(each, steps=2, guidance=1.0) for each in asked]
    assert len({wan.key(each) for each in asked}) == 1
    alone = [render(wan, each) for each in asked]
    states = [prepare(wan, each) for each in asked]
    wan.advance(states[:1])
    while any(state.unit is Unit.PASS for state in states):
        wan.advance([state for state in states if state.unit is Unit.PASS])
    for state, expected in zip(states, alone, strict=True):
        assert np.abs(pictures(wan, state).astype(int) - expected.astype(int)).max() <= 1


@pytest.mark.parametrize("count", [0, 1, 2, 3, 5, 6])
def test_a_long_shot_resumed_between_two_windows_gives_the_same_bits(count: int, wan: WanAdapter) -> None:
    asked = ask(frames=33, steps=2, guidance=1.0)
    state = prepare(wan, asked)
    passes(wan, [state], count)
    resumed = prepare(wan, asked, saved=wan.save(state)())
    assert resumed.passes_left == state.passes_left
    assert (pictures(wan, resumed) == render(wan, asked)).all()


def test_a_long_shot_has_drafts_too(wan: WanAdapter) -> None:
    draft = prepare(wan, ask(frames=33, steps=4, stop_after=2))
    assert draft.passes_left == 6
    passes(wan, [draft], 6)
    saved = wan.save(draft)()
    assert pictures(wan, draft).shape[0] == 33
    expected = render(wan, ask(frames=33, steps=4))
    assert (pictures(wan, prepare(wan, ask(frames=33, steps=4), saved=saved)) == expected).all()


class Sunrise(WanAdapter):
    """A network that always makes the same sort of clip: a still picture, found in its noise, that grows steadily brighter.

    So what it makes of a long shot starts again with every window: the hardest case for seams. Pictures are latents
    with their first three channels as colours, and three steps between them.
    """

    overlap = True

    def forward(self, network: Any, inputs: Mapping[str, Any]) -> torch.Tensor:
        noisy = inputs["hidden_states"]
        rise = 0.1 * torch.arange(noisy.shape[2]).view(1, 1, -1, 1, 1)
        clean = 0.3 * noisy.mean(2, keepdim=True) + rise
        return (noisy - clean) / (inputs["timestep"] / 1000).view(-1, 1, 1, 1, 1)

    def chunks(self, latents: torch.Tensor, state: JobState) -> Iterator[torch.Tensor]:
        size = (state.request.frames, 48, 64)
        yield torch.nn.functional.interpolate(latents[:, :3] * 0.8 - 0.4, size, mode="trilinear", align_corners=True)

    def _windows(self, clip: Clip) -> tuple[Window, ...]:
        return super()._windows(clip) if self.overlap else cut.overlapping(self.latent_frames(clip.frames), 9, 0)


def seams(state: JobState) -> list[int]:
    """Every picture at which the say passes from one window to the next."""
    pairs = itertools.pairwise(state.windows)
    return [picture for a, b in pairs for picture in range(4 * b.start - 3, 4 * max(a.stop - 1, b.start) + 1)]


@pytest.mark.parametrize("seed", range(3))
def test_a_seam_changes_at_most_half_as_much_again_as_usual_and_without_overlap_far_more(seed: int) -> None:
    ratios = {}
    for overlap in (True, False):
        pipe = build_tiny()
        pipe.scheduler = FlowMatchEulerDiscreteScheduler(shift=3.0)
        wan = Sunrise(pipe, card(max_frames=33, window_overlap=13), CPU)
        wan.overlap = overlap
        state = prepare(wan, ask(frames=105, steps=8, guidance=1.0, seed=seed))
        ratios[overlap] = cut.seam_ratio(pictures(wan, state), seams(state))
    assert ratios[True] <= 1.5
    assert ratios[False] > 4.0


def wide(most: int) -> WanAdapter:
    """A network whose working memory is many times its latents, as in real models; windows of at most so many frames."""
    pipe = build_tiny()
    config = {**pipe.transformer.config, "num_attention_heads": 4, "attention_head_dim": 32, "ffn_dim": 512, "num_layers": 1}
    with torch.random.fork_rng(devices=[]):
        pipe.register_modules(transformer=WanTransformer3DModel.from_config(config).eval())
    return WanAdapter(pipe, card(max_frames=most, window_overlap=9 if most == 17 else 0), CPU)


def peaks(wan: WanAdapter, frames: int) -> tuple[int, int]:
    """The most bytes at work in one pass, and in one chunk of decoding."""
    state = prepare(wan, ask(frames=frames, width=160, height=160, steps=1, guidance=1.0))
    working = {Unit.PASS: 0, Unit.DECODE: 0}
    while (unit := state.unit) is not Unit.NONE:
        with CountingAllocator() as counted:
            if unit is Unit.PASS:
                wan.advance([state])
            else:
                wan.decode(state)
        working[unit] = max(working[unit], counted.peak)
    return working[Unit.PASS], working[Unit.DECODE]


def test_working_memory_is_flat_in_length_and_without_windows_and_chunks_it_is_not() -> None:
    short, long = peaks(wide(17), 17), peaks(wide(17), 49)
    assert long[0] < 1.1 * short[0]
    assert long[1] < 1.1 * short[1]
    whole = wide(49)
    state = prepare(whole, ask(frames=49, width=160, height=160, steps=1, guidance=1.0))
    with CountingAllocator() as one_pass:
        whole.advance([state])
    with CountingAllocator() as one_decode, torch.no_grad():
        whole.pipe.vae.decode(state.finished[0])
    assert one_pass.peak > 2.0 * short[0]
    assert one_decode.peak > 2.0 * short[1]
