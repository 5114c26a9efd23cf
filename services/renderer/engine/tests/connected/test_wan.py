"""The cut-up Wan pipelines give the very bits of diffusers' own `__call__`: also interleaved, also resumed, also as drafts."""

# ruff: noqa: E402 - what follows can only be imported where torch is

import pytest

pytest.importorskip("torch", reason="torch is only in the engine's environment (.venv-engine)")
pytestmark = pytest.mark.connected

import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from diffusers import FlowMatchEulerDiscreteScheduler, UniPCMultistepScheduler, WanPipeline, WanTransformer3DModel
from engine_videos import CARD, ask, passes, pictures, prepare, render, whole
from storyreel_engine.failures import ModelFaultError, OutOfMemoryError
from storyreel_engine.pipelines.state import JobState, Solver
from storyreel_engine.pipelines.wan import WanAdapter
from storyreel_engine.ports import Frames, Unit
from storyreel_engine.studio_vae import StudioVAE
from storyreel_engine.tiny import build_tiny

CPU = torch.device("cpu")
FLOW = {"prediction_type": "flow_prediction", "use_flow_sigmas": True, "flow_shift": 3.0}
TOLERANCE = 1
"""Levels of 255 by which a job in a batch may differ from the same job alone: matrix products round otherwise there."""

SCHEDULERS = {
    "unipc": lambda: UniPCMultistepScheduler(**FLOW),
    "unipc, third order": lambda: UniPCMultistepScheduler(solver_order=3, **FLOW),
    "euler": lambda: FlowMatchEulerDiscreteScheduler(shift=3.0),
}


def pipeline(scheduler: str = "unipc", *, experts: bool = False) -> WanPipeline:
    """A tiny pipeline; with `experts` the two networks of Wan 2.2, which share the work at 90 % noise."""
    pipe = build_tiny()
    pipe.scheduler = SCHEDULERS[scheduler]()
    if experts:
        pipe.register_modules(transformer_2=build_tiny(seed=1).transformer)
        pipe.register_to_config(boundary_ratio=0.9)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def adapter(scheduler: str = "unipc", *, experts: bool = False, joint: bool = False) -> WanAdapter:
    """Its adapter."""
    return WanAdapter(pipeline(scheduler, experts=experts), CARD, CPU, joint=joint)


@pytest.fixture(scope="module")
def wan() -> WanAdapter:
    return adapter()


@pytest.mark.parametrize("guidance", [1.0, 5.0])
@pytest.mark.parametrize("experts", [False, True], ids=["one network", "two experts"])
@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_step_by_step_equals_the_pipelines_own_call_bit_for_bit(scheduler: str, experts: bool, guidance: float) -> None:
    asked = ask(guidance=guidance, negative_prompt="blurry")
    expected = whole(pipeline(scheduler, experts=experts), asked)
    frames = render(adapter(scheduler, experts=experts), asked)
    assert frames.dtype == np.uint8
    assert frames.shape == (9, 48, 64, 3)
    assert (frames == expected).all()


def test_the_5b_models_timestep_for_each_token_gives_the_calls_bits() -> None:
    pipes = [pipeline_5b(), pipeline_5b()]
    asked = ask(frames=5, height=64)
    assert (render(WanAdapter(pipes[0], CARD, CPU), asked) == whole(pipes[1], asked)).all()


def test_the_comparison_would_see_another_seed_another_prompt_and_a_missing_step(wan: WanAdapter) -> None:
    base = render(wan, ask())
    assert (render(wan, ask(seed=8)) != base).any()
    assert (render(wan, ask(prompt="a green hat")) != base).any()
    state = prepare(wan, ask())
    passes(wan, [state], 3)
    state.finished.append(state.latents)
    state.cursor = state.goal
    assert (pictures(wan, state) != base).any()


