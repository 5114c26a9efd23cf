"""LoRAs in the Wan pipelines: the very bits of diffusers' own loader and call, whoever else is rendered in between."""

# ruff: noqa: E402 - what follows can only be imported where torch is

import pytest

pytest.importorskip("torch", reason="torch is only in the engine's environment (.venv-engine)")
pytestmark = pytest.mark.connected

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import WanPipeline
from engine_fakes import FakeSender
from engine_loras import CPU, TOLERANCE, adapter, pipeline, random_lora, save_lora, with_lora
from engine_videos import ask, card, passes, pictures, prepare, render, whole
from peft import LoraConfig
from safetensors.torch import load_file, save_file
from storyreel_engine.card import LORAS, load_card, lora_paths, weights_version, write_card
from storyreel_engine.engine import Engine
from storyreel_engine.failures import InvalidInputError
from storyreel_engine.loader import load_pipeline
from storyreel_engine.pipelines.loading import rehearse
from storyreel_engine.pipelines.loras import Loras, load_loras
from storyreel_engine.pipelines.state import JobState
from storyreel_engine.pipelines.wan import WanAdapter
from storyreel_engine.ports import Frames
from storyreel_engine.settings import EngineSettings
from storyreel_engine.tiny import build_tiny, make_tiny
from storyreel_engine.wire import RenderRequest

