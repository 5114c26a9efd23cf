"""Wan from a picture: the pipeline's own bits in all three builds, and long shots as a chain of windows."""

# ruff: noqa: E402 - what follows can only be imported where torch is

import pytest

pytest.importorskip("torch", reason="torch is only in the engine's environment (.venv-engine)")
pytestmark = pytest.mark.connected

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import WanImageToVideoPipeline, WanTransformer3DModel
from engine_loras import save_lora, with_lora
from engine_videos import a_picture, ask, card, passes, pictures, prepare, render, whole
from PIL import Image
from storyreel_engine.failures import InvalidInputError
from storyreel_engine.pipelines.loras import load_loras
from storyreel_engine.pipelines.pixels import fitted
from storyreel_engine.pipelines.wan import WanImageAdapter
from storyreel_engine.ports import Frames, Inputs, Unit
from storyreel_engine.tiny import build_tiny
from storyreel_engine.wire import RenderRequest
from transformers import CLIPImageProcessor, CLIPVisionConfig, CLIPVisionModel

CPU = torch.device("cpu")
BUILDS = ["2.1 with an image encoder", "without an image encoder", "2.2 with two experts", "2.2 5B"]
PICTURE = a_picture(64, 64)
SHOWN = Image.fromarray(PICTURE)
PICTURE_SUM = "sha256 of the picture"
CHAIN: dict[str, Any] = {"frames": 13, "steps": 2, "guidance": 1.0}
CHAINED = card(max_frames=9, window_overlap=1, first_frame="required")


def pipeline(build: str) -> WanImageToVideoPipeline:
    """A tiny pipeline of the real classes, built as that model is."""
    base = build_tiny()
    small = build == "2.2 5B"
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        # Beside the noise lie four channels of mask and the picture's sixteen; the 5B model has none.
        config = {**base.transformer.config, "in_channels": 16 if small else 36}
        config |= {"patch_size": (1, 2, 2)} if small else {}
        config |= {"image_dim": 16, "added_kv_proj_dim": 24} if build.startswith("2.1") else {}
        networks = [WanTransformer3DModel.from_config(config).eval() for _ in range(2)]
        encoder = CLIPVisionModel(_vision()).eval() if build.startswith("2.1") else None
    pipe = WanImageToVideoPipeline(
        tokenizer=base.tokenizer,
        text_encoder=base.text_encoder,
        vae=base.vae,
        scheduler=base.scheduler,
        transformer=networks[0],
        transformer_2=networks[1] if "experts" in build else None,
        boundary_ratio=0.9 if "experts" in build else None,
        expand_timesteps=small,
        image_encoder=encoder,
        image_processor=CLIPImageProcessor(size={"shortest_edge": 16}, crop_size={"height": 16, "width": 16}),
    )
    pipe.set_progress_bar_config(disable=True)
    return pipe


def _vision() -> CLIPVisionConfig:
    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    return CLIPVisionConfig(**sizes, image_size=16, patch_size=8)


def from_picture(**fields: Any) -> RenderRequest:
    """A request that a picture comes with."""
    return ask(**{"height": 64, "first_frame": PICTURE_SUM, **fields})


@pytest.fixture(scope="module")
def chaining() -> WanImageAdapter:
    return WanImageAdapter(pipeline("without an image encoder"), CHAINED, CPU)


@pytest.fixture(scope="module")
def chain(chaining: WanImageAdapter) -> Frames:
    return render(chaining, from_picture(**CHAIN), PICTURE)


@pytest.mark.parametrize("build", BUILDS)
def test_step_by_step_equals_the_pipelines_own_call_bit_for_bit(build: str) -> None:
    asked = from_picture(negative_prompt="blurry")
    wan = WanImageAdapter(pipeline(build), card(), CPU)
    assert (render(wan, asked, PICTURE) == whole(wan.pipe, asked, image=SHOWN)).all()


