"""Makes a tiny Wan pipeline with random weights: every part real, the pictures clouds of colour.

`python -m storyreel_engine.tiny --out DIR [--seed N]` writes a folder that `loader` reads: the same seed gives the same
weights and therefore the same model version. Nothing is downloaded; the tokenizer is made of the 256 byte values.
"""

import argparse
import sys
import tempfile
from pathlib import Path

import torch
from diffusers import AutoencoderKLWan, UniPCMultistepScheduler, WanPipeline, WanTransformer3DModel
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast, UMT5Config, UMT5EncoderModel

from storyreel_engine.card import CARD_FILE, ModelCard, load_card, weights_version, write_card

TEXT_WIDTH = 32
_CONTRAST = 0.14
"""Scale of the decoder's last layer: stronger swings would come near the broadcast rule for flashes."""


def make_tiny(out: Path, seed: int = 0) -> ModelCard:
    """Write the pipeline folder at `out`, whole or not at all; a folder that is already complete is kept.

    Raises:
        FileExistsError: `out` exists and is not such a folder (it is never deleted).
    """
    if (out / CARD_FILE).is_file():
        return load_card(out)
    if out.exists() and any(out.iterdir()):
        raise FileExistsError(f"{out} exists and holds no {CARD_FILE}: name another folder, or remove it")
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".tiny-") as scratch:
        folder = Path(scratch) / "pipeline"
        build_tiny(seed).save_pretrained(folder)
        card = _card(weights_version(folder))
        write_card(folder, card)
        folder.rename(out)  # replaces an empty folder, refuses any other
    return card


def build_tiny(seed: int = 0) -> WanPipeline:
    """The pipeline in memory, float32 on the CPU, 0.3 million weights in all."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return WanPipeline(
            tokenizer=byte_tokenizer(),
            text_encoder=_text_encoder().eval(),
            vae=_vae().eval(),
            transformer=_transformer().eval(),
            scheduler=UniPCMultistepScheduler(
                prediction_type="flow_prediction", use_flow_sigmas=True, num_train_timesteps=1000, flow_shift=3.0
            ),
        )


def byte_tokenizer() -> PreTrainedTokenizerFast:
    """One token per byte of UTF-8, so that every script and emoji can be written without a learned vocabulary."""
    pad, end, unknown = special = ("<pad>", "</s>", "<unk>")
    tokens = [*special, *sorted(pre_tokenizers.ByteLevel.alphabet())]
    vocabulary = {token: i for i, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[], unk_token=unknown))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.post_processor = processors.TemplateProcessing(single=f"$A {end}", special_tokens=[(end, 1)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token=pad, eos_token=end, unk_token=unknown, model_max_length=512
    )


def _text_encoder() -> UMT5EncoderModel:
    config = UMT5Config(vocab_size=259, d_model=TEXT_WIDTH, d_kv=8, d_ff=64, num_layers=2, num_heads=4)
    return UMT5EncoderModel(config)


def _vae() -> AutoencoderKLWan:
    # Pixels are folded four by four into channels, so that the decoder works on a sixteenth of the positions: that is
    # what makes a CPU fast enough.
    vae = AutoencoderKLWan(
        base_dim=16,
        z_dim=16,
        dim_mult=[1, 1, 1],
        num_res_blocks=1,
        temperal_downsample=[True, True],
        patch_size=4,
        in_channels=48,
        out_channels=48,
        scale_factor_spatial=16,
        scale_factor_temporal=4,
    )
    with torch.no_grad():
        _soften(vae.decoder)
    return vae


def _soften(decoder: torch.nn.Module) -> None:
    """Make every kernel of the decoder even in space and time: clouds of colour that drift, instead of flickering dust.

    Random kernels let through what changes from pixel to pixel; even ones keep what is large and slow. Variances stay.
    """
    for name, layer in decoder.named_modules():
        if isinstance(layer, torch.nn.Conv2d | torch.nn.Conv3d):
            kernel = tuple(range(2, layer.weight.dim()))
            _tie(layer.weight, kernel)
            if name.endswith("time_conv"):  # makes two frames of one: the same frame twice, smoothed by what follows
                for parameter in (layer.weight, layer.bias):
                    first, second = parameter.chunk(2)
                    first.copy_(second)
    # The last layer's channels are the pixels of a 4x4 patch, colour by colour: one colour for the whole patch.
    _tie(decoder.conv_out.weight.unflatten(0, (3, -1)), (1,), _CONTRAST)
    _tie(decoder.conv_out.bias.unflatten(0, (3, -1)), (1,), _CONTRAST)


def _tie(weights: torch.Tensor, over: tuple[int, ...], gain: float = 1.0) -> None:
    """Set all weights along `over` to their mean, scaled so that their variance stays (times `gain` squared)."""
    mean = weights.mean(over, keepdim=True)
    count = weights.numel() / mean.numel()
    weights.copy_((mean * count**0.5 * gain).expand_as(weights))


def _transformer() -> WanTransformer3DModel:
    return WanTransformer3DModel(
        patch_size=(1, 1, 1),
        num_attention_heads=2,
        attention_head_dim=12,
        in_channels=16,
        out_channels=16,
        text_dim=TEXT_WIDTH,
        freq_dim=64,
        ffn_dim=64,
        num_layers=2,
        rope_max_seq_len=128,
    )


def _card(version: str) -> ModelCard:
    return ModelCard(
        name="tiny-wan",
        version=version,
        pipeline="WanPipeline",
        stages=["preview", "final"],
        sizes={
            "preview": {"16:9": [112, 64], "9:16": [64, 112], "1:1": [80, 80]},
            "final": {"16:9": [256, 144], "9:16": [144, 256], "1:1": [192, 192]},
        },
        steps={"preview": 4, "final": 8},
        device_seconds={"preview": 0.6, "final": 2.4},
        fps=16,
        max_frames=81,
        size_multiple=16,
        max_pixels=512 * 512,
        window_overlap=17,
    )


def main(arguments: list[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m storyreel_engine.tiny", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="the pipeline folder to write")
    parser.add_argument("--seed", type=int, default=0, help="seed of the weights (default 0)")
    options = parser.parse_args(arguments)
    card = make_tiny(options.out, options.seed)
    sys.stdout.write(f"{card.name} {card.version} in {options.out}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
