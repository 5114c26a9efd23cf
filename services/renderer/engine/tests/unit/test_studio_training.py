"""The studio model's parts and its training: exact where it can be exact, learning where it must learn."""

import hashlib
import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("cv2")
pytest.importorskip("diffusers")
sys.path.insert(0, str(Path(__file__).parents[2] / "training"))

from diffusers import WanPipeline  # noqa: E402
from storyreel_engine.card import weights_version  # noqa: E402
from storyreel_engine.studio_transformer import TEXT_LENGTH, StudioTransformer3DModel, positions  # noqa: E402
from storyreel_engine.studio_vae import StudioVAE  # noqa: E402
from storyreel_training.batches import Stills  # noqa: E402
from storyreel_training.clip_reader import clip_reader  # noqa: E402
from storyreel_training.command import main  # noqa: E402
from storyreel_training.export import export  # noqa: E402
from storyreel_training.judge import verdict  # noqa: E402
from storyreel_training.keyframe import Keyframe, make_scheduler, new_training  # noqa: E402
from storyreel_training.model import Latents, fit_hold, loss_of  # noqa: E402
from storyreel_training.modelcard import model_card  # noqa: E402
from storyreel_training.processes import Crew  # noqa: E402
from storyreel_training.reader import Reader  # noqa: E402
from storyreel_training.recipe import LATENT_CHANNELS, Recipe  # noqa: E402
from storyreel_training.stills import ShardJob, paint_shard  # noqa: E402
from storyreel_training.text import make_encoder, make_tokenizer  # noqa: E402
from storyreel_training.train import Stop, Training, rate_at, train  # noqa: E402
from storyreel_training.writer import document  # noqa: E402

ALONE = Crew(0, 1)
# torch tells that a norm of mixed precision is not its fastest; the result is the same.
pytestmark = pytest.mark.filterwarnings("ignore:Mismatch dtype between input and weight")


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """As the training's own processes; with more, tiny networks only wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the stages before leave behind, small: eight stills of each aspect, an untrained text side, random axes."""
    root = tmp_path_factory.mktemp("training")
    for aspect in ("16:9", "9:16"):
        paint_shard(ShardJob(root / "stills", aspect, 0, count=8))
    torch.manual_seed(0)
    tokenizer = make_tokenizer()
    tokenizer.save_pretrained(root / "text" / "tokenizer")
    make_encoder(len(tokenizer)).save_pretrained(root / "text" / "text_encoder")
    small_vae().save_pretrained(root / "vae")
    return root


def small_vae(channels: int = LATENT_CHANNELS) -> StudioVAE:
    vae = StudioVAE(z_dim=channels, refiner_width=8, latents_mean=(0.0,) * channels, latents_std=(1.0,) * channels)
    with torch.no_grad():
        for axes in (vae.still_axes, vae.motion_axes):
            axes.copy_(torch.linalg.qr(torch.randn(axes.shape[1], channels))[0].T)
        vae.motion_scale.uniform_(0.5, 2)
    return vae


def beginning(folder: Path, **changes: object) -> tuple[Training, Keyframe]:
    recipe = Recipe(folder=folder, shards=1, processes=1, batch=4, layers=1, warmup=1, compiled=False, log_every=2, **changes)  # type: ignore[arg-type]
    latents = Latents(StudioVAE.from_pretrained(folder / "vae"))
    return new_training(recipe), Keyframe(recipe, latents, Stills(recipe, latents))


def test_with_all_its_axes_the_autoencoder_gives_a_picture_back() -> None:
    video = torch.rand(2, 3, 1, 16, 32) * 1.8 - 0.9
    vae = small_vae(192)
    torch.testing.assert_close(vae.decode(vae.encode(video).latent_dist.mode()).sample, video, atol=1e-4, rtol=0)


def test_a_clip_of_one_and_four_frames_is_two_latent_frames() -> None:
    vae = small_vae()
    latents = vae.encode(torch.zeros(1, 3, 5, 16, 24)).latent_dist.mode()
    assert latents.shape == (1, LATENT_CHANNELS, 2, 2, 3)
    assert vae.decode(latents).sample.shape == (1, 3, 5, 16, 24)


def test_the_held_first_frame_says_more_of_the_next_ones_than_nothing() -> None:
    latents = Latents(small_vae(16))
    still = torch.rand(3, 3, 1, 32, 32, generator=torch.Generator().manual_seed(2)) - 0.5
    videos = [picture[None].expand(-1, -1, 5, -1, -1) for picture in still]
    hold = fit_hold(latents, videos)
    # 16 of 192 axes see part of a block each, so the guess is the best of what the first latent tells: it must beat nothing.
    clean = latents.encode(videos[0])
    held = torch.einsum("bchw,oc->bohw", clean[:, :, 0], hold)
    assert (held - clean[:, :, 1]).square().mean() < 0.9 * clean[:, :, 1].square().mean()


