"""CogVideoX pipelines cut at their passes: the bits of diffusers' own call, alone, resumed, as drafts; close in a batch."""

# ruff: noqa: E402 - what follows can only be imported where torch is

import pytest

pytest.importorskip("torch", reason="torch is only in the engine's environment (.venv-engine)")
pytestmark = pytest.mark.connected

from functools import partial
from typing import Any

import numpy as np
import torch
from engine_family_laws import Case, FamilyLaws
from engine_tiny_cogvideox import VARIANTS, build_cogvideox
from engine_videos import passes, pictures, prepare, render
from storyreel_engine.failures import InvalidInputError
from storyreel_engine.pipelines.base import VideoAdapter
from storyreel_engine.pipelines.cogvideox import CogVideoXAdapter, CogVideoXImageAdapter
from storyreel_engine.ports import Unit
from storyreel_engine.wire import RenderRequest

ASKED: dict[str, Any] = {"width": 48, "height": 32, "frames": 9}
CARD: dict[str, Any] = {"frame_rule": "8k+1"}


def arguments(asked: RenderRequest, *, dynamic: bool) -> dict[str, Any]:
    """What the pipeline's own call takes beside what all take."""
    return {"guidance_scale": asked.guidance, "use_dynamic_cfg": dynamic}


def the_case(name: str, *, dynamic: bool) -> Case:
    """A published kind of model."""
    picture = VARIANTS[name].picture
    return Case(
        partial(build_cogvideox, VARIANTS[name]),
        CogVideoXImageAdapter if picture else CogVideoXAdapter,
        partial(arguments, dynamic=dynamic),
        ASKED,
        {**CARD, "dynamic_guidance": dynamic},
        picture=picture,
    )


CASES = {name: the_case(name, dynamic=name.startswith("5B")) for name in VARIANTS}


@pytest.fixture(params=CASES, scope="module")
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


@pytest.fixture(scope="module")
def adapter(case: Case) -> VideoAdapter:
    return case.make()


class TestCogVideoX(FamilyLaws):
    """The laws of all families, for these cases."""


def test_guidance_that_grows_from_step_to_step_is_another_film() -> None:
    steady, growing = the_case("5B", dynamic=False), the_case("5B", dynamic=True)
    assert (render(steady.make(), steady.ask()) != render(growing.make(), growing.ask())).any()
    saved = steady.make().save(prepare(steady.make(), steady.ask()))()
    with pytest.raises(InvalidInputError, match="checkpoint: dynamic_guidance is 'False', this job needs 'True'"):
        prepare(growing.make(), growing.ask(), saved=saved)


@pytest.mark.parametrize("lost", ["estimate", "random stream"])
def test_without_the_solvers_memory_a_resumed_job_would_differ(lost: str) -> None:
    case = CASES["5B"]
    adapter, asked = case.make(), case.ask(steps=4)
    state = prepare(adapter, asked)
    passes(adapter, [state], 2)
    resumed = prepare(adapter, asked, saved=adapter.save(state)())
    if lost == "estimate":
        resumed.solver.memory.clear()
    else:
        resumed.solver.generator.manual_seed(asked.seed)
    assert (pictures(adapter, resumed) != pictures(adapter, state)).any()


@pytest.mark.parametrize("name", ["2B", "5B"])
def test_a_draft_shows_the_clean_video_that_the_scheduler_itself_sees(name: str) -> None:
    case = CASES[name]
    adapter = case.make()
    seen = []
    scheduler = adapter.pipe.scheduler
    original = type(scheduler).step

    class Watching(type(scheduler)):  # type: ignore[misc] - two classes, both untyped
        def step(self, *args: Any, **kwargs: Any) -> Any:
            made = original(self, *args, **kwargs)
            seen.append(made[1])
            return made

    adapter.pipe.scheduler = Watching.from_config(scheduler.config)
    state = prepare(adapter, case.ask(stop_after=2))
    passes(adapter, [state], 2)
    torch.testing.assert_close(state.finished[0], seen[1])
    assert not torch.allclose(state.finished[0], seen[0])


def test_decoding_goes_in_pieces_of_eight_pictures_and_the_first_has_one_more() -> None:
    case = CASES["2B"]
    adapter = case.make()
    state = prepare(adapter, case.ask(frames=33))
    passes(adapter, [state], 3)
    pieces = []
    while state.unit is Unit.DECODE:
        pieces.append(len(adapter.decode(state)))
    assert pieces == [9, 8, 8, 8]


def test_one_picture_is_a_shot_too() -> None:
    case = CASES["2B"]
    assert (render(case.make(), case.ask(frames=1)) == case.call(case.ask(frames=1))).all()


def test_frame_counts_that_the_vae_cannot_make_are_refused_whatever_the_card_says() -> None:
    case = CASES["2B"]
    with pytest.raises(InvalidInputError, match=r"frames: 13 is not 8k\+1"):
        case.make(frame_rule="4k+1").check(case.ask(frames=13))


@pytest.mark.parametrize("name", ["2B", "1.5"])
def test_a_long_shot_is_made_in_overlapping_windows_and_keeps_its_length(name: str) -> None:
    case = CASES[name]
    adapter = case.make(max_frames=17, window_overlap=9)
    state = prepare(adapter, case.ask(frames=33))
    sizes = {w.stop - w.start for w in state.windows}
    assert len(state.windows) > 1
    assert sizes == {5 if name == "2B" else 6}
    assert pictures(adapter, state).shape == (33, 32, 48, 3)


def test_a_long_shot_from_a_picture_is_a_chain_and_keeps_its_length() -> None:
    case = CASES["5B from a picture"]
    adapter = case.make(max_frames=17, window_overlap=1)
    state = prepare(adapter, case.ask(frames=33), case.frame)
    assert state.links == (17, 17)
    assert pictures(adapter, state).shape == (33, 32, 48, 3)


def test_another_first_picture_makes_another_film() -> None:
    case = CASES["1.5 from a picture"]
    adapter = case.make()
    assert case.frame is not None
    assert (
        render(adapter, case.ask(), case.frame) != render(adapter, case.ask(), np.ascontiguousarray(case.frame[::-1]))
    ).any()
