"""A training's running mean as a diffusers folder with the engine's card: what Triton loads."""

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from diffusers import WanPipeline
from storyreel_engine.card import CARD_FILE, ModelCard, weights_version
from storyreel_engine.studio_vae import StudioVAE

from storyreel_training import recipe as r
from storyreel_training.keyframe import make_scheduler
from storyreel_training.model import new_studio
from storyreel_training.world.facts import FPS, FRAME, FRAMES
from storyreel_training.writer import document

MAX_FILE, MAX_ALL = 15 << 20, 24 << 20
STEPS = {"keyframe": 12, "preview": 6, "final": 20}
"""Denoise steps by stage. How good a still is after so many: `run.py --stage steps`, and the README's table."""
DRAFT = 10
"""Of a final's steps, where its preview may be looked at: there it is nearly as like the final as a preview of its own."""


def export(folder: Path, checkpoint: str, out: Path) -> ModelCard:
    """Write the pipeline of `folder`'s checkpoint ("keyframe" or "motion") to `out` in fp16, with the platform's card.

    A model that moves is a `WanImageToVideoPipeline`: its clips go on from a first picture.

    Raises:
        FileExistsError: `out` is there already.
        ValueError: the files are too large for the repository.
    """
    if out.exists():
        raise FileExistsError(f"{out} exists: name another folder")
    saved: dict[str, Any] = torch.load(folder / f"{checkpoint}.pt", map_location="cpu", weights_only=True)
    studio = new_studio(folder, 0, saved["recipe"].get("layers", r.Recipe().layers))
    studio.load_state_dict(saved["mean"])
    pipeline = WanPipeline(
        tokenizer=studio.text.tokenizer, text_encoder=studio.text.encoder.half(), transformer=studio.transformer.half(),
        vae=StudioVAE.from_pretrained(folder / "vae").half(), scheduler=make_scheduler(), expand_timesteps=True,
    )  # fmt: skip
    pipeline.save_pretrained(out, safe_serialization=True)
    still_only = checkpoint == "keyframe"
    _name_classes(out / "model_index.json", "WanPipeline" if still_only else "WanImageToVideoPipeline")
    (out / "training.json").write_text(json.dumps(_history(saved, checkpoint), indent=2, sort_keys=True) + "\n")
    _check_sizes(out)
    card = replace(_card(_measured(out, still_only=still_only)), version=weights_version(out))
    (out / CARD_FILE).write_text(json.dumps(card.to_json() | {"prompt_writer": document()}, indent=2, sort_keys=True) + "\n")
    return card


def _name_classes(index: Path, pipeline: str) -> None:
    """Name the pipeline, and our classes by the modules that hold them: the library looks them up there."""
    named = json.loads(index.read_text())
    named["_class_name"] = pipeline
    named["transformer"] = ["storyreel_engine.studio_transformer", "StudioTransformer3DModel"]
    named["vae"] = ["storyreel_engine.studio_vae", "StudioVAE"]
    index.write_text(json.dumps(named, indent=2, sort_keys=True) + "\n")


def _history(saved: dict[str, Any], checkpoint: str) -> dict[str, Any]:
    recipe = saved["recipe"]
    return {"stage": checkpoint, "steps": saved["step"], "seconds": round(saved["seconds"]), "recipe": recipe,
            "samples": saved["step"] * recipe["batch"], "torch": torch.__version__}  # fmt: skip


def _check_sizes(out: Path) -> None:
    sizes = {p: p.stat().st_size for p in out.rglob("*.safetensors")}
    if max(sizes.values()) > MAX_FILE or sum(sizes.values()) > MAX_ALL:
        raise ValueError(f"too large: {[(p.name, s) for p, s in sizes.items()]}")


def _measured(folder: Path, *, still_only: bool) -> dict[str, float]:
    """Seconds of one thread that each stage takes here from noise to frames, the second time it is run."""
    torch.set_num_threads(1)
    pipeline = WanPipeline.from_pretrained(folder, dtype=torch.float32)
    pipeline.set_progress_bar_config(disable=True)
    seconds = {}
    for stage, steps in STEPS.items():
        if still_only and stage != "keyframe":
            continue
        width, height = FRAME["16:9"]
        for _ in range(2):
            start = time.process_time()  # not the clock's: what else the machine does is not this model's
            pipeline(
                "a fox", height=height, width=width, num_frames=1 if stage == "keyframe" else FRAMES, num_inference_steps=steps
            )
            seconds[stage] = round(time.process_time() - start, 2)
    return seconds


def _card(seconds: dict[str, float]) -> ModelCard:
    sizes = {aspect: list(size) for aspect, size in FRAME.items()}
    moves = "final" in seconds
    return ModelCard(
        name="storyreel-studio", version="", pipeline="WanImageToVideoPipeline" if moves else "WanPipeline",
        stages=list(seconds), sizes=dict.fromkeys(seconds, sizes), steps={stage: STEPS[stage] for stage in seconds},
        device_seconds=seconds, fps=FPS, max_frames=FRAMES if moves else 1, size_multiple=16, max_pixels=192 * 112,
        guidance=r.Recipe().guidance, first_frame="optional" if moves else "none",
        draft_steps=DRAFT if moves else 0,
    )  # fmt: skip