def network() -> StudioTransformer3DModel:
    torch.manual_seed(1)
    return StudioTransformer3DModel(
        num_attention_heads=2, attention_head_dim=12, in_channels=8, out_channels=8, text_dim=16, freq_dim=16, ffn_dim=32,
        num_layers=1,
    ).eval()  # fmt: skip


def test_pipelines_see_the_latents_channels_and_not_the_positions(tmp_path: Path) -> None:
    network().save_pretrained(tmp_path)
    again = StudioTransformer3DModel.from_pretrained(tmp_path)
    assert again.config.in_channels == 8
    assert again.patch_embedding.in_channels == 24


@torch.no_grad()
def test_text_beyond_the_models_length_changes_nothing_and_within_it_does() -> None:
    model, x, t = network(), torch.randn(1, 8, 1, 4, 4), torch.tensor([500])
    text = torch.randn(1, TEXT_LENGTH, 16)
    short = model(x, t, text, return_dict=False)[0]
    assert torch.equal(short, model(x, t, torch.cat((text, torch.ones(1, 9, 16)), 1), return_dict=False)[0])
    assert not torch.equal(short, model(x, t, text + 1, return_dict=False)[0])


@torch.no_grad()
def test_the_same_patch_is_told_apart_by_its_place() -> None:
    flat = torch.ones(1, 8, 1, 4, 8)
    out = network()(flat, torch.tensor([500]), torch.zeros(1, TEXT_LENGTH, 16), return_dict=False)[0]
    assert not torch.allclose(out[..., :2], out[..., 6:], atol=1e-4)
    places = positions(flat, 16)[0, :, 0].flatten(1).T
    assert torch.cdist(places, places).fill_diagonal_(9).min() > 0.01


@torch.no_grad()
def test_frames_after_the_first_begin_from_the_first_held_still() -> None:
    model, x = network(), torch.randn(1, 8, 3, 4, 4)
    before = model(x, torch.tensor([500]), torch.zeros(1, TEXT_LENGTH, 16), return_dict=False)[0]
    model.hold.copy_(torch.eye(8))
    after = model(x, torch.tensor([500]), torch.zeros(1, TEXT_LENGTH, 16), return_dict=False)[0]
    torch.testing.assert_close(after[:, :, 1:] - before[:, :, 1:], x[:, :, :1].expand(-1, -1, 2, -1, -1), atol=1e-5, rtol=0)
    assert torch.equal(after[:, :, 0], before[:, :, 0])


def test_the_solver_lands_on_what_the_network_says_is_clean() -> None:
    scheduler = make_scheduler()
    scheduler.set_timesteps(6)
    clean, x = torch.randn(1, 4, 1, 2, 2), torch.randn(1, 4, 1, 2, 2)
    for t in scheduler.timesteps:
        x = scheduler.step(clean, t, x, return_dict=False)[0]
    torch.testing.assert_close(x, clean, atol=1e-4, rtol=0)


def test_an_error_on_the_subject_costs_more_than_one_beside_it() -> None:
    clean, level = torch.zeros(1, 4, 1, 2, 2), torch.tensor([0.5])
    cover = torch.tensor([[[1.0, 0.0], [0.0, 0.0]]])
    on, beside = clean.clone(), clean.clone()
    on[..., 0, 0], beside[..., 1, 1] = 1.0, 1.0
    assert loss_of(on, clean, level, cover) > 3.5 * loss_of(beside, clean, level, cover)


def test_words_of_the_world_are_known_and_others_are_not() -> None:
    tokenizer = make_tokenizer()
    known, other = tokenizer("An orange FOX, close-up!").input_ids, tokenizer("quixotic").input_ids
    assert tokenizer.unk_token_id not in known
    assert other == [tokenizer.unk_token_id, tokenizer.eos_token_id]


def test_the_loss_falls(folder: Path) -> None:
    training, lesson = beginning(folder)
    losses = [training.advance(lesson, ALONE) for _ in range(16)]
    assert sum(losses[-4:]) < 0.8 * sum(losses[:4])


def test_a_resumed_training_is_bit_for_bit_the_one_that_never_stopped(folder: Path, tmp_path: Path) -> None:
    whole, lesson = beginning(folder)
    for _ in range(4):
        whole.advance(lesson, ALONE)
    first, lesson = beginning(folder)
    for _ in range(2):
        first.advance(lesson, ALONE)
    first.save(tmp_path / "x.pt")
    second, lesson = beginning(folder)
    second.load(tmp_path / "x.pt")
    for _ in range(2):
        second.advance(lesson, ALONE)
    for mine, theirs in ((second.studio.state_dict(), whole.studio.state_dict()), (second.mean, whole.mean)):
        assert all(torch.equal(mine[name], theirs[name]) for name in theirs)


