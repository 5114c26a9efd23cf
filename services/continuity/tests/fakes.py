"""Stand-ins for continuity's ports, scenes to look at, plans and takes."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray
from storyreel_continuity.domain.ports import Footage, MeasuringFailed, Other, Seen
from storyreel_continuity.domain.readings import Gap, Motion, Reading
from storyreel_contracts import ArtifactRef, CutRequested, FilmPlanned, Plan, PlannedShot, ShotRendered

Frame = NDArray[np.uint8]
SHA = "a" * 64
_MODEL = {"name": "tiny", "version": "1"}


def a_reading(exposure: float = 0.0, a: float = 0.0, b: float = 0.0, motion: Motion | None = None) -> Reading:
    """A reading without swatches."""
    return Reading(lightness=50, a=a, b=b, exposure=exposure, swatches=[], motion=motion)


class FakeMeasuring:
    """Reads the reading from the file itself; remembers what was shown beside what; fails as often as it was told to."""

    def __init__(self, failures: int = 0, *, lasting: bool = False) -> None:
        self.failures, self.lasting, self.asked = failures, lasting, 0
        self.shown: list[tuple[str, str]] = []

    async def measure(self, take: Footage, beside: Other | None, preview: Footage | None = None) -> Seen:
        self.asked += 1
        if self.asked <= self.failures:
            raise MeasuringFailed("told to fail", lasting=self.lasting)
        self.shown.append((take.label, beside.footage.label if beside else ""))
        reading, picture = Reading.model_validate_json(take.path.read_bytes()), "|".join(self.shown[-1]).encode()
        if preview is None:
            return Seen(reading, picture)
        before = Reading.model_validate_json(preview.path.read_bytes())
        return Seen(reading, picture, Gap(ssim=float(before == reading), delta_e=abs(before.b - reading.b)))


def a_plan(
    version: int = 1, shots: Sequence[dict[str, Any]] = ({}, {}, {}), scenes: Sequence[int] = (), **bible: Any
) -> FilmPlanned:
    """A plan of shots s00, s01, ...; `scenes[i]` is the scene of shot i (all in one if empty)."""
    made = [
        PlannedShot.model_validate(
            {"shot_id": f"s{i:02}", "start_frame": 48 * i, "frames": 48, "prompt": "a shoe", "seed": i} | extra
        )
        for i, extra in enumerate(shots)
    ]
    numbers = list(scenes) or [0] * len(made)
    groups = [[s.shot_id for s, n in zip(made, numbers, strict=True) if n == number] for number in sorted(set(numbers))]
    plan = Plan(
        title="Run", logline="A run", fps=24, frames=48 * len(made), aspects=["16:9"], shots=made, model=_MODEL,
        backend={"name": "template"}, bible={"style": "bright", "setting": "street", "lighting": "soft"} | bible,
        scenes=[{"title": "x", "beat": "y", "shot_ids": g} for g in groups],
        estimate={"price_micros": 1, "device_seconds": 1, "finish_at": datetime(2026, 11, 22, tzinfo=UTC)},
    )  # fmt: skip
    return FilmPlanned(version=version, plan=plan, plan_sha256=SHA)


def a_take(artifact: ArtifactRef, shot: int = 0, **changes: Any) -> ShotRendered:
    """A take of shot number `shot`."""
    plain = {
        "version": 1, "shot_id": f"s{shot:02}", "tier": "preview", "attempt": 1, "key": SHA, "width": 128, "height": 72,
        "frames": 49, "fps": 16, "seed": 1, "model": _MODEL, "device_seconds": 1, "cost_micros": 1, "artifact": artifact,
    }  # fmt: skip
    return ShotRendered.model_validate(plain | changes)


def a_cut(keys: dict[str, str], version: int = 1, tier: str = "preview") -> CutRequested:
    """A cut of these takes, by shot."""
    nowhere = {"uri": "s3://b/x", "sha256": SHA, "size": 1, "media_type": "video/mp4"}
    shots = [{"shot_id": s, "key": k, "artifact": nowhere, "seed": 1, "model": _MODEL} for s, k in keys.items()]
    return CutRequested.model_validate({"version": version, "tier": tier, "cut_key": SHA, "shots": shots})


def scene(seed: int, height: int = 270, width: int = 480) -> Frame:
    """A textured picture: patches of one palette on a grey ground, different in every seed."""
    chance = np.random.default_rng(seed)
    picture = np.full((height, width, 3), 118, np.uint8)
    palette = np.array([[170, 90, 70], [80, 120, 90], [90, 100, 150], [200, 190, 170], [50, 50, 60], [140, 130, 120]])
    for _ in range(150):
        colour = np.clip(palette[chance.integers(len(palette))] + chance.integers(-15, 15, 3), 0, 255)
        centre = (int(chance.integers(width)), int(chance.integers(height)))
        cv2.circle(picture, centre, int(chance.integers(5, 45)), [int(c) for c in colour], -1)
    return cv2.GaussianBlur(picture, (3, 3), 0).astype(np.uint8)


def grained(picture: Frame, seed: int) -> Frame:
    """The picture with film grain."""
    grain = np.random.default_rng(seed).normal(0, 4, picture.shape)
    return np.clip(picture + grain, 0, 255).astype(np.uint8)


def exposed(picture: Frame, stops: float) -> Frame:
    """The picture with more or less light, in linear light as a lens would give it."""
    light = (picture / 255.0) ** 2.2 * 2.0**stops
    return (np.clip(light, 0, 1) ** (1 / 2.2) * 255).round().astype(np.uint8)


def tinted(picture: Frame, a: float, b: float) -> Frame:
    """The picture with all colours shifted in CIELAB."""
    lab = cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_RGB2Lab) + np.array([0, a, b], np.float32)
    return (np.clip(cv2.cvtColor(lab.astype(np.float32), cv2.COLOR_Lab2RGB), 0, 1) * 255).round().astype(np.uint8)


def moving(seed: int, right: float = 0.0, zoom: float = 1.0, frames: int = 33) -> list[Frame]:
    """A window that slides over a scene: content goes `right` pixels and grows by `zoom` each frame, with grain."""
    whole, made = scene(seed, 400, 800), []
    for i in range(frames):
        size = (400 / zoom**i, 225 / zoom**i)
        centre = (400 - right * (i - frames / 2), 200)
        patch = cv2.getRectSubPix(whole, (round(size[0]), round(size[1])), centre)
        made.append(grained(cv2.resize(patch, (400, 225), interpolation=cv2.INTER_AREA), i))
    return made


def clip(path: Path, frames: int, picture: Callable[[int], Frame], fps: int = 16) -> Path:
    """Write a lossless H.264 MP4, as takes are."""
    first = picture(0)
    with av.open(str(path), "w", format="mp4") as out:
        stream = out.add_stream("libx264rgb", Fraction(fps))
        stream.height, stream.width = first.shape[:2]
        stream.pix_fmt = "rgb24"
        stream.options = {"qp": "0", "preset": "ultrafast"}
        for i in range(frames):
            for packet in stream.encode(av.VideoFrame.from_ndarray(picture(i), "rgb24")):
                out.mux(packet)
        for packet in stream.encode(None):
            out.mux(packet)
    return path
