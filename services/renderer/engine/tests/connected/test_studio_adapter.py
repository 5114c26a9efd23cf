"""The studio model in the step engine: with a picture, without one, and a still alone."""

# ruff: noqa: E402 - what follows can only be imported where torch is

import pytest

pytest.importorskip("torch", reason="torch is only in the engine's environment (.venv-engine)")
pytestmark = pytest.mark.connected

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import UniPCMultistepScheduler, WanImageToVideoPipeline, WanPipeline
from engine_videos import a_picture, ask, card, passes, pictures, prepare, render, whole
from PIL import Image
from storyreel_engine.card import weights_version, write_card
from storyreel_engine.failures import InvalidInputError
from storyreel_engine.loader import load_pipeline
from storyreel_engine.pipelines.wan import WanImageAdapter
from storyreel_engine.settings import EngineSettings
from storyreel_engine.studio_adapter import StudioAdapter
from storyreel_engine.studio_transformer import StudioTransformer3DModel
from storyreel_engine.studio_vae import StudioVAE
from storyreel_engine.tiny import TEXT_WIDTH, build_tiny

CHANNELS = 16
NETWORK = "storyreel_engine.studio_transformer"
PICTURE = a_picture(64, 48)
SAID: dict[str, Any] = {"negative_prompt": "blurry", "guidance": 3.0, "steps": 3}


def pipeline() -> WanImageToVideoPipeline:
    """A tiny pipeline of the studio's classes, every part random."""
    base = build_tiny()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        vae = StudioVAE(z_dim=CHANNELS, refiner_width=8, latents_mean=(0.0,) * CHANNELS, latents_std=(1.0,) * CHANNELS)
        for axes in (vae.still_axes, vae.motion_axes):
            axes.data.copy_(torch.linalg.qr(torch.randn(axes.shape[1], CHANNELS))[0].T)
        network = StudioTransformer3DModel(
            num_attention_heads=2, attention_head_dim=12, in_channels=CHANNELS, out_channels=CHANNELS, text_dim=TEXT_WIDTH,
            freq_dim=16, ffn_dim=32, num_layers=1,
        )  # fmt: skip
    pipe = WanImageToVideoPipeline(
        tokenizer=base.tokenizer, text_encoder=base.text_encoder, vae=vae.eval(), transformer=network.eval(),
        expand_timesteps=True,
        scheduler=UniPCMultistepScheduler(prediction_type="sample", use_flow_sigmas=True, flow_shift=2.0),
    )  # fmt: skip
    pipe.set_progress_bar_config(disable=True)
    return pipe


@pytest.fixture(scope="module")
def studio() -> StudioAdapter:
    return StudioAdapter(pipeline(), card(), torch.device("cpu"))


def test_a_folder_whose_network_is_our_own_gets_this_adapter(tmp_path: Path) -> None:
    pipeline().save_pretrained(tmp_path)
    index = tmp_path / "model_index.json"
    ours = {"vae": ["storyreel_engine.studio_vae", "StudioVAE"], "transformer": [NETWORK, "StudioTransformer3DModel"]}
    index.write_text(json.dumps(json.loads(index.read_text()) | ours))
    write_card(tmp_path, replace(card(), version=weights_version(tmp_path)))
    loaded = load_pipeline(EngineSettings(tmp_path, device="cpu", torch_threads=1))
    assert type(loaded) is StudioAdapter


def test_a_still_equals_the_text_pipelines_own_call_bit_for_bit(studio: StudioAdapter) -> None:
    names = ("tokenizer", "text_encoder", "vae", "transformer", "scheduler")
    text = WanPipeline(**{n: studio.pipe.components[n] for n in names}, expand_timesteps=True)
    text.set_progress_bar_config(disable=True)
    asked = ask(frames=1, **SAID)
    assert (render(studio, asked) == whole(text, asked)).all()


def test_a_clip_from_a_picture_equals_the_picture_pipelines_own_call_bit_for_bit(studio: StudioAdapter) -> None:
    asked = ask(first_frame="its sum", **SAID)
    assert (render(studio, asked, PICTURE) == whole(studio.pipe, asked, image=Image.fromarray(PICTURE))).all()


def test_without_a_picture_a_clip_goes_on_from_a_still_of_its_own(studio: StudioAdapter) -> None:
    asked = ask(**SAID)
    made, still = render(studio, asked), render(studio, ask(frames=1, **SAID))
    assert made.shape == (9, 48, 64, 3)
    assert (made[0] == still[0]).all()
    with pytest.raises(InvalidInputError, match="first_frame"):
        render(WanImageAdapter(studio.pipe, card(), torch.device("cpu")), asked)


def test_such_a_clip_is_resumed_bit_for_bit_in_its_still_and_in_its_clip(studio: StudioAdapter) -> None:
    asked = ask(**SAID)
    made = render(studio, asked)
    for done in (1, 4):
        state = prepare(studio, asked)
        shown = []
        while state.step < done:
            shown += [studio.decode(state)] if state.shown < len(state.finished) else []
            passes(studio, [state], 1)
        saved = studio.save(state)()
        again = pictures(studio, prepare(studio, asked, saved=saved))
        assert (np.concatenate((*shown, again))[-9:] == made).all()


def test_a_draft_needs_its_picture(studio: StudioAdapter) -> None:
    with pytest.raises(InvalidInputError, match="stop_after"):
        studio.check(ask(stop_after=1, **SAID))
    studio.check(ask(stop_after=1, first_frame="its sum", **SAID))
    studio.check(ask(stop_after=1, frames=1, **SAID))
