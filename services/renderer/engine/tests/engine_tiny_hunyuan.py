"""Tiny HunyuanVideo pipelines of the real classes: random weights, tokenizers made here, nothing downloaded."""

from __future__ import annotations

import re

import torch
from diffusers import (
    AutoencoderKLHunyuanVideo,
    FlowMatchEulerDiscreteScheduler,
    HunyuanVideoImageToVideoPipeline,
    HunyuanVideoPipeline,
    HunyuanVideoTransformer3DModel,
)
from diffusers.pipelines.hunyuan_video import pipeline_hunyuan_video, pipeline_hunyuan_video_image2video
from storyreel_engine.tiny import byte_tokenizer
from tokenizers import processors
from transformers import (
    CLIPImageProcessorPil,
    CLIPTextConfig,
    CLIPTextModel,
    CLIPVisionConfig,
    LlamaConfig,
    LlamaModel,
    LlavaConfig,
    LlavaForConditionalGeneration,
    PreTrainedTokenizerFast,
)

LATENT_CHANNELS = 4
TEXT_WIDTH = 16
PICTURE_TOKENS = 24
"""A side of the picture in tokens: the pipeline's own template counts on 24 x 24 = 576 of them."""


def build_hunyuan(*, guidance_embeds: bool = True) -> HunyuanVideoPipeline:
    """Text to video; without `guidance_embeds` guidance takes a second forward pass."""
    tokenizer = _chat_tokenizer()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        pipe = HunyuanVideoPipeline(
            text_encoder=LlamaModel(_llama(tokenizer)).eval(),
            transformer=_transformer(guidance_embeds=guidance_embeds, condition=None).eval(),
            **_shared(tokenizer),
        )
    pipe.set_progress_bar_config(disable=True)
    return pipe


def build_hunyuan_picture(condition: str, *, guidance_embeds: bool = True) -> HunyuanVideoImageToVideoPipeline:
    """Picture to video; `condition` is "latent_concat" (the 33-channel model) or "token_replace" (the 16-channel one)."""
    tokenizer = _chat_tokenizer()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        pipe = HunyuanVideoImageToVideoPipeline(
            text_encoder=_llava(tokenizer).eval(),
            transformer=_transformer(guidance_embeds=guidance_embeds, condition=condition).eval(),
            image_processor=CLIPImageProcessorPil(
                size={"shortest_edge": 2 * PICTURE_TOKENS},
                crop_size={"height": 2 * PICTURE_TOKENS, "width": 2 * PICTURE_TOKENS},
            ),
            **_shared(tokenizer),
        )
    pipe.set_progress_bar_config(disable=True)
    return pipe


def _shared(tokenizer: PreTrainedTokenizerFast) -> dict[str, object]:
    clip = CLIPTextConfig(
        vocab_size=259,
        hidden_size=8,
        intermediate_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=77,
        eos_token_id=1,
        pad_token_id=0,
        bos_token_id=2,
    )
    return {
        "tokenizer": tokenizer,
        "tokenizer_2": byte_tokenizer(),
        "text_encoder_2": CLIPTextModel(clip).eval(),
        "vae": _vae().eval(),
        "scheduler": FlowMatchEulerDiscreteScheduler(shift=7.0),
    }


def _chat_tokenizer() -> PreTrainedTokenizerFast:
    """Bytes, and one token for each word of the two chat templates: else these alone would fill the text's length."""
    tokenizer = byte_tokenizer()
    template = pipeline_hunyuan_video_image2video.DEFAULT_PROMPT_TEMPLATE["template"]
    template += pipeline_hunyuan_video.DEFAULT_PROMPT_TEMPLATE["template"]
    marks = [*dict.fromkeys(re.findall(r"<[^>]*>", template)), "<s>", "\n\n", "\n"]
    words = [f" {word}" for word in dict.fromkeys(re.findall(r"[\w,.:-]{4,}", template))]
    tokenizer.add_tokens([*marks, "system", "user", "assistant", *words], special_tokens=True)
    start = tokenizer.convert_tokens_to_ids("<s>")
    tokenizer.backend_tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", start)])
    return tokenizer


def _llama(tokenizer: PreTrainedTokenizerFast) -> LlamaConfig:
    return LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=TEXT_WIDTH,
        intermediate_size=32,
        num_hidden_layers=3,
        num_attention_heads=2,
        max_position_embeddings=1024,
        pad_token_id=tokenizer.pad_token_id,
    )


def _llava(tokenizer: PreTrainedTokenizerFast) -> LlavaForConditionalGeneration:
    vision = CLIPVisionConfig(
        hidden_size=8,
        intermediate_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        image_size=2 * PICTURE_TOKENS,
        patch_size=2,
    )
    return LlavaForConditionalGeneration(
        LlavaConfig(
            vision_config=vision,
            text_config=_llama(tokenizer),
            image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
            pad_token_id=tokenizer.pad_token_id,
            vision_feature_layer=-2,
            vision_feature_select_strategy="default",
        )
    )


def _transformer(*, guidance_embeds: bool, condition: str | None) -> HunyuanVideoTransformer3DModel:
    return HunyuanVideoTransformer3DModel(
        in_channels=2 * LATENT_CHANNELS + 1 if condition == "latent_concat" else LATENT_CHANNELS,
        out_channels=LATENT_CHANNELS,
        num_attention_heads=2,
        attention_head_dim=16,
        num_layers=1,
        num_single_layers=1,
        num_refiner_layers=1,
        patch_size=2,
        patch_size_t=1,
        guidance_embeds=guidance_embeds,
        text_embed_dim=TEXT_WIDTH,
        pooled_projection_dim=8,
        rope_axes_dim=(4, 6, 6),
        image_condition_type=condition,
    )


def _vae() -> AutoencoderKLHunyuanVideo:
    return AutoencoderKLHunyuanVideo(
        latent_channels=LATENT_CHANNELS,
        block_out_channels=(8, 8, 8, 8),
        layers_per_block=1,
        norm_num_groups=2,
        scaling_factor=0.476986,
    )
