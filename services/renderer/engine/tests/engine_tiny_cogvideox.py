"""Tiny CogVideoX pipelines of the real classes (1.0 2B, 1.0 5B, 1.5, image-to-video): random weights, nothing downloaded."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from diffusers import (
    AutoencoderKLCogVideoX,
    CogVideoXDDIMScheduler,
    CogVideoXDPMScheduler,
    CogVideoXImageToVideoPipeline,
    CogVideoXPipeline,
    CogVideoXTransformer3DModel,
)
from storyreel_engine.tiny import byte_tokenizer
from transformers import T5Config, T5EncoderModel

TEXT_WIDTH = 32
LATENT_CHANNELS = 4
TEXT_LENGTH = 226
SIZE = 8
"""Height and width of the latents that the network was made for."""


@dataclass(frozen=True)
class Variant:
    """What differs between the published models: solver, positions, frames to a token, start from a picture."""

    solver: str = "ddim"
    rotary: bool = False
    patch_frames: int | None = None
    picture: bool = False


VARIANTS = {
    "2B": Variant(),
    "5B": Variant(solver="dpm", rotary=True),
    "1.5": Variant(solver="dpm", rotary=True, patch_frames=2),
    "5B from a picture": Variant(solver="dpm", rotary=True, picture=True),
    "1.5 from a picture": Variant(solver="dpm", rotary=True, patch_frames=2, picture=True),
}


def build_cogvideox(variant: Variant) -> CogVideoXPipeline:
    """The pipeline in memory, float32 on the CPU."""
    solver = {"ddim": CogVideoXDDIMScheduler, "dpm": CogVideoXDPMScheduler}[variant.solver]
    kind = CogVideoXImageToVideoPipeline if variant.picture else CogVideoXPipeline
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        pipe = kind(
            tokenizer=byte_tokenizer(),
            text_encoder=_text_encoder().eval(),
            vae=_vae(variant).eval(),
            transformer=_transformer(variant).eval(),
            scheduler=solver(
                prediction_type="v_prediction",
                rescale_betas_zero_snr=True,
                snr_shift_scale=1.0,
                timestep_spacing="trailing",
                set_alpha_to_one=True,
            ),
        )
    pipe.set_progress_bar_config(disable=True)
    return pipe


def _text_encoder() -> T5EncoderModel:
    config = T5Config(vocab_size=259, d_model=TEXT_WIDTH, d_kv=8, d_ff=64, num_layers=2, num_heads=4)
    return T5EncoderModel(config)


def _transformer(variant: Variant) -> CogVideoXTransformer3DModel:
    return CogVideoXTransformer3DModel(
        num_attention_heads=2,
        attention_head_dim=16,
        in_channels=LATENT_CHANNELS * (2 if variant.picture else 1),
        out_channels=LATENT_CHANNELS,
        time_embed_dim=8,
        ofs_embed_dim=8 if variant.picture and variant.patch_frames else None,
        text_embed_dim=TEXT_WIDTH,
        num_layers=2,
        sample_width=SIZE,
        sample_height=SIZE,
        sample_frames=17,
        patch_size=2,
        patch_size_t=variant.patch_frames,
        patch_bias=variant.patch_frames is None,
        max_text_seq_length=TEXT_LENGTH,
        use_rotary_positional_embeddings=variant.rotary,
    )


def _vae(variant: Variant) -> AutoencoderKLCogVideoX:
    return AutoencoderKLCogVideoX(
        block_out_channels=(8, 8, 8, 8),
        latent_channels=LATENT_CHANNELS,
        layers_per_block=1,
        norm_num_groups=2,
        sample_height=8 * SIZE,
        sample_width=8 * SIZE,
        scaling_factor=0.7,
        invert_scale_latents=variant.patch_frames is not None,
    )