@pytest.mark.parametrize("build", BUILDS)
def test_a_lora_from_a_model_of_text_gives_the_calls_bits_and_beside_it_another_job_keeps_its_own(
    build: str, tmp_path: Path
) -> None:
    plain, looked = (from_picture(job_id=lora, lora=lora, lora_scale=0.5, steps=2) for lora in ("", "ink"))
    file = save_lora(pipeline(build), tmp_path / "ink.safetensors")
    pipe = pipeline(build)
    wan = WanImageAdapter(pipe, card(loras=["ink"]), CPU, loras=load_loras(pipe, {"ink": file}))
    states = [prepare(wan, asked, PICTURE) for asked in (plain, looked)]
    for state in (*states, *states):
        wan.advance([state])
    films = [pictures(wan, state) for state in states]
    assert (films[1] == whole(with_lora(pipeline(build), file, 0.5), looked, image=SHOWN)).all()
    assert (films[0] == whole(pipeline(build), plain, image=SHOWN)).all()
    assert (films[0] != films[1]).any()


def test_chains_of_unlike_looks_that_take_turns_keep_theirs_from_link_to_link(chain: Frames, tmp_path: Path) -> None:
    pipe = pipeline("without an image encoder")
    file = save_lora(pipeline("without an image encoder"), tmp_path / "ink.safetensors")
    wan = WanImageAdapter(pipe, replace(CHAINED, loras=["ink"]), CPU, loras=load_loras(pipe, {"ink": file}))
    alone = render(wan, from_picture(**CHAIN, lora="ink"), PICTURE)
    states = [prepare(wan, from_picture(**CHAIN, lora=lora), PICTURE) for lora in ("", "ink")]
    films: list[list[Frames]] = [[], []]
    while any(state.unit is not Unit.NONE for state in states):
        for film, state in zip(films, states, strict=True):
            if state.unit is Unit.PASS:
                wan.advance([state])
            else:
                film.append(wan.decode(state))
    assert (np.concatenate(films[0]) == chain).all()
    assert (np.concatenate(films[1]) == alone).all()
    assert (alone != chain).any()


@pytest.mark.parametrize("build", BUILDS)
def test_another_picture_gives_another_film(build: str) -> None:
    wan = WanImageAdapter(pipeline(build), card(), CPU)
    asked = from_picture(steps=2, guidance=1.0)
    assert (render(wan, asked, PICTURE) != render(wan, asked, a_picture(64, 64, seed=1))).any()


@pytest.mark.parametrize("build", BUILDS)
def test_a_batch_gives_each_job_the_film_of_its_own_picture(build: str) -> None:
    wan = WanImageAdapter(pipeline(build), card(), CPU)
    shots = [
        (from_picture(job_id="a", steps=2), PICTURE),
        (from_picture(job_id="b", steps=2, seed=9), a_picture(64, 64, seed=1)),
    ]
    alone = [render(wan, *shot) for shot in shots]
    states = [prepare(wan, *shot) for shot in shots]
    passes(wan, states, 2)
    for state, expected in zip(states, alone, strict=True):
        assert np.abs(pictures(wan, state).astype(int) - expected.astype(int)).max() <= 1


@pytest.mark.parametrize("build", BUILDS)
def test_a_job_resumed_elsewhere_gives_the_same_bits_and_so_does_a_final_after_its_draft(build: str) -> None:
    here, there = (WanImageAdapter(pipeline(build), card(), CPU) for _ in range(2))
    asked = from_picture(guidance=1.0)
    draft = prepare(here, replace(asked, stop_after=2), PICTURE)
    passes(here, [draft], 2)
    pictures(here, draft)
    resumed = prepare(there, asked, PICTURE, here.save(draft)())
    assert (pictures(there, resumed) == render(here, asked, PICTURE)).all()