NAMES = ("ink-1.0", "oil")
CARD = card(loras=list(NAMES))
LOOKS = [
    ask("plain"),
    ask("ink", lora="ink-1.0"),
    ask("half", lora="ink-1.0", lora_scale=0.5),
    ask("oil", lora="oil", guidance=1.0),
]


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two LoRAs in files, unlike in rank and in what they change."""
    folder = tmp_path_factory.mktemp("loras")
    made = [
        save_lora(pipeline(), folder / "ink-1.0.safetensors", seed=1),
        save_lora(pipeline(), folder / "oil.safetensors", seed=2, targets=("to_v", "ffn.net.2"), r=4),
    ]
    return dict(zip(NAMES, made, strict=True))


@pytest.fixture(scope="module")
def wan(paths: dict[str, Path]) -> WanAdapter:
    return adapter(paths)


@pytest.fixture(scope="module")
def alone(paths: dict[str, Path]) -> dict[str, Frames]:
    """Each of `LOOKS`, rendered by diffusers itself in a pipeline with nothing but its own LoRA."""
    made = {}
    for asked in LOOKS:
        pipe = with_lora(pipeline(), paths[asked.lora], asked.lora_scale) if asked.lora else pipeline()
        made[asked.job_id] = whole(pipe, asked)
    return made


def test_each_look_gives_the_bits_of_the_pipelines_own_call_and_none_is_like_another(
    wan: WanAdapter, alone: dict[str, Frames]
) -> None:
    for asked in LOOKS:
        assert (render(wan, asked) == alone[asked.job_id]).all()
    films = [alone[asked.job_id] for asked in LOOKS]
    assert all((films[i] != films[j]).any() for i in range(len(films)) for j in range(i))


def through_the_engine(wan: WanAdapter, asked: list[RenderRequest]) -> dict[str, Frames]:
    """What clients get that ask an engine for all at once."""
    engine: Engine[JobState] = Engine(wan)
    clients = {request.job_id: FakeSender() for request in asked}
    for request in asked:
        engine.submit(request, clients[request.job_id])
    while engine.run_once():
        pass
    assert {client.last["kind"] for client in clients.values()} == {"result"}
    return {name: client.frames for name, client in clients.items()}


def test_jobs_of_all_looks_that_share_an_engine_get_the_bits_that_each_has_alone(
    wan: WanAdapter, alone: dict[str, Frames]
) -> None:
    for name, film in through_the_engine(wan, LOOKS).items():
        assert (film == alone[name]).all()


class WithoutTheKey(WanAdapter):
    """The guard removed: the LoRA is no part of what jobs must have in common."""

    def lora(self, request: RenderRequest) -> str:
        return ""


def test_with_the_lora_out_of_the_key_they_would_get_each_others(paths: dict[str, Path], alone: dict[str, Frames]) -> None:
    films = through_the_engine(adapter(paths, WithoutTheKey), LOOKS)
    wrong = [name for name, film in films.items() if np.abs(film.astype(int) - alone[name].astype(int)).max() > TOLERANCE]
    assert wrong


def test_jobs_that_take_turns_pass_by_pass_and_chunk_by_chunk_keep_their_bits(
    wan: WanAdapter, alone: dict[str, Frames]
) -> None:
    states = [prepare(wan, asked) for asked in LOOKS]
    for _ in range(4):
        for state in states:
            wan.advance([state])
    chunks = [[wan.decode(state) for state in states] for _ in range(3)]
    for i, asked in enumerate(LOOKS):
        assert (np.concatenate([row[i] for row in chunks]) == alone[asked.job_id]).all()


def test_a_batch_of_all_looks_is_run_one_group_after_the_other_and_is_still_right(
    wan: WanAdapter, alone: dict[str, Frames]
) -> None:
    states = [prepare(wan, asked) for asked in LOOKS]
    assert len({wan.key(asked, state) for asked, state in zip(LOOKS, states, strict=True)}) == len(LOOKS)
    passes(wan, states, 4)
    for asked, state in zip(LOOKS, states, strict=True):
        assert (pictures(wan, state) == alone[asked.job_id]).all()


def test_jobs_of_one_look_share_a_forward_and_switch_nothing(paths: dict[str, Path], alone: dict[str, Frames]) -> None:
    one = adapter(paths)
    rows: list[int] = []
    one.pipe.transformer.register_forward_pre_hook(
        lambda module, given, named: rows.append(len(named["hidden_states"])), with_kwargs=True
    )
    asked = [LOOKS[2], replace(LOOKS[2], job_id="second", seed=9)]
    assert len({one.key(each) for each in asked}) == 1
    states = [prepare(one, each) for each in asked]
    one.pipe.set_adapters = one.pipe.enable_lora = None  # a switch from here on would break
    passes(one, states, 4)
    assert set(rows) == {2}
    assert np.abs(pictures(one, states[0]).astype(int) - alone["half"].astype(int)).max() <= TOLERANCE


def test_a_job_goes_on_elsewhere_with_its_look_and_is_refused_with_another(
    paths: dict[str, Path], wan: WanAdapter, alone: dict[str, Frames]
) -> None:
    state = prepare(wan, LOOKS[1])
    passes(wan, [state], 2)
    saved = wan.save(state)()
    there = adapter(dict(reversed(paths.items())))
    assert (pictures(there, prepare(there, LOOKS[1], saved=saved)) == alone["ink"]).all()
    for other in (replace(LOOKS[1], lora=""), replace(LOOKS[1], lora_scale=0.5), replace(LOOKS[1], lora="oil")):
        with pytest.raises(InvalidInputError, match="checkpoint: request is"):
            prepare(there, other, saved=saved)


def test_a_final_goes_on_from_the_draft_of_its_look(wan: WanAdapter, alone: dict[str, Frames]) -> None:
    draft = prepare(wan, replace(LOOKS[1], job_id="draft", stop_after=2))
    passes(wan, [draft], 2)
    saved = wan.save(draft)()
    assert (pictures(wan, draft) != alone["ink"]).any()
    assert (pictures(wan, prepare(wan, LOOKS[1], saved=saved)) == alone["ink"]).all()


def test_a_switch_that_broke_is_made_again_before_the_next_pass(paths: dict[str, Path], alone: dict[str, Frames]) -> None:
    pipe = BreaksOnce(pipeline(), paths)
    one = WanAdapter(pipe.pipe, CARD, CPU, loras=Loras(pipe, {"ink-1.0": "adapter0000"}))
    render(one, LOOKS[0])
    with pytest.raises(OSError, match="half way"):
        prepare(one, LOOKS[1])
    assert (render(one, LOOKS[1]) == alone["ink"]).all()


class BreaksOnce:
    """A pipeline whose first switch to a LoRA ends half way: it is on, but at another scale."""

    def __init__(self, pipe: WanPipeline, paths: dict[str, Path]) -> None:
        self.pipe, self.broken = pipe, False
        load_loras(pipe, {"ink-1.0": paths["ink-1.0"]})
        self.enable_lora, self.disable_lora = pipe.enable_lora, pipe.disable_lora

    def set_adapters(self, name: str, scale: float) -> None:
        self.pipe.set_adapters(name, scale if self.broken else 0.1)
        if not self.broken:
            self.broken = True
            raise OSError("half way")


def test_a_part_for_the_text_encoder_is_in_force_while_the_text_is_read(tmp_path: Path) -> None:
    pipe = ReadsText.from_pipe(pipeline())
    with torch.random.fork_rng(devices=[]):
        save_file(random_lora(build_tiny().text_encoder, 7, targets=("q", "v")), tmp_path / "words.safetensors")
    one = WanAdapter(pipe, card(loras=["words"]), CPU, loras=load_loras(pipe, {"words": tmp_path / "words.safetensors"}))
    first, then = ask("a"), ask("b", lora="words", lora_scale=2.0)
    states = [prepare(one, asked) for asked in (first, then, first)]
    texts = [state.conditions.positive["encoder_hidden_states"] for state in states]
    assert torch.equal(texts[0], texts[2])
    assert not torch.equal(texts[0], texts[1])
    assert torch.equal(texts[0], prepare(adapter({}), first).conditions.positive["encoder_hidden_states"])


class ReadsText(WanPipeline):  # type: ignore[misc] # diffusers is untyped
    """A pipeline as some families of stills have it: its loader puts LoRAs into the text encoder."""

    _lora_loadable_modules = ("transformer", "text_encoder")

    @classmethod
    def lora_state_dict(cls, folder: Path, *, weight_name: str, return_lora_metadata: bool = False, **_: Any) -> Any:
        tensors = {f"text_encoder.{name}": tensor for name, tensor in load_file(folder / weight_name).items()}
        return (tensors, None) if return_lora_metadata else tensors

    def load_lora_weights(self, folder: Path, *, adapter_name: str, **where: Any) -> None:
        tensors = {name.removeprefix("text_encoder."): t for name, t in self.lora_state_dict(folder, **where).items()}
        config = LoraConfig(r=2, lora_alpha=8, target_modules=["q", "v"])
        self.text_encoder.load_adapter(adapter_name=adapter_name, adapter_state_dict=tensors, peft_config=config)


# From a folder, as Triton loads it.


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, paths: dict[str, Path]) -> Path:
    """The tiny model with both LoRAs beside it."""
    folder = tmp_path_factory.mktemp("models") / "looks"
    made = make_tiny(folder)
    (folder / LORAS).mkdir()
    for path in paths.values():
        (folder / LORAS / path.name).write_bytes(path.read_bytes())
    write_card(folder, replace(made, version=weights_version(folder)))
    return folder


def test_a_folder_is_loaded_with_its_loras_and_its_card_names_them(folder: Path, alone: dict[str, Frames]) -> None:
    loaded = load_pipeline(EngineSettings(folder, device="cpu", torch_threads=1))
    assert isinstance(loaded, WanAdapter)
    assert loaded.card.loras == list(lora_paths(folder)) == list(NAMES)
    assert loaded.card.to_json()["loras"] == load_card(folder).loras
    for asked in LOOKS[:2]:
        assert (render(loaded, asked) == alone[asked.job_id]).all()
    with pytest.raises(InvalidInputError, match=r"^lora: 'noir' is wanted, there are: ink-1.0, oil$"):
        loaded.check(ask(lora="noir"))


def test_in_half_precision_the_loras_are_so_too_and_the_rest_stays_as_it_was(folder: Path) -> None:
    plain, looked = (
        load_pipeline(EngineSettings(path, device="cpu", dtype="bfloat16", torch_threads=1)) for path in (bare(folder), folder)
    )
    layer = looked.pipe.transformer.blocks[0].attn1.to_q  # type: ignore[attr-defined]
    assert {weights.dtype for weights in layer.parameters()} == {torch.bfloat16}
    assert (render(looked, ask()) == render(plain, ask())).all()  # type: ignore[arg-type]
    assert (render(looked, LOOKS[1]) != render(plain, ask())).any()  # type: ignore[arg-type]


def bare(folder: Path) -> Path:
    """The same model without LoRAs."""
    make_tiny(folder.parent / "bare")
    return folder.parent / "bare"


def test_what_jobs_need_is_rehearsed_with_every_lora_too(wan: WanAdapter) -> None:
    in_force: list[object] = []
    layer = wan.pipe.transformer.blocks[0].attn1.to_v
    watch = layer.register_forward_pre_hook(lambda *_: in_force.append(layer.disable_adapters or layer.active_adapter))
    for lora in ("", *wan.card.loras):
        rehearse(wan, lora)
    watch.remove()
    assert list(dict.fromkeys(map(str, in_force))) == ["True", "['adapter0000']", "['adapter0001']"]
