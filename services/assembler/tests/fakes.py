"""Twins of what the assembler gets from outside: takes as the renderer writes them, a logo, a plan, a film to cut."""

from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from hashlib import sha256
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from storyreel_assembler.domain.film import Brand, Film, Shot, Size
from storyreel_chassis.artifacts import ArtifactStore
from storyreel_contracts import CutRequested, CutShot, ModelRef, Plan, Tier
from storyreel_contracts.plan import Backend, Bible, Estimate, PlannedShot, Scene

SMALL = Size(128, 80)
MODEL = ModelRef(name="tiny", version="1")


def picture(index: int, hue: int, size: Size = SMALL) -> NDArray[np.uint8]:
    """A soft sky, a ground and a disc that travels to the right: motion, colour and an edge to look at."""
    y, x = np.mgrid[0 : size.height, 0 : size.width].astype(np.float32)
    wave = 0.5 + 0.5 * np.sin(x / 17 + y / 11 + index * 0.12)
    base = np.stack([(hue + shift) % 256 * np.ones_like(x) for shift in (0, 70, 140)], axis=-1) * 0.45
    base += (wave[..., None] * 70) + (y / size.height * 60)[..., None]
    image = Image.fromarray(np.clip(base, 0, 255).astype(np.uint8))
    centre = (size.width * 0.3 + index * 0.9, size.height * 0.5)
    draw = ImageDraw.Draw(image)
    draw.ellipse((centre[0] - 13, centre[1] - 13, centre[0] + 13, centre[1] + 13), fill=(238, 232, 214))
    draw.ellipse((centre[0] - 5, centre[1] - 5, centre[0] + 5, centre[1] + 5), fill=(40, 44, 60))
    return np.asarray(image)


def write_take(path: Path, frames: int, hue: int, fps: int = 16, size: Size = SMALL) -> str:
    """A lossless shot file (`libx264rgb`, qp 0); gives its SHA-256."""
    with av.open(str(path), "w", format="mp4", options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream("libx264rgb", rate=fps)
        stream.width, stream.height, stream.pix_fmt = size.width, size.height, "rgb24"
        stream.codec_context.options = {"qp": "0", "preset": "veryfast"}
        for index in range(frames):
            frame = av.VideoFrame.from_ndarray(picture(index, hue, size), format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, fps)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return sha256(path.read_bytes()).hexdigest()


def write_logo(path: Path) -> str:
    """A round white mark on nothing, 512x512 PNG; gives its SHA-256."""
    image = Image.new("RGBA", (512, 512), (0, 0, 0, 0))
    draw = ImageDraw.Draw(image)
    draw.ellipse((40, 40, 472, 472), fill="#ffffff")
    draw.polygon(((180, 340), (300, 140), (300, 260), (370, 260), (250, 400)), fill="#e63946")
    image.save(path)
    return sha256(path.read_bytes()).hexdigest()


def a_film(**changes: Any) -> Film:
    """Three shots: a cut, a dissolve, captions, an end card of one and a half seconds."""
    shots = (
        Shot("s01", 0, 48, caption="The city is still asleep."),
        Shot("s02", 48, 48, caption="You are already on your way.", transition_in="dissolve"),
        Shot("s03", 96, 60, caption="Aero One. Light on its feet."),
    )
    brand = Brand("Aero", "#e63946", "#ffffff", "Find your pair at aero.example", end_card_s=1.5)
    return Film(**({"shots": shots, "brand": brand} | changes))


@dataclass(frozen=True)
class Words:
    """What is said and shown in one shot of `a_plan`."""

    frames: int
    caption: str = ""
    narration: str = ""
    transition: str = "cut"


THREE = (
    Words(30, "The city is still asleep.", "The city is still asleep."),
    Words(30, "You are already on your way.", "", "dissolve"),
    Words(36, "Aero One.", "Aero One."),
)


def a_plan(words: tuple[Words, ...] = THREE, **changes: Any) -> Plan:
    """A plan as the planner writes it."""
    shots, at = [], 0
    for number, said in enumerate(words, start=1):
        shots.append(
            PlannedShot(
                shot_id=f"s{number:02d}",
                start_frame=at,
                frames=said.frames,
                prompt=f"shot {number}",
                caption=said.caption,
                narration=said.narration,
                transition_in=said.transition,
                seed=number,
            )
        )
        at += said.frames
    values = {
        "title": "Aero One",
        "logline": "A shoe wakes up.",
        "fps": 24,
        "frames": at,
        "aspects": ["16:9"],
        "bible": Bible(style="clean", setting="city", lighting="dawn"),
        "scenes": [Scene(title="Morning", beat="wake", shot_ids=[shot.shot_id for shot in shots])],
        "shots": shots,
        "brand": {
            "name": "Aero",
            "primary_color": "#E63946",
            "call_to_action": "Find your pair at aero.example",
            "end_card_s": 0.5,
        },
        "model": MODEL,
        "backend": Backend(name="template"),
        "estimate": Estimate(price_micros=1, device_seconds=1, finish_at=datetime(2026, 11, 21, tzinfo=UTC)),
    }
    return Plan.model_validate(values | changes)


async def a_cut(store: ArtifactStore, folder: Path, plan: Plan, version: int = 1, tier: Tier = Tier.PREVIEW) -> CutRequested:
    """A cut request whose takes lie in the store: as long as the shots ask, at 16 frames a second."""
    shots = []
    for number, shot in enumerate(plan.shots):
        path = folder / f"{shot.shot_id}.mp4"
        digest = write_take(path, round(shot.frames * 16 / 24) + 10, 40 + number * 70)
        ref = await store.put_file(path, "video/mp4")
        shots.append(CutShot(shot_id=shot.shot_id, key=digest, artifact=ref, seed=shot.seed, model=MODEL, cost_micros=1000))
    key = sha256(f"{plan.model_dump_json()}{version}{tier}".encode()).hexdigest()
    return CutRequested(version=version, tier=tier, cut_key=key, shots=shots)
