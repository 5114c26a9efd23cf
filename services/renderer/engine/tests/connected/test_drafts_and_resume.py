"""A job goes on elsewhere with the same bits, and a draft is a look at its final that the final never notices."""

# ruff: noqa: E402 - what follows can only be imported where torch is

import pytest

pytest.importorskip("torch", reason="torch is only in the engine's environment (.venv-engine)")
pytestmark = pytest.mark.connected

from dataclasses import replace
from typing import Any

import torch
from diffusers import DDIMScheduler, FlowMatchEulerDiscreteScheduler, FlowMatchHeunDiscreteScheduler, UniPCMultistepScheduler
from engine_videos import CARD, ask, card, passes, pictures, prepare, render
from storyreel_engine import checkpoint as ckpt
from storyreel_engine.failures import InvalidInputError
from storyreel_engine.pipelines.estimates import clean_estimate
from storyreel_engine.pipelines.wan import WanAdapter
from storyreel_engine.ports import Unit
from storyreel_engine.tiny import build_tiny

CPU = torch.device("cpu")
FLOW = {"prediction_type": "flow_prediction", "use_flow_sigmas": True, "flow_shift": 3.0}
SCHEDULERS = {
    "unipc": lambda: UniPCMultistepScheduler(**FLOW),
    "unipc, third order": lambda: UniPCMultistepScheduler(solver_order=3, **FLOW),
    "euler": lambda: FlowMatchEulerDiscreteScheduler(shift=3.0),
    "heun": lambda: FlowMatchHeunDiscreteScheduler(shift=3.0),
}


def adapter(scheduler: str = "unipc", **fields: Any) -> WanAdapter:
    """A tiny Wan with that scheduler."""
    pipe = build_tiny()
    pipe.scheduler = SCHEDULERS[scheduler]()
    return WanAdapter(pipe, card(**fields) if fields else CARD, CPU)


@pytest.fixture(scope="module")
def wan() -> WanAdapter:
    return adapter()


@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_a_job_resumed_on_another_server_gives_the_same_bits_whenever_it_was_cut(scheduler: str) -> None:
    here, there = adapter(scheduler), adapter(scheduler)
    asked = ask(guidance=1.0, steps=3 if scheduler == "heun" else 4)
    expected = render(here, asked)
    state = prepare(here, asked)
    for after in range(state.steps + 1):
        resumed = prepare(there, asked, saved=here.save(state)())
        assert resumed.step == after
        assert (pictures(there, resumed) == expected).all()
        if state.unit is Unit.PASS:
            here.advance([state])


def test_without_the_solvers_history_a_resumed_job_would_differ(wan: WanAdapter) -> None:
    state = prepare(wan, ask())
    passes(wan, [state], 2)
    resumed = prepare(wan, ask(), saved=wan.save(state)())
    resumed.solver.scheduler.model_outputs = [None, None]
    resumed.solver.scheduler.lower_order_nums = 0
    resumed.solver.scheduler.last_sample = None
    assert (pictures(wan, resumed) != pictures(wan, state)).any()


def test_a_checkpoint_is_of_the_moment_it_was_taken_however_late_it_is_packed(wan: WanAdapter) -> None:
    state = prepare(wan, ask())
    passes(wan, [state], 1)
    now, later = wan.save(state)(), wan.save(state)
    taken = state.latents
    passes(wan, [state], 2)
    taken.zero_()  # as a scheduler may that works in place
    assert later() == now
    assert wan.save(state)() != now


def test_a_checkpoint_holds_no_code_and_is_about_as_big_as_its_latents(wan: WanAdapter) -> None:
    state = prepare(wan, ask())
    passes(wan, [state], 3)
    saved = wan.save(state)()
    # Latents, the solver's two outputs and its last sample; beside them two random streams and the noise schedule.
    assert len(saved) < 4 * state.latents.numel() * 4 + 40_000
    assert saved[8:9] == b"{"


def test_a_checkpoint_of_another_request_or_model_is_refused_by_what_differs(wan: WanAdapter) -> None:
    saved = wan.save(prepare(wan, ask()))()
    with pytest.raises(InvalidInputError, match="checkpoint: request is"):
        prepare(wan, ask(seed=8), saved=saved)
    with pytest.raises(InvalidInputError, match="checkpoint: model_version is"):
        prepare(adapter(version="v2"), ask(), saved=saved)


@pytest.mark.parametrize("damage", [b"", b"\x00" * 8, b"junk" * 100])
def test_damaged_checkpoints_are_refused(damage: bytes) -> None:
    with pytest.raises(InvalidInputError, match="checkpoint: damaged"):
        ckpt.unpack(damage)