def test_a_training_without_its_optimizer_would_not_be_the_same(folder: Path) -> None:
    whole, lesson = beginning(folder)
    broken, _ = beginning(folder)
    for _ in range(2):
        whole.advance(lesson, ALONE)
    broken.studio.load_state_dict(whole.studio.state_dict())
    broken.step = 2
    whole.advance(lesson, ALONE)
    broken.advance(lesson, ALONE)
    assert any(
        not torch.equal(a, b)
        for a, b in zip(whole.studio.state_dict().values(), broken.studio.state_dict().values(), strict=True)
    )


def test_a_stopped_training_leaves_a_checkpoint_at_its_last_step(folder: Path) -> None:
    training, lesson = beginning(folder)
    asked = iter((False, False, True))
    train(training, lesson, ALONE, lambda: next(asked))
    again, _ = beginning(folder)
    again.load(folder / "keyframe.pt")
    assert again.step == 2
    assert (folder / "keyframe.jsonl").read_text().count("\n") == 1


def test_sigterm_asks_to_stop() -> None:
    before = {name: signal.getsignal(name) for name in (signal.SIGTERM, signal.SIGINT)}
    try:
        stop = Stop()
        assert not stop.asked
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.asked
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)


def test_the_rate_rises_holds_and_falls_to_nothing() -> None:
    recipe = Recipe(warmup=10, steps=100, decay=0.2, rate=1.0)
    assert [round(rate_at(s, recipe), 3) for s in (0, 9, 50, 80, 90, 100)] == [0.1, 1.0, 1.0, 1.0, 0.5, 0.0]
    assert rate_at(10**6, Recipe(rate=1.0)) == 1.0


def test_a_checkpoint_becomes_a_folder_that_the_plain_pipeline_loads_and_runs(folder: Path, tmp_path: Path) -> None:
    training, lesson = beginning(folder)
    training.advance(lesson, ALONE)
    training.save(folder / "keyframe.pt")
    card = export(folder, "keyframe", tmp_path / "model")
    pipeline = WanPipeline.from_pretrained(tmp_path / "model", dtype=torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    width, height = card.sizes["keyframe"]["9:16"]
    frames = pipeline("a red fox", height=height, width=width, num_frames=1, num_inference_steps=2).frames[0]
    assert frames.shape == (1, 192, 112, 3)
    assert card.version == weights_version(tmp_path / "model")
    with pytest.raises(FileExistsError, match="name another folder"):
        export(folder, "keyframe", tmp_path / "model")


def test_a_model_that_moves_says_how_and_in_which_words_it_is_asked(folder: Path, tmp_path: Path) -> None:
    training, _ = beginning(folder)
    training.save(folder / "motion.pt")
    card = export(folder, "motion", tmp_path / "model")
    said = json.loads((tmp_path / "model" / "storyreel.json").read_text())
    assert (card.first_frame, card.steps["preview"], card.draft_steps, card.steps["final"]) == ("optional", 6, 10, 20)
    assert said["prompt_writer"] == document()
    assert json.loads((tmp_path / "model" / "model_index.json").read_text())["_class_name"] == card.pipeline
    judged(folder, tmp_path)


def judged(folder: Path, out: Path) -> None:
    """The verdict on that model, and its README: the judge's readers were taught nothing, so only the form is asked here."""
    torch.save(Reader().state_dict(), folder / "reader.pt")
    torch.save(clip_reader().state_dict(), folder / "clip-reader.pt")
    found = verdict(Recipe(folder=folder), out / "model", out / "verdict.json", prompts=3, clips=2)
    assert found["model"] == weights_version(out / "model")
    assert {"camera", "action"} <= found["clips"]["read"].keys()
    assert (out / "verdict.png").exists()
    line = json.loads((folder / "curve.jsonl").read_text())
    assert (line["samples"], line["stage"]) == (0, "motion")
    text = model_card(out / "model", verdict=out / "verdict.json", curve=folder / "curve.jsonl")
    for path in (out / "model").rglob("*.safetensors"):
        assert hashlib.sha256(path.read_bytes()).hexdigest() in text
    assert found["model"] in text
    assert "no verdict was given" in model_card(out / "model")


def test_a_training_is_not_begun_over_a_checkpoint(folder: Path) -> None:
    (folder / "motion.pt").touch()
    with pytest.raises(SystemExit, match="--resume"):
        main(["--stage", "motion", "--folder", str(folder)])