def test_pictures_come_in_chunks_and_together_are_the_decoders_own(wan: WanAdapter) -> None:
    state = prepare(wan, ask())
    passes(wan, [state], 4)
    chunks = []
    while state.unit is Unit.DECODE:
        chunks.append(wan.decode(state))
    assert [len(chunk) for chunk in chunks] == [1, 4, 4]
    assert state.unit is Unit.NONE


def test_another_vae_in_a_wan_pipeline_decodes_as_it_does_in_the_pipelines_own_call() -> None:
    pipes = [with_another_vae(), with_another_vae()]
    assert (render(WanAdapter(pipes[0], CARD, CPU), ask()) == whole(pipes[1], ask())).all()


def test_chunks_of_two_jobs_take_turns_without_mixing(wan: WanAdapter) -> None:
    asked = [ask("a"), ask("b", seed=9, prompt="a hat")]
    alone = [render(wan, each) for each in asked]
    states = [prepare(wan, each) for each in asked]
    passes(wan, states[:1], 4)
    passes(wan, states[1:], 4)
    chunks = [[wan.decode(state) for state in states] for _ in range(3)]
    for i in range(2):
        assert (np.concatenate([pair[i] for pair in chunks]) == alone[i]).all()


def test_jobs_that_take_turns_do_not_touch_each_other(wan: WanAdapter) -> None:
    asked = [ask("a"), ask("b", steps=6, seed=9, width=48)]
    alone = [render(wan, each) for each in asked]
    states = [prepare(wan, each) for each in asked]
    for _ in range(6):
        for state in states:
            if state.unit is Unit.PASS:
                wan.advance([state])
    for state, expected in zip(states, alone, strict=True):
        assert (pictures(wan, state) == expected).all()


UNLIKE = [
    ask("a", negative_prompt="blurry"),
    ask("b", prompt="a hat in the rain", seed=9, guidance=3.0),
    ask("c", steps=6, seed=1),
]


@pytest.mark.parametrize("joint", [False, True], ids=["two forwards", "one forward"])
def test_a_batch_of_unlike_jobs_at_unlike_steps_gives_each_its_own_picture(wan: WanAdapter, joint: bool) -> None:
    alone = [render(wan, each) for each in UNLIKE]
    batching = adapter(joint=joint)
    states = [prepare(batching, each) for each in UNLIKE]
    assert len({batching.key(state.request, state) for state in states}) == 1
    passes(batching, [states[2]], 2)
    passes(batching, states, 4)
    for state, expected in zip(states, alone, strict=True):
        assert far(pictures(batching, state), expected) <= TOLERANCE
    assert far(alone[0], alone[1]) > TOLERANCE


def test_both_passes_in_one_forward_ask_the_network_once_for_all(wan: WanAdapter) -> None:
    asked: list[int] = []
    joint, apart = adapter(joint=True), adapter()
    for each in (joint, apart):
        each.pipe.transformer.register_forward_pre_hook(
            lambda module, given, named: asked.append(len(named["hidden_states"])), with_kwargs=True
        )
        each.advance([prepare(each, ask("a")), prepare(each, ask("b"))])
    assert asked == [4, 2, 2]
    assert far(render(joint, ask()), render(wan, ask())) <= TOLERANCE


def test_jobs_that_need_unlike_experts_have_unlike_keys_and_one_batch_of_them_is_still_right() -> None:
    asked = [ask("a"), ask("b", seed=9)]
    two = adapter(experts=True)
    alone = [render(two, each) for each in asked]
    states = [prepare(two, each) for each in asked]
    passes(two, states[:1], 3)
    assert two.key(asked[0], states[0]) != two.key(asked[1], states[1])
    passes(two, states, 1)
    passes(two, states[1:], 3)
    for state, expected in zip(states, alone, strict=True):
        assert far(pictures(two, state), expected) <= TOLERANCE