def test_a_truncated_checkpoint_is_refused_wherever_it_was_cut(wan: WanAdapter) -> None:
    saved = wan.save(prepare(wan, ask()))()
    for length in range(0, len(saved), max(1, len(saved) // 40)):
        with pytest.raises(InvalidInputError, match="checkpoint: damaged"):
            ckpt.unpack(saved[:length])


@pytest.mark.parametrize("missing", ["latents", "rng", "begin", "scheduler.sigmas"])
def test_a_checkpoint_without_one_of_its_tensors_is_refused(wan: WanAdapter, missing: str) -> None:
    state = prepare(wan, ask())
    passes(wan, [state], 1)
    whole = ckpt.unpack(wan.save(state)())
    lacking = ckpt.pack(whole.meta, {name: tensor for name, tensor in whole.tensors.items() if name != missing})
    with pytest.raises(InvalidInputError, match="checkpoint: damaged"):
        prepare(wan, ask(), saved=lacking)


@pytest.mark.parametrize(
    ("meta", "tensors"),
    [
        ({"cursor": "two"}, {}),
        ({"link": 1}, {}),
        ({"turn": -1}, {}),
        ({}, {"latents": torch.zeros(1, 16, 3, 3, 5)}),
        ({"scheduler": {"step": 3}}, {}),
    ],
    ids=["no number", "no such link", "below zero", "another shape", "a method overwritten"],
)
def test_a_checkpoint_that_was_tampered_with_is_refused(wan: WanAdapter, meta: dict[str, Any], tensors: dict[str, Any]) -> None:
    whole = ckpt.unpack(wan.save(prepare(wan, ask()))())
    tampered = ckpt.pack({**whole.meta, **meta}, {**whole.tensors, **tensors})
    with pytest.raises(InvalidInputError, match="checkpoint: damaged"):
        prepare(wan, ask(), saved=tampered)


@pytest.mark.parametrize("after", [1, 2, 3])
@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_a_final_goes_on_from_its_draft_with_the_bits_of_an_uninterrupted_one(scheduler: str, after: int) -> None:
    wan = adapter(scheduler)
    asked = ask(guidance=1.0)
    draft = prepare(wan, replace(asked, job_id="draft", stop_after=after))
    passes(wan, [draft], after)
    assert draft.unit is Unit.DECODE
    saved = wan.save(draft)()
    shown = pictures(wan, draft)
    final = prepare(wan, asked, saved=saved)
    assert final.passes_left == final.steps - after
    expected = render(wan, asked)
    assert (pictures(wan, final) == expected).all()
    assert shown.shape == expected.shape


def test_going_on_from_what_the_draft_shows_instead_of_its_state_would_give_another_final(wan: WanAdapter) -> None:
    draft = prepare(wan, ask("draft", stop_after=2))
    passes(wan, [draft], 2)
    final = prepare(wan, ask("final"), saved=wan.save(draft)())
    final.latents = draft.finished[0]
    assert (pictures(wan, final) != render(wan, ask())).any()


def test_decoding_a_draft_changes_nothing_of_its_state(wan: WanAdapter) -> None:
    draft = prepare(wan, ask("draft", stop_after=2))
    passes(wan, [draft], 2)
    before = wan.save(draft)()
    pictures(wan, draft)
    assert wan.save(draft)() == before


def test_a_draft_comes_closer_to_its_final_the_later_it_is_taken_and_the_noisy_latents_are_far(wan: WanAdapter) -> None:
    final = prepare(wan, ask(steps=8))
    passes(wan, [final], 8)
    distances = []
    for after in (1, 4, 7):
        draft = prepare(wan, ask(steps=8, stop_after=after))
        passes(wan, [draft], after)
        distances.append(float((draft.finished[0] - final.finished[0]).abs().mean()))
        assert distances[-1] < 0.5 * float((draft.latents - final.finished[0]).abs().mean())
    assert distances[0] > distances[1] > distances[2]


def test_a_draft_after_the_last_step_is_the_final_itself(wan: WanAdapter) -> None:
    assert (render(wan, ask(stop_after=4)) == render(wan, ask())).all()


def test_a_draft_lost_between_its_last_step_and_its_pictures_is_shown_elsewhere(wan: WanAdapter) -> None:
    draft = prepare(wan, ask("draft", stop_after=2))
    passes(wan, [draft], 2)
    again = prepare(adapter(), ask("draft", stop_after=2), saved=wan.save(draft)())
    assert again.unit is Unit.DECODE
    assert (pictures(wan, again) == pictures(wan, draft)).all()


def test_a_checkpoint_that_is_past_the_draft_is_refused(wan: WanAdapter) -> None:
    state = prepare(wan, ask())
    passes(wan, [state], 2)
    saved = wan.save(state)()
    for after in (1, 2):
        with pytest.raises(InvalidInputError, match=f"too late for the draft after step {after}"):
            prepare(wan, ask(stop_after=after), saved=saved)


@pytest.mark.parametrize("kind", ["flow", "v_prediction", "epsilon", "sample"])
def test_the_estimate_of_a_perfect_prediction_is_the_clean_video(kind: str) -> None:
    clean, noise = torch.randn(2, 1, 4, 2, 3, 3, generator=torch.Generator().manual_seed(0))
    scheduler, noisy, answer = _perfect(kind, clean, noise)
    assert torch.allclose(clean_estimate(scheduler, 3, answer, noisy), clean, atol=1e-4)
    assert not torch.allclose(clean_estimate(scheduler, 4, answer, noisy), clean, atol=1e-2) or kind == "sample"


def _perfect(kind: str, clean: torch.Tensor, noise: torch.Tensor) -> tuple[Any, torch.Tensor, torch.Tensor]:
    """A scheduler at its fourth step, the noisy video there, and what a network that knows all would answer."""
    if kind == "flow":
        flow = FlowMatchEulerDiscreteScheduler(shift=3.0)
        flow.set_timesteps(8)
        sigma = flow.sigmas[3]
        return flow, (1 - sigma) * clean + sigma * noise, noise - clean
    scheduler = DDIMScheduler(prediction_type=kind)
    scheduler.set_timesteps(8)
    alpha = scheduler.alphas_cumprod[scheduler.timesteps[3]]
    answers = {"epsilon": noise, "sample": clean, "v_prediction": alpha.sqrt() * noise - (1 - alpha).sqrt() * clean}
    return scheduler, alpha.sqrt() * clean + (1 - alpha).sqrt() * noise, answers[kind]
