"""HunyuanVideo pipelines cut at their passes: the bits of diffusers' own call, alone, resumed, as drafts; close in a batch."""

# ruff: noqa: E402 - what follows can only be imported where torch is

import pytest

pytest.importorskip("torch", reason="torch is only in the engine's environment (.venv-engine)")
pytestmark = pytest.mark.connected

from functools import partial
from typing import Any

import numpy as np
import torch
from engine_family_laws import Case, FamilyLaws
from engine_tiny_hunyuan import build_hunyuan, build_hunyuan_picture
from engine_videos import passes, pictures, prepare, render
from storyreel_engine.failures import InvalidInputError
from storyreel_engine.pipelines.base import VideoAdapter
from storyreel_engine.pipelines.hunyuan import HunyuanAdapter, HunyuanImageAdapter
from storyreel_engine.ports import Unit
from storyreel_engine.wire import RenderRequest

ASKED: dict[str, Any] = {"width": 48, "height": 32, "frames": 9}


def arguments(asked: RenderRequest, *, built_in: bool, dropped: int = 0) -> dict[str, Any]:
    """What the pipeline's own call takes beside what all take: a kind of guidance, and pictures to be dropped."""
    named = "guidance_scale" if built_in else "true_cfg_scale"
    return {"guidance_scale": 1.0, named: asked.guidance, "num_frames": asked.frames + dropped}


def from_text(*, built_in: bool) -> Case:
    """Text to video."""
    build = partial(build_hunyuan, guidance_embeds=built_in)
    return Case(build, HunyuanAdapter, partial(arguments, built_in=built_in), ASKED)


def from_picture(condition: str, *, built_in: bool) -> Case:
    """Picture to video."""
    return Case(
        partial(build_hunyuan_picture, condition, guidance_embeds=built_in),
        HunyuanImageAdapter,
        partial(arguments, built_in=built_in, dropped=4 if condition == "latent_concat" else 0),
        ASKED,
        picture=True,
    )


CASES = {
    "text": from_text(built_in=True),
    "text, guidance not built in": from_text(built_in=False),
    "picture as a frame": from_picture("token_replace", built_in=True),
    "picture beside the noise": from_picture("latent_concat", built_in=False),
}


@pytest.fixture(params=CASES, scope="module")
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


@pytest.fixture(scope="module")
def adapter(case: Case) -> VideoAdapter:
    return case.make()


class TestHunyuan(FamilyLaws):
    """The laws of all families, for these cases."""


def test_the_weight_of_built_in_guidance_is_each_jobs_own() -> None:
    case = CASES["text"]
    adapter = case.make()
    assert (render(adapter, case.ask()) != render(adapter, case.ask(guidance=9.0))).any()
    assert not adapter.is_guided(case.ask())
    assert CASES["text, guidance not built in"].make().is_guided(case.ask())


def test_both_passes_in_one_forward_come_close_to_the_two_of_the_call() -> None:
    case = CASES["text, guidance not built in"]
    separate = case.make()
    joint = HunyuanAdapter(case.build(), separate.card, torch.device("cpu"), joint=True)
    apart = np.abs(render(joint, case.ask()).astype(int) - render(separate, case.ask()).astype(int))
    assert apart.max() <= 1


def test_decoding_goes_in_the_vaes_own_overlapping_pieces() -> None:
    case = CASES["text"]
    adapter = case.make()
    state = prepare(adapter, case.ask(frames=33))
    passes(adapter, [state], 3)
    pieces = []
    while state.unit is Unit.DECODE:
        pieces.append(adapter.decode(state))
    assert [len(piece) for piece in pieces] == [13, 12, 8]
    assert (np.concatenate(pieces) == case.call(case.ask(frames=33))).all()


@pytest.mark.parametrize("frames", [1, 13])
def test_a_short_shot_is_decoded_in_one_piece_and_has_its_length(frames: int) -> None:
    for name in ("text", "picture beside the noise"):
        case = CASES[name]
        asked = case.ask(frames=frames, steps=2)
        assert (render(case.make(), asked, case.frame) == case.call(asked)).all()


def test_a_long_shot_is_made_in_overlapping_windows_and_keeps_its_length() -> None:
    case = CASES["text"]
    adapter = case.make(max_frames=17, window_overlap=5)
    state = prepare(adapter, case.ask(frames=33))
    assert [(w.start, w.stop) for w in state.windows] == [(0, 5), (2, 7), (4, 9)]
    assert pictures(adapter, state).shape == (33, 32, 48, 3)


def test_a_long_shot_from_a_picture_is_a_chain_unless_the_model_does_not_show_its_picture() -> None:
    case = CASES["picture as a frame"]
    adapter = case.make(max_frames=17, window_overlap=1)
    state = prepare(adapter, case.ask(frames=33), case.frame)
    assert state.links == (17, 17)
    assert pictures(adapter, state).shape == (33, 32, 48, 3)
    beside = CASES["picture beside the noise"].make(max_frames=17, window_overlap=1)
    with pytest.raises(InvalidInputError, match="frames: 33 are more than one window"):
        beside.check(case.ask(frames=33))


def test_a_draft_keeps_the_pictures_own_latents_in_front() -> None:
    case = CASES["picture as a frame"]
    adapter = case.make()
    state = prepare(adapter, case.ask(stop_after=1), case.frame)
    passes(adapter, [state], 1)
    assert torch.equal(state.finished[0][:, :, :1], state.extras["picture"])


@pytest.mark.parametrize("name", ["picture as a frame", "picture beside the noise"])
def test_another_first_picture_makes_another_film(name: str) -> None:
    case = CASES[name]
    adapter = case.make()
    assert case.frame is not None
    assert (
        render(adapter, case.ask(), case.frame) != render(adapter, case.ask(), np.ascontiguousarray(case.frame[::-1]))
    ).any()