def test_a_request_without_its_picture_is_refused() -> None:
    wan = WanImageAdapter(pipeline(BUILDS[1]), CHAINED, CPU)
    with pytest.raises(InvalidInputError, match="first_frame: this model starts from a picture"):
        wan.check(ask())
    with pytest.raises(InvalidInputError, match="first_frame: this model starts from a picture"):
        wan.prepare(from_picture(), Inputs())


def test_a_picture_of_another_shape_is_cut_and_never_stretched() -> None:
    wide = np.zeros((64, 128, 3), np.uint8)
    wide[:, 32:96] = 200
    assert np.asarray(fitted(wide, 64, 64)).min() == 200
    assert (np.asarray(fitted(PICTURE, 64, 64)) == PICTURE).all()


def test_a_chained_shot_has_all_its_pictures_and_each_link_starts_from_the_last_one_shown(chaining: WanImageAdapter) -> None:
    asked = from_picture(frames=21, steps=2, guidance=1.0)
    state = prepare(chaining, asked, PICTURE)
    assert state.links == (9, 9, 5)
    assert state.seams == (9, 17)
    shown: list[Frames] = []
    given: list[Frames] = []
    while state.unit is not Unit.NONE:
        if state.unit is Unit.PASS:
            chaining.advance([state])
        else:
            shown.append(chaining.decode(state))
            if state.clip.picture is not None and (not given or given[-1] is not state.clip.picture):
                given.append(state.clip.picture)
    film = np.concatenate(shown)
    assert film.shape == (21, 64, 64, 3)
    assert (given[0] == PICTURE).all()
    assert (given[1] == film[8]).all()
    assert (given[2] == film[16]).all()
    assert (state.step, state.steps, state.passes_left, state.window_count) == (6, 6, 0, 3)


def test_the_first_link_is_the_shot_that_would_have_been_made_alone(chaining: WanImageAdapter, chain: Frames) -> None:
    assert (chain[:9] == render(chaining, from_picture(**{**CHAIN, "frames": 9}), PICTURE)).all()
    assert chain.shape[0] == 13


def test_a_link_started_from_another_picture_would_go_another_way(chaining: WanImageAdapter, chain: Frames) -> None:
    state = prepare(chaining, from_picture(**CHAIN), PICTURE)
    passes(chaining, [state], 2)
    shown = [chaining.decode(state) for _ in range(3)]
    assert state.unit is Unit.PASS
    state.extras = {**state.extras, "condition": state.extras["condition"].flip(-1)}
    assert (np.concatenate([*shown, pictures(chaining, state)])[9:] != chain[9:]).any()


@pytest.mark.parametrize("units", range(10))
def test_a_chained_shot_resumed_after_any_unit_is_told_whole_and_in_the_same_bits(
    units: int, chaining: WanImageAdapter, chain: Frames
) -> None:
    asked = from_picture(**CHAIN)
    state = prepare(chaining, asked, PICTURE)
    for _ in range(units):
        if state.unit is Unit.PASS:
            chaining.advance([state])
        elif state.unit is Unit.DECODE:
            chaining.decode(state)
    resumed = prepare(chaining, asked, PICTURE, chaining.save(state)())
    assert resumed.step == state.step
    assert (pictures(chaining, resumed) == chain).all()


def test_links_of_unlike_length_have_unlike_keys(chaining: WanImageAdapter) -> None:
    asked = from_picture(frames=13, steps=1)
    state = prepare(chaining, asked, PICTURE)
    first = chaining.key(asked, state)
    passes(chaining, [state], 1)
    while state.unit is Unit.DECODE:
        chaining.decode(state)
    assert state.links == (9, 5)
    assert chaining.key(asked, state) != first


def test_a_chained_shot_has_no_draft_and_says_why(chaining: WanImageAdapter) -> None:
    with pytest.raises(InvalidInputError, match=r"stop_after: .* a chained shot has no draft"):
        chaining.check(from_picture(frames=17, stop_after=2))
    chaining.check(from_picture(frames=9, stop_after=2))