def test_guided_jobs_and_others_have_unlike_keys_and_one_batch_of_them_is_still_right(wan: WanAdapter) -> None:
    asked = [ask("a"), ask("b", guidance=1.0)]
    alone = [render(wan, each) for each in asked]
    states = [prepare(wan, each) for each in asked]
    assert wan.key(asked[0], states[0]) != wan.key(asked[1], states[1])
    passes(wan, states, 4)
    for state, expected in zip(states, alone, strict=True):
        assert (pictures(wan, state) == expected).all()


@pytest.mark.parametrize("where", ["network", "second job's solver"])
def test_a_pass_without_memory_leaves_every_job_as_it_was(where: str) -> None:
    asked = [ask("a"), ask("b", seed=9)]
    failing = FailingWan(pipeline(), CARD, CPU)
    states = [prepare(failing, each) for each in asked]
    passes(failing, states, 2)
    before = [failing.save(state)() for state in states]
    failing.fail_at = {"network": "forward", "second job's solver": "b"}[where]
    with pytest.raises(OutOfMemoryError):
        failing.advance(states)
    assert [failing.save(state)() for state in states] == before
    failing.fail_at = ""
    passes(failing, states[:1], 2)
    assert far(pictures(failing, states[0]), render(adapter(), asked[0])) <= TOLERANCE


def test_values_that_are_not_finite_are_a_model_fault_and_no_picture() -> None:
    pipe = pipeline()
    with torch.no_grad():
        pipe.transformer.proj_out.weight.fill_(float("nan"))
    with pytest.raises(ModelFaultError, match="not finite"):
        render(WanAdapter(pipe, CARD, CPU), ask())


def test_a_decoder_that_stops_early_is_a_model_fault_and_another_try_goes_on_after_what_was_shown(wan: WanAdapter) -> None:
    asked = ask()
    failing = FailingWan(pipeline(), CARD, CPU)
    state = prepare(failing, asked)
    passes(failing, [state], 4)
    failing.fail_at = "decoder"
    shown = [failing.decode(state)]
    with pytest.raises(ModelFaultError, match="less than 9 pictures"):
        failing.decode(state)
    failing.fail_at = ""
    assert (np.concatenate([*shown, pictures(failing, state)]) == render(wan, asked)).all()


class FailingWan(WanAdapter):
    """Fails where it is told to: no memory in the network or in the solver of the job with that id, a decoder that stops."""

    fail_at = ""

    def forward(self, network: Any, inputs: Mapping[str, Any]) -> torch.Tensor:
        if self.fail_at == "forward":
            raise torch.OutOfMemoryError("no room")
        return super().forward(network, inputs)

    def solve(self, state: JobState, solver: Solver, prediction: torch.Tensor) -> torch.Tensor:
        latents = super().solve(state, solver, prediction)
        if self.fail_at == state.request.job_id:
            raise torch.OutOfMemoryError("no room")
        return latents

    def chunks(self, latents: torch.Tensor, state: JobState) -> Iterator[torch.Tensor]:
        yield from itertools.islice(super().chunks(latents, state), 1 if self.fail_at == "decoder" else None)


def pipeline_5b() -> WanPipeline:
    """As Wan 2.2 of five billion weights is built: one network with two by two patches, and a timestep for each of them."""
    pipe = pipeline()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        config = {**build_tiny().transformer.config, "patch_size": (1, 2, 2)}
        pipe.register_modules(transformer=WanTransformer3DModel.from_config(config).eval())
    pipe.register_to_config(expand_timesteps=True)
    return pipe


def with_another_vae() -> WanPipeline:
    """A Wan pipeline with the studio model's own VAE, random axes in it."""
    pipe = pipeline()
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        vae = StudioVAE(z_dim=16, scale_factor_spatial=16, latents_mean=(0.0,) * 16, latents_std=(1.0,) * 16).eval()
        for axes in (vae.still_axes, vae.motion_axes):
            axes.normal_(std=0.1)
    pipe.register_modules(vae=vae)
    return pipe


def far(frames: Frames, others: Frames) -> int:
    """The largest difference of two videos, in levels."""
    return int(np.abs(frames.astype(int) - others.astype(int)).max())
