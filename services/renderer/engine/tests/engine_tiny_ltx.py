"""A tiny LTX pipeline of the real classes: random weights, a tokenizer of bytes, nothing downloaded."""

from __future__ import annotations

import torch
from diffusers import (
    AutoencoderKLLTXVideo,
    FlowMatchEulerDiscreteScheduler,
    LTXImageToVideoPipeline,
    LTXPipeline,
    LTXVideoTransformer3DModel,
)
from storyreel_engine.tiny import byte_tokenizer
from transformers import T5Config, T5EncoderModel

TEXT_WIDTH = 32
LATENT_CHANNELS = 8


def build_ltx(kind: type[LTXPipeline] | type[LTXImageToVideoPipeline] = LTXPipeline, *, timed_vae: bool = False) -> LTXPipeline:
    """The pipeline in memory; with `timed_vae` its decoder takes a time step and adds noise first (0.9.1 and later)."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        pipe = kind(
            scheduler=FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True, base_shift=0.95, max_shift=2.05),
            vae=_vae(timed=timed_vae).eval(),
            text_encoder=_text_encoder().eval(),
            tokenizer=byte_tokenizer(),
            transformer=_transformer().eval(),
        )
    pipe.set_progress_bar_config(disable=True)
    return pipe


def _text_encoder() -> T5EncoderModel:
    config = T5Config(vocab_size=259, d_model=TEXT_WIDTH, d_kv=8, d_ff=64, num_layers=2, num_heads=4)
    return T5EncoderModel(config)


def _transformer() -> LTXVideoTransformer3DModel:
    return LTXVideoTransformer3DModel(
        in_channels=LATENT_CHANNELS,
        out_channels=LATENT_CHANNELS,
        num_attention_heads=2,
        attention_head_dim=16,
        cross_attention_dim=32,
        num_layers=2,
        caption_channels=TEXT_WIDTH,
    )


def _vae(*, timed: bool) -> AutoencoderKLLTXVideo:
    vae = AutoencoderKLLTXVideo(
        latent_channels=LATENT_CHANNELS,
        block_out_channels=(8, 8, 8, 8),
        decoder_block_out_channels=(8, 8, 8, 8),
        layers_per_block=(1, 1, 1, 1, 1),
        decoder_layers_per_block=(1, 1, 1, 1, 1),
        spatio_temporal_scaling=(True, True, True, False),
        decoder_spatio_temporal_scaling=(True, True, True, False),
        timestep_conditioning=timed,
        encoder_causal=True,
        decoder_causal=False,
    )
    # Statistics other than nought and one, so that a step left out would be seen.
    vae.latents_mean.copy_(torch.linspace(-0.3, 0.3, LATENT_CHANNELS))
    vae.latents_std.copy_(torch.linspace(0.8, 1.3, LATENT_CHANNELS))
    return vae
