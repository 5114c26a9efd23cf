"""The README of a trained model, made from what the folders say: nothing in it is written from memory.

`run.py --stage card --model DIR --out README.md`, with `--verdict FILE` and `--upsampler DIR` where there are some. The README
lies beside the model folder or above it, not in it: every file of that folder is part of the model's version.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

from storyreel_training.world import facts as w

_CURVE = ("character", "colour", "product", "setting", "time")


def model_card(model: Path, *, verdict: Path | None = None, upsampler: Path | None = None, curve: Path | None = None) -> str:
    """The card of a model folder as Markdown; a verdict that is not there yet is said to be missing.

    Raises:
        FileNotFoundError: the folder has no card or no history.
    """
    card, history = _json(model / "storyreel.json"), _json(model / "training.json")
    parts = [_head(card, history), _data(), _training(history), _use(card)]
    parts.append(_verdict(verdict) if verdict else "## Measured\n\nNot yet: no verdict was given.")
    parts += [_over_samples(curve)] if curve and curve.exists() else []
    parts += [_larger(upsampler)] if upsampler else []
    return "\n\n".join((*parts, _LIMITS, _files(model))) + "\n"


def _json(path: Path) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(path.read_text())
    return body


def _table(head: tuple[str, ...], rows: list[tuple[object, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def _head(card: dict[str, Any], history: dict[str, Any]) -> str:
    return (
        f"# {card['name']} {card['version']}\n\nA small video diffusion model ({card['pipeline']} of diffusers) for Storyreel: "
        f"{', '.join(card['stages'])}. Trained from nothing up to stage `{history['stage']}` by "
        "`services/renderer/engine/training`, which wrote this file too."
    )


def _data() -> str:
    counts = {
        "characters": w.CHARACTERS, "colours": w.COLOURS, "accessories": w.ACCESSORIES[1:], "products": w.PRODUCTS,
        "places": w.SETTINGS, "times of day": w.TIMES, "weathers": w.WEATHERS, "shot sizes": w.SIZES,
        "camera moves": w.CAMERAS, "actions": w.ACTIONS, "styles": w.STYLES,
    }  # fmt: skip
    return (
        "## Data\n\nAn animated world painted by a program from seeds; no picture, clip, text or weight from elsewhere. "
        f"{', '.join(f'{len(values)} {name}' for name, values in counts.items())}. One in sixteen combinations of subject, "
        "colours, product and place is never trained on; all that is measured below is measured on those.\n\n"
        "Licence: that of this repository, for weights and data alike."
    )


def _training(history: dict[str, Any]) -> str:
    recipe = history["recipe"]
    return (
        f"## Training\n\n{history['samples']} samples in {history['steps']} steps of {recipe['batch']}, {history['seconds']} s "
        f"on {recipe['processes']} process(es) of {recipe['device']}, seed {recipe['seed']}, rate {recipe['rate']}, "
        f"torch {history['torch']}. The whole recipe is in `training.json`."
    )


def _use(card: dict[str, Any]) -> str:
    rows: list[tuple[object, ...]] = [
        (
            stage,
            ", ".join(f"{x}×{y}" for x, y in card["sizes"][stage].values()),
            card["steps"][stage],
            card["device_seconds"][stage],
        )
        for stage in card["stages"]
    ]
    return (
        f"## Use\n\nUp to {card['max_frames']} frames at {card['fps']} a second, guidance {card['guidance']}, first frame: "
        f"{card['first_frame']}. English, in the words of its prompt writer (`storyreel.json`).\n\n"
        + _table(("stage", "sizes", "steps", "seconds of one core"), rows)
    )


def _verdict(path: Path) -> str:
    found = _json(path)
    read = found["read"] | found.get("clips", {}).get("read", {})
    rows: list[tuple[object, ...]] = [(name, _percent(share), _percent(found["chance"][name])) for name, share in read.items()]
    previews, colour = found["previews"], found["colour_measured"]
    return (
        f"## Measured\n\nModel {found['model']}, {found['prompts']} held-out prompts, {found['steps']} steps. Read by a "
        "classifier that was taught on painted pictures only.\n\n"
        f"{_table(('fact', 'read right, %', 'chance, %'), rows)}\n\n"
        f"Colour measured on pixels, without a network: {_percent(colour['right'])} % of {colour['prompts']} prompts "
        f"with one subject. Previews of {previews['steps']} steps against finals of the same seed: {previews['psnr']} dB, "
        f"likeness {previews['alike']} (strangers {previews['strangers']}).{_clips(found)}\n\n"
        f"All {found['prompts']} stills, in the order of "
        f"their seeds, none picked by hand:\n\n![stills]({path.with_suffix('.png').name})"
    )


def _clips(found: dict[str, Any]) -> str:
    if "clips" not in found:
        return ""
    camera, own = found["clips"]["camera_measured"], found["clips"]["identity"]
    return (
        f" Camera measured on pixels: {_percent(camera['right'])} % of {camera['prompts']} clips. Two shots from one first "
        f"frame: likeness {own['alike']} at their ends, of different prompts {own['strangers']}; nearer than both "
        f"in {_percent(own['nearer'])} %."
    )


def _percent(share: float) -> str:
    return f"{100 * share:.0f}"


def _over_samples(path: Path) -> str:
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    rows: list[tuple[object, ...]] = [
        (x["stage"], x["samples"], *(_percent(x["read"][n]) if n in x["read"] else "" for n in _CURVE)) for x in lines
    ]
    return f"## Over samples\n\n% read right.\n\n{_table(('stage', 'samples', *_CURVE), rows)}"


def _larger(folder: Path) -> str:
    found = _json(folder / "training.json")
    rows: list[tuple[object, ...]] = [(n, v["psnr"], v["ssim"], v["flicker"]) for n, v in found["measured"].items()]
    return (
        f"## Finals at 1280 × 720\n\nA network of its own: {found['steps']} steps, {found['pieces']} pieces, "
        f"{found['cpu_seconds']} s of one core. Held-out clips against what is painted large:\n\n"
        + _table(("way", "PSNR, dB", "SSIM", "flicker, levels of 255"), rows)
    )


_LIMITS = (
    "## Limits\n\nIt knows its world and nothing else: no real people, brands, text or places, one subject with at most one "
    "product, English in its own vocabulary. It is for films about that world and for trying Storyreel out, not for pictures "
    "that are to be taken for photographs."
)


def _files(model: Path) -> str:
    rows: list[tuple[object, ...]] = [
        (f"`{path.relative_to(model).as_posix()}`", path.stat().st_size, f"`{hashlib.sha256(path.read_bytes()).hexdigest()}`")
        for path in sorted(model.rglob("*"))
        if path.is_file()
    ]
    return "## Files\n\n" + _table(("file", "bytes", "sha256"), rows)
