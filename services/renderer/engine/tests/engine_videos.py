"""What tests of the adapters share: a card that allows everything, requests, rendering to the end, the pipeline's own call."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from storyreel_engine.card import ModelCard
from storyreel_engine.pipelines.base import VideoAdapter
from storyreel_engine.pipelines.state import JobState
from storyreel_engine.ports import Frames, Inputs, Unit
from storyreel_engine.wire import RenderRequest

CARD = ModelCard(
    name="tiny",
    version="v1",
    pipeline="",
    stages=["preview", "final"],
    sizes={"preview": {"16:9": [64, 48]}, "final": {"16:9": [64, 48]}},
    steps={"preview": 2, "final": 4},
    device_seconds={"preview": 1.0, "final": 2.0},
    fps=16,
    max_frames=81,
    size_multiple=16,
    max_pixels=512 * 512,
    draft_steps=2,
    first_frame="optional",
)


def card(**fields: Any) -> ModelCard:
    """The card with some fields of its own."""
    return replace(CARD, **fields)


def ask(job_id: str = "job", **fields: Any) -> RenderRequest:
    """A request for a small shot: nine pictures of 64x48 in four steps."""
    defaults: dict[str, Any] = {"prompt": "a red shoe", "width": 64, "height": 48, "frames": 9, "steps": 4, "seed": 7}
    return RenderRequest(job_id=job_id, **{**defaults, **fields})


def whole(pipe: Any, asked: RenderRequest, **more: Any) -> Frames:
    """What diffusers itself renders."""
    video = pipe(
        prompt=asked.prompt, negative_prompt=asked.negative_prompt, width=asked.width, height=asked.height,
        num_frames=asked.frames, num_inference_steps=asked.steps, guidance_scale=asked.guidance,
        generator=torch.Generator("cpu").manual_seed(asked.seed), output_type="np", **more,
    ).frames[0]  # fmt: skip
    return eight_bit(video)


def prepare(
    adapter: VideoAdapter, request: RenderRequest, picture: Frames | None = None, saved: bytes | None = None
) -> JobState:
    """Checked and prepared."""
    adapter.check(request)
    return adapter.prepare(request, Inputs(picture, saved))


def passes(adapter: VideoAdapter, states: Sequence[JobState], count: int) -> None:
    """So many forward passes, all states in each."""
    for _ in range(count):
        adapter.advance(states)


def pictures(adapter: VideoAdapter, state: JobState) -> Frames:
    """Go on to the end, as an engine with one job does, and put the chunks together."""
    chunks = []
    while state.unit is not Unit.NONE:
        if state.unit is Unit.PASS:
            adapter.advance([state])
        else:
            chunks.append(adapter.decode(state))
    return np.concatenate(chunks)


def render(adapter: VideoAdapter, request: RenderRequest, picture: Frames | None = None) -> Frames:
    """The whole shot."""
    return pictures(adapter, prepare(adapter, request, picture))


def eight_bit(video: npt.NDArray[np.float32]) -> Frames:
    """Pictures from 0 to 1, as diffusers returns them, in 8 bit."""
    frames: Frames = (video * 255).round().astype(np.uint8)
    return frames


def a_picture(width: int = 64, height: int = 48, seed: int = 0) -> Frames:
    """A first frame with something to see: coloured noise in blocks of 8."""
    blocks = np.random.default_rng(seed).integers(0, 256, (height // 8, width // 8, 3), dtype=np.uint8)
    return np.ascontiguousarray(blocks.repeat(8, axis=0).repeat(8, axis=1))
