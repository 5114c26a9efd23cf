"""Stand-ins for safety's ports, and small things to look at."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray
from storyreel_contracts import ArtifactRef, Brief, FilmAssembled, FilmPlanned, FilmRequested, Plan, PlannedShot, ShotRendered
from storyreel_safety.domain.policy import Policy, Stage
from storyreel_safety.domain.ports import CheckUnavailable, Sighted
from storyreel_safety.domain.words import Mark, Passage, judge

Picture = NDArray[np.uint8]
SHA = "a" * 64
_MODEL = {"name": "tiny", "version": "1"}
_SOON = datetime(2026, 11, 22, tzinfo=UTC)


def a_brief(prompt: str = "A sneaker on wet asphalt", captions: Sequence[str] = ("Fresh", "Fast")) -> Brief:
    """A brief of two frames."""
    frames = [
        {"start_s": 2 * i, "end_s": 2 * i + 2, "prompt": "a sneaker", "caption": caption} for i, caption in enumerate(captions)
    ]
    return Brief(prompt=prompt, duration_s=2 * len(frames), storyboard=frames)


def a_request(brief: Brief | None = None, policy: str = "default") -> FilmRequested:
    """A film is wanted."""
    return FilmRequested(brief=brief or a_brief(), brief_event_id="b1", brief_sha256=SHA, policy=policy)


def a_plan(
    version: int = 1,
    prompts: Sequence[str] = ("a sneaker", "a street"),
    captions: Sequence[str] = ("Fresh", "Fast"),
    negative: str = "",
    sha: str = SHA,
) -> FilmPlanned:
    """A plan of two shots."""
    shots = [
        PlannedShot(shot_id=f"s{i:02}", start_frame=48 * i, frames=48, prompt=p, caption=c, negative_prompt=negative, seed=i)
        for i, (p, c) in enumerate(zip(prompts, captions, strict=True))
    ]
    plan = Plan(
        title="Run", logline="A run", fps=24, frames=96, aspects=["16:9"], shots=shots, model=_MODEL,
        backend={"name": "template"},
        bible={"style": "bright", "setting": "street", "lighting": "day"},
        scenes=[{"title": "one", "beat": "it runs", "shot_ids": ["s00", "s01"]}],
        estimate={"price_micros": 1, "device_seconds": 1, "finish_at": _SOON},
    )  # fmt: skip
    return FilmPlanned(version=version, plan=plan, plan_sha256=sha)


def a_take(artifact: ArtifactRef, **changes: Any) -> ShotRendered:
    """A take of shot s01."""
    plain = {"version": 1, "shot_id": "s01", "tier": "preview", "attempt": 1, "key": SHA, "width": 128, "height": 72,
             "frames": 49, "fps": 16, "seed": 1, "model": _MODEL, "device_seconds": 1, "cost_micros": 1}  # fmt: skip
    return ShotRendered.model_validate(plain | {"artifact": artifact} | changes)


def a_cut(artifact: ArtifactRef) -> FilmAssembled:
    """A cut in one aspect."""
    rendition = {"aspect": "16:9", "artifact": artifact, "width": 128, "height": 72, "frames": 96, "fps": 24}
    return FilmAssembled(
        version=1,
        tier="preview",
        cut_key=SHA,
        renditions=[rendition],
        segments=[],
        captions=artifact,
        timeline=artifact,
        thumbnail=artifact,
    )


class FakeChecks:
    """Judges words in place; sees in footage what it was told to see; fails as often as it was told to."""

    def __init__(self, sighted: Iterable[Sighted] = (), failures: int = 0) -> None:
        self.sighted, self.failures, self.asked = list(sighted), failures, 0

    async def words(self, policy: Policy, passages: list[Passage]) -> list[Mark]:
        self._count()
        return judge(passages, policy)

    async def footage(self, policy: Policy, stage: Stage, path: Path, media_type: str) -> list[Sighted]:
        self._count()
        assert await asyncio.to_thread(path.is_file)
        return self.sighted

    def _count(self) -> None:
        self.asked += 1
        if self.asked <= self.failures:
            raise CheckUnavailable("told to fail")


def clip(path: Path, frames: int, picture: Callable[[int], Picture], *, fps: int = 24, lossless: bool = True) -> Path:
    """Write an H.264 MP4 of pictures (h, w, 3) RGB; lossless as takes are, or lossy as films are."""
    first = picture(0)
    with av.open(str(path), "w", format="mp4") as out:
        stream = out.add_stream("libx264rgb" if lossless else "libx264", Fraction(fps))
        stream.height, stream.width = first.shape[:2]
        stream.pix_fmt = "rgb24" if lossless else "yuv420p"
        stream.options = {"qp": "0", "preset": "ultrafast"} if lossless else {"crf": "20", "preset": "veryfast"}
        for i in range(frames):
            for packet in stream.encode(av.VideoFrame.from_ndarray(picture(i), "rgb24")):
                out.mux(packet)
        for packet in stream.encode(None):
            out.mux(packet)
    return path


def grey(level: int, height: int = 72, width: int = 128) -> Picture:
    """A flat picture."""
    return np.full((height, width, 3), level, np.uint8)


def noise(seed: int, amplitude: int = 12, height: int = 72, width: int = 128) -> Picture:
    """Low-contrast noise around mid grey, as an untrained model makes it."""
    return np.random.default_rng(seed).integers(128 - amplitude, 128 + amplitude, (height, width, 3), np.uint8)


def blinking(hertz: float, fps: int, *, share: float = 1.0, low: int = 0, high: int = 255) -> Callable[[int], Picture]:
    """A square wave over the left `share` of a 100x100 picture; the rest stays at `low`."""
    columns = round(share * 100)

    def picture(index: int) -> Picture:
        on = int(index * 2 * hertz / fps) % 2 == 0
        made = grey(low, 100, 100)
        made[:, :columns] = high if on else low
        return made

    return picture
