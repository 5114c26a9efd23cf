"""LTX pipelines cut at their passes: the very bits of diffusers' own call, alone, resumed and as drafts; close in a batch."""

# ruff: noqa: E402 - what follows can only be imported where torch is

import pytest

pytest.importorskip("torch", reason="torch is only in the engine's environment (.venv-engine)")
pytestmark = pytest.mark.connected

from typing import Any

import numpy as np
import torch
from diffusers import LTXImageToVideoPipeline
from engine_family_laws import Case, FamilyLaws
from engine_tiny_ltx import build_ltx
from engine_videos import passes, pictures, prepare, render
from storyreel_engine.failures import InvalidInputError
from storyreel_engine.pipelines.base import VideoAdapter
from storyreel_engine.pipelines.ltx import DECODE_NOISE, DECODE_TIMESTEP, LtxAdapter, LtxImageAdapter
from storyreel_engine.wire import RenderRequest

ASKED: dict[str, Any] = {"width": 64, "height": 32, "frames": 9, "fps": 24.0}
CARD: dict[str, Any] = {"frame_rule": "8k+1", "size_multiple": 32}


def arguments(asked: RenderRequest) -> dict[str, Any]:
    """What the pipeline's own call takes beside what all take."""
    return {
        "guidance_scale": asked.guidance,
        "frame_rate": asked.fps,
        "decode_timestep": DECODE_TIMESTEP,
        "decode_noise_scale": DECODE_NOISE,
    }


CASES = {
    "text": Case(build_ltx, LtxAdapter, arguments, ASKED, CARD),
    "text, a decoder that denoises": Case(lambda: build_ltx(timed_vae=True), LtxAdapter, arguments, ASKED, CARD),
    "picture": Case(lambda: build_ltx(LTXImageToVideoPipeline), LtxImageAdapter, arguments, ASKED, CARD, picture=True),
}


@pytest.fixture(params=CASES, scope="module")
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


@pytest.fixture(scope="module")
def adapter(case: Case) -> VideoAdapter:
    return case.make()


class TestLtx(FamilyLaws):
    """The laws of all families, for these cases."""


def test_the_frame_rate_is_part_of_the_picture_and_of_what_shares_a_pass() -> None:
    case = CASES["text"]
    adapter = case.make()
    assert (render(adapter, case.ask()) != render(adapter, case.ask(fps=8.0))).any()
    assert adapter.key(case.ask()) != adapter.key(case.ask(fps=8.0))


def test_a_checkpoint_does_not_go_on_at_another_frame_rate() -> None:
    case = CASES["text"]
    adapter = case.make()
    state = prepare(adapter, case.ask())
    passes(adapter, [state], 1)
    with pytest.raises(InvalidInputError, match="checkpoint: fps is '24', this job needs '8'"):
        prepare(adapter, case.ask(fps=8.0), saved=adapter.save(state)())


def test_frame_counts_that_the_vae_cannot_make_are_refused_whatever_the_card_says() -> None:
    adapter = CASES["text"].make(frame_rule="4k+1")
    with pytest.raises(InvalidInputError, match=r"frames: 13 is not 8k\+1"):
        adapter.check(CASES["text"].ask(frames=13))
    with pytest.raises(InvalidInputError, match="fps: 0 is no frame rate"):
        adapter.check(CASES["text"].ask(fps=0.0))


def test_a_long_shot_is_made_in_overlapping_windows_and_keeps_its_length() -> None:
    case = CASES["text"]
    adapter = case.make(max_frames=17, window_overlap=9)
    state = prepare(adapter, case.ask(frames=33))
    # Five latent frames, three to a window, two of them shared.
    assert [(w.start, w.stop) for w in state.windows] == [(0, 3), (1, 4), (2, 5)]
    assert state.passes_left == 9
    film = pictures(adapter, state)
    assert film.shape == (33, 32, 64, 3)
    assert (film != render(case.make(), case.ask(frames=33))).any()


def test_a_long_shot_from_a_picture_is_a_chain_and_keeps_its_length() -> None:
    case = CASES["picture"]
    adapter = case.make(max_frames=17, window_overlap=1)
    state = prepare(adapter, case.ask(frames=33), case.frame)
    assert state.links == (17, 17)
    assert pictures(adapter, state).shape == (33, 32, 64, 3)


def test_a_decoder_that_denoises_leaves_the_jobs_random_stream_where_it_was() -> None:
    case = CASES["text, a decoder that denoises"]
    adapter = case.make()
    state = prepare(adapter, case.ask(stop_after=1))
    passes(adapter, [state], 1)
    before = state.solver.generator.get_state()
    pictures(adapter, state)
    assert torch.equal(state.solver.generator.get_state(), before)


def test_a_draft_keeps_the_pictures_own_latents_in_front() -> None:
    case = CASES["picture"]
    adapter = case.make()
    state = prepare(adapter, case.ask(stop_after=1), case.frame)
    given = state.latents[:, :, :1].clone()
    passes(adapter, [state], 1)
    assert torch.equal(state.finished[0][:, :, :1], given)
    assert not torch.equal(state.finished[0][:, :, 1:], state.latents[:, :, 1:])


def test_another_first_picture_makes_another_film() -> None:
    case = CASES["picture"]
    adapter = case.make()
    assert case.frame is not None
    assert (
        render(adapter, case.ask(), case.frame) != render(adapter, case.ask(), np.ascontiguousarray(case.frame[::-1]))
    ).any()
