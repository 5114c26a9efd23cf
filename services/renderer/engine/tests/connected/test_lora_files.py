"""What a LoRA's file may be, and what keeps the server from starting: another model's, parts that would be left out."""

# ruff: noqa: E402 - what follows can only be imported where torch is

import pytest

pytest.importorskip("torch", reason="torch is only in the engine's environment (.venv-engine)")
pytestmark = pytest.mark.connected

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import WanPipeline
from engine_loras import TARGETS, TOLERANCE, adapter, pipeline, save_lora, with_lora
from engine_videos import ask, render, whole
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file
from storyreel_engine.pipelines.loras import load_loras


@pytest.fixture(scope="module")
def ink(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A LoRA in a file."""
    return save_lora(pipeline(), tmp_path_factory.mktemp("loras") / "ink.safetensors", seed=1)


def test_experts_each_get_their_part_from_two_files(tmp_path: Path) -> None:
    asked = ask(lora="glow", guidance=1.0)
    high = save_lora(pipeline(), tmp_path / "glow" / "glow_high_noise.safetensors", seed=3)
    low = save_lora(pipeline(), tmp_path / "glow" / "glow_low_noise.safetensors", seed=4)
    own = with_lora(pipeline(experts=True), high)
    own.load_lora_weights(low.parent, weight_name=low.name, adapter_name="low", load_into_transformer_2=True)
    own.set_adapters(["own", "low"], [1.0, 1.0])
    own.transformer_2.eval()
    film = render(adapter({"glow": tmp_path / "glow"}, experts=True), asked)
    assert (film == whole(own, asked)).all()
    assert (film != render(adapter({"glow": high}, experts=True), asked)).any()


def test_experts_each_get_their_part_from_one_file_that_has_both(tmp_path: Path) -> None:
    files = [save_lora(pipeline(), tmp_path / "glow" / f"{name}.safetensors", seed=n) for n, name in ((3, "high"), (4, "low"))]
    parts = [load_file(file) for file in files]
    second = {f"transformer_2.{name.removeprefix('transformer.')}": tensor for name, tensor in parts[1].items()}
    alpha = {
        "transformer.r": 2,
        "transformer.lora_alpha": 8,
        "transformer.target_modules": ["to_q", "to_k", "to_v", "to_out.0"],
    }
    config = {**alpha, **{f"transformer_2{name.removeprefix('transformer')}": value for name, value in alpha.items()}}
    save_file({**parts[0], **second}, tmp_path / "both.safetensors", {"lora_adapter_metadata": json.dumps(config)})
    asked = ask(lora="glow", guidance=1.0)
    made = [render(adapter({"glow": path}, experts=True), asked) for path in (tmp_path / "both.safetensors", tmp_path / "glow")]
    assert (made[0] == made[1]).all()


def test_one_file_in_a_model_with_experts_changes_the_first_as_diffusers_has_it(ink: Path) -> None:
    asked = ask(lora="ink", guidance=1.0)
    own = with_lora(pipeline(experts=True), ink)
    assert (render(adapter({"ink": ink}, experts=True), asked) == whole(own, asked)).all()


def test_a_folder_that_peft_saved_gives_the_bits_of_the_same_in_diffusers_layout(tmp_path: Path) -> None:
    asked = ask(lora="ink", guidance=1.0)
    config = LoraConfig(r=2, lora_alpha=8, target_modules=["to_q", "to_v"], init_lora_weights=False)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        get_peft_model(pipeline().transformer, config).save_pretrained(tmp_path / "peft")
    tensors = load_file(tmp_path / "peft" / "adapter_model.safetensors")
    layers = {name.removeprefix("base_model.model."): tensor for name, tensor in tensors.items()}
    WanPipeline.save_lora_weights(
        tmp_path,
        transformer_lora_layers=layers,
        transformer_lora_adapter_metadata=json.loads((tmp_path / "peft" / "adapter_config.json").read_text()),
        weight_name="d.safetensors",
    )
    own = with_lora(pipeline(), tmp_path / "d.safetensors")
    film = render(adapter({"ink": tmp_path / "peft"}), asked)
    assert (film == whole(own, asked)).all()
    assert (film != render(adapter({}), replace(asked, lora=""))).any()


WAN = {
    "transformer.": "diffusion_model.",
    "attn1.to_": "self_attn.",
    "attn2.to_": "cross_attn.",
    "out.0": "o",
    "net.0.proj": "0",
    "net.2": "2",
}
"""Names of diffusers' layers -> those of the original Wan, which trainers write."""


def original(tensors: dict[str, torch.Tensor], alpha: float) -> dict[str, torch.Tensor]:
    """The same LoRA as trainers of the original Wan write it."""
    written = {}
    for name, tensor in tensors.items():
        for ours, theirs in WAN.items():
            name = name.replace(ours, theirs)  # noqa: PLW2901 - renamed step by step
        layer, _, side = name.partition(".lora_")
        written[f"{layer}.lora_{'down' if side.startswith('A') else 'up'}.weight"] = tensor.contiguous()
        written[f"{layer}.alpha"] = torch.tensor(alpha)
    return written


def kohya(tensors: dict[str, torch.Tensor], alpha: float) -> dict[str, torch.Tensor]:
    """The same LoRA as kohya's trainers write it."""
    layers = {name: name.partition(".lora_")[0].partition(".alpha")[0] for name in original(tensors, alpha)}
    return {
        f"lora_unet_{layers[name].removeprefix('diffusion_model.').replace('.', '_')}{name.removeprefix(layers[name])}": tensor
        for name, tensor in original(tensors, alpha).items()
    }


@pytest.mark.parametrize("layout", [original, kohya])
def test_other_layouts_are_converted_by_diffusers_own_loader(layout: Callable[..., Any], tmp_path: Path) -> None:
    everything = (*TARGETS, "ffn.net.0.proj", "ffn.net.2")
    ours = save_lora(pipeline(), tmp_path / "ours.safetensors", targets=everything)
    theirs = tmp_path / "theirs.safetensors"
    save_file(layout(load_file(ours), alpha=8.0), theirs)
    asked = ask(lora="ink", guidance=1.0)
    film = render(adapter({"ink": theirs}), asked)
    assert (film == whole(with_lora(pipeline(), theirs), asked)).all()
    assert np.abs(film.astype(int) - render(adapter({"ink": ours}), asked).astype(int)).max() <= TOLERANCE


def test_what_diffusers_leaves_out_of_a_file_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    ours = save_lora(pipeline(), tmp_path / "ours.safetensors")
    file = tmp_path / "theirs.safetensors"
    save_file({**original(load_file(ours), 8.0), "diffusion_model.blocks.0.norm3.diff": torch.zeros(24)}, file)
    load_loras(pipeline(), {"ink": file})
    assert "1 whole differences are left out" in caplog.text


def test_a_lora_that_was_trained_with_dropout_drops_nothing_out(tmp_path: Path) -> None:
    files = [save_lora(pipeline(), tmp_path / f"{rate}.safetensors", seed=6, lora_dropout=rate) for rate in (0.0, 0.5)]
    films = [render(adapter({"ink": file}), ask(lora="ink")) for file in files]
    assert (films[0] == films[1]).all()


def too_wide(folder: Path) -> None:
    save_file(
        {n: t.repeat(1, 2) if "lora_A" in n else t for n, t in load_file(folder / "good").items()}, folder / "bad.safetensors"
    )


def of_another_model(folder: Path) -> None:
    save_file({n.replace("blocks", "layers"): t for n, t in load_file(folder / "good").items()}, folder / "bad.safetensors")


def of_a_longer_model(folder: Path) -> None:
    more = {n.replace("blocks.0", "blocks.7"): t.clone() for n, t in load_file(folder / "good").items() if "blocks.0" in n}
    save_file({**load_file(folder / "good"), **more}, folder / "bad.safetensors")


def with_text(folder: Path) -> None:
    text = {f"text_encoder.q.lora_{side}.weight": torch.zeros(2, 2) for side in "AB"}
    save_file({**load_file(folder / "good"), **text}, folder / "bad.safetensors")


def with_magnitudes(folder: Path) -> None:
    save_file(
        {**load_file(folder / "good"), "transformer.blocks.0.attn1.to_q.dora_scale": torch.ones(1)}, folder / "bad.safetensors"
    )


def of_two_experts(folder: Path) -> None:
    for name in ("high", "low"):
        save_file(load_file(folder / "good"), folder / f"{name}.safetensors")


def of_three_files(folder: Path) -> None:
    for name in ("one", "two", "three"):
        save_file(load_file(folder / "good"), folder / f"{name}.safetensors")


def of_no_tensors(folder: Path) -> None:
    (folder / "bad.safetensors").write_bytes(b"junk")


def of_nothing(folder: Path) -> None:
    save_file({}, folder / "bad.safetensors")


def empty(folder: Path) -> None:
    (folder / "notes.txt").write_text("nothing here")


REFUSED: dict[Callable[[Path], None], str] = {
    too_wide: "size mismatch",
    of_another_model: "not found in the base model",
    of_a_longer_model: r"8 of 24 layers are not there, transformer.blocks.7",
    with_text: "1 of 17 layers are not there, text_encoder.q",
    with_magnitudes: "DoRA",
    of_two_experts: "transformer_2, which this model has not",
    of_three_files: "one safetensors file is needed.* there are: one.safetensors, three.safetensors, two.safetensors",
    of_no_tensors: "header",
    of_nothing: "it changes nothing",
    empty: "there are: none",
}


@pytest.mark.parametrize("make", REFUSED, ids=[make.__name__ for make in REFUSED])
@pytest.mark.parametrize("place", ["first", "second"])
def test_what_is_not_a_whole_lora_of_this_model_keeps_the_server_from_starting(
    make: Callable[[Path], None], place: str, ink: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "bad"
    folder.mkdir()
    (folder / "good").write_bytes(ink.read_bytes())
    make(folder)
    (folder / "good").unlink()
    several = {"bad": folder} if place == "first" else {"ink": ink, "bad": folder}
    with pytest.raises(ValueError, match=rf"bad: not a LoRA of this model: .*{REFUSED[make]}"):
        load_loras(pipeline(), several)
