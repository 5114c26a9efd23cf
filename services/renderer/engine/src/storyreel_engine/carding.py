"""Writes the card of a diffusers pipeline folder from what the pipeline says of itself.

`python -m storyreel_engine.carding --folder DIR --name NAME --seconds preview=20 --seconds final=240 [--out FILE]` reads the
folder's configurations and the defaults of the pipeline's own call; `--model-id ID` takes a hub's model from the local cache.
What neither knows is asked for: how long a render takes on this device, and a size where the call has none. The card is a
file to read over and edit; without `--out` it goes into the folder.
"""

import argparse
import inspect
import json
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from storyreel_engine.card import CARD_FILE, ModelCard, lora_paths, weights_version
from storyreel_engine.loader import ADAPTERS, find_folder, named
from storyreel_engine.settings import EngineSettings

ASPECTS = {"16:9": (16, 9), "9:16": (9, 16), "1:1": (1, 1)}
STAGES = {"preview": 0.25, "final": 1.0}
"""Pixels of a stage's picture over a final's, and its steps by half of that: a preview is small and quick."""


def derive_card(folder: Path, name: str, seconds: Mapping[str, float], call: Mapping[str, Any] | None = None) -> ModelCard:
    """The card of the pipeline in `folder`; `seconds` are device seconds of each stage's longest render.

    `call` are values in place of the defaults of the pipeline's own call: width, height, num_frames, num_inference_steps.

    Raises:
        FileNotFoundError: no `model_index.json`, or no configuration of VAE or network.
        ValueError: a pipeline class without an adapter, or a value that has no default; the message names it.
    """
    pipeline = _read(folder / "model_index.json")["_class_name"]
    if pipeline not in ADAPTERS:
        raise ValueError(f"{folder}: no adapter for {pipeline!r}, there are: {', '.join(ADAPTERS)}")
    adapter: Any = named(ADAPTERS[pipeline])
    network = _read(folder / "transformer" / "config.json")
    multiple, factor = _grid(_read(folder / "vae" / "config.json"), network)
    factor = adapter.FRAME_FACTOR or factor
    values = _values(pipeline, call or {})
    pixels, steps = values["width"] * values["height"], values["num_inference_steps"]
    frames = (values["num_frames"] - 1) // factor * factor + 1
    overlaps = {"refused": 0, "chained": 1, "blended": frames // 4 // factor * factor + 1}
    return ModelCard(
        name=name,
        version=weights_version(folder),
        pipeline=pipeline,
        stages=list(STAGES),
        sizes={stage: _sizes(pixels * part, multiple) for stage, part in STAGES.items()},
        steps={stage: max(1, round(steps * part**0.5)) for stage, part in STAGES.items()},
        device_seconds=dict(seconds),
        fps=values["frame_rate"],
        max_frames=frames,
        size_multiple=multiple,
        max_pixels=max(w * h for w, h in _sizes(pixels, multiple).values()),
        guidance=values["guidance_scale"],
        frame_rule=f"{factor}k+1",
        draft_steps=max(1, steps // 4) if adapter.DRAFTS else 0,
        first_frame="required" if "ImageToVideo" in pipeline else "none",
        window_overlap=overlaps[adapter.long_shots(network)],
        loras=list(lora_paths(folder)),
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m storyreel_engine.carding", description=__doc__)
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--folder", type=Path, help="the pipeline folder")
    where.add_argument("--model-id", help="a model of the hub, in the local cache")
    parser.add_argument("--revision", default="", help="its revision (default: the newest in the cache)")
    parser.add_argument("--name", required=True, help="the model's name on the card")
    parser.add_argument("--seconds", action="append", default=[], metavar="STAGE=SECONDS", help="device seconds of a render")
    parser.add_argument("--size", metavar="WIDTHxHEIGHT", help="a final's size (default: the call's)")
    parser.add_argument("--frames", type=int, help="most frames at once (default: the call's)")
    parser.add_argument("--steps", type=int, help="a final's steps (default: the call's)")
    parser.add_argument("--out", type=Path, help=f"the card to write (default: {CARD_FILE} in the folder)")
    options = parser.parse_args(arguments)
    folder = find_folder(EngineSettings(options.folder, model_id=options.model_id or "", revision=options.revision))
    seconds = {stage: float(value) for stage, _, value in (each.partition("=") for each in options.seconds)}
    if set(seconds) != set(STAGES):
        parser.error(f"--seconds is needed for each of {', '.join(STAGES)}: measure a render on this device")
    card = derive_card(folder, options.name, seconds, _asked(options))
    out = options.out or folder / CARD_FILE
    out.write_text(json.dumps(card.to_json(), indent=2, sort_keys=True) + "\n")
    sys.stdout.write(f"{card.name} {card.version} in {out}\n")
    return 0


def _asked(options: argparse.Namespace) -> dict[str, Any]:
    asked: dict[str, Any] = {"num_frames": options.frames, "num_inference_steps": options.steps}
    if options.size:
        asked["width"], asked["height"] = (int(side) for side in options.size.split("x"))
    return {name: value for name, value in asked.items() if value is not None}


def _values(pipeline: str, call: Mapping[str, Any]) -> dict[str, Any]:
    parameters = inspect.signature(getattr(import_module("diffusers"), pipeline).__call__).parameters
    values: dict[str, Any] = {"frame_rate": 16}
    for name in ("width", "height", "num_frames", "num_inference_steps", "guidance_scale", "frame_rate"):
        default = parameters[name].default if name in parameters else None
        value = call.get(name, default if default is not None else values.get(name))
        if value is None:
            option = {"width": "size", "height": "size", "num_frames": "frames"}.get(name, name)
            raise ValueError(f"{name}: the call of {pipeline} has no default, say --{option}")
        values[name] = value
    return values


def _grid(config: Mapping[str, Any], network: Mapping[str, Any]) -> tuple[int, int]:
    """What sides are multiples of, and the factor of the frame rule: from VAE (built without weights) and network."""
    with import_module("torch").device("meta"):
        vae = getattr(import_module("diffusers"), config["_class_name"]).from_config(config)
    spatial = getattr(vae, "spatial_compression_ratio", None) or 2 ** (len(vae.config.block_out_channels) - 1)
    temporal = vae.config.get("scale_factor_temporal") or vae.config.get("temporal_compression_ratio")
    patch = network.get("patch_size", 1)
    multiple = int(spatial) * int(patch if isinstance(patch, int) else patch[1])
    return multiple, int(temporal or vae.temporal_compression_ratio)


def _sizes(pixels: float, multiple: int) -> dict[str, list[int]]:
    """Sides of about so many pixels in each aspect, rounded down to the multiple."""
    sizes = {}
    for aspect, (wide, high) in ASPECTS.items():
        unit = (pixels / (wide * high)) ** 0.5
        sizes[aspect] = [max(multiple, int(unit * side) // multiple * multiple) for side in (wide, high)]
    return sizes


def _read(path: Path) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(path.read_text())
    return body


if __name__ == "__main__":
    raise SystemExit(main())
