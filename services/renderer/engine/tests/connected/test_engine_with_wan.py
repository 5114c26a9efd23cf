"""The real engine with the real adapter: what a client gets from a busy engine is what the pipeline itself would have made."""

# ruff: noqa: E402 - what follows can only be imported where torch is

import pytest

pytest.importorskip("torch", reason="torch is only in the engine's environment (.venv-engine)")
pytestmark = pytest.mark.connected

import numpy as np
import torch
from engine_fakes import FakeSender
from engine_videos import ask, card, render
from storyreel_engine.engine import Engine, EngineLimits
from storyreel_engine.pipelines.state import JobState
from storyreel_engine.pipelines.wan import WanAdapter
from storyreel_engine.ports import Frames, Inputs
from storyreel_engine.tiny import build_tiny
from storyreel_engine.wire import RenderRequest, Tier

CARD = card(max_frames=17, window_overlap=9)


@pytest.fixture(scope="module")
def wan() -> WanAdapter:
    return WanAdapter(build_tiny(), CARD, torch.device("cpu"))


def run(engine: Engine[JobState], *jobs: tuple[RenderRequest, bytes | None]) -> list[FakeSender]:
    """Submit all at once and work until nothing is left."""
    senders = []
    for request, checkpoint in jobs:
        senders.append(FakeSender())
        engine.submit(request, senders[-1], Inputs(checkpoint=checkpoint))
    while engine.run_once():
        pass
    return senders


def far(frames: Frames, others: Frames) -> int:
    """The largest difference of two videos, in levels."""
    return int(np.abs(frames.astype(int) - others.astype(int)).max())


def test_jobs_of_all_classes_and_lengths_that_share_the_device_each_get_their_own_film(wan: WanAdapter) -> None:
    asked = [
        ask("final a", checkpoint_every=2),
        ask("final b", seed=9, guidance=3.0),
        ask("preview", tier=Tier.PREVIEW, steps=2, prompt="a hat"),
        ask("still", tier=Tier.KEYFRAME, frames=1, steps=2),
        ask("long", frames=33, steps=2),
    ]
    senders = run(Engine(wan), *((request, None) for request in asked))
    for request, sender in zip(asked, senders, strict=True):
        assert sender.last["kind"] == "result", sender.last
        assert far(sender.frames, render(wan, request)) <= 1
    assert senders[4].last["windows"] == 3
    assert senders[0].kinds.count("checkpoint") == 1


def test_a_draft_and_its_final_cost_the_passes_of_the_final_alone(wan: WanAdapter) -> None:
    passes: list[int] = []
    count = wan.pipe.transformer.register_forward_pre_hook(lambda *_: passes.append(1))
    draft = run(Engine(wan), (ask("draft", tier=Tier.PREVIEW, stop_after=2), None))[0]
    final = run(Engine(wan), (ask("final"), draft.checkpoints[-1]))[0]
    together = len(passes)
    passes.clear()
    expected = render(wan, ask())
    count.remove()
    assert together == len(passes)
    assert (final.frames == expected).all()
    assert draft.kinds.index("checkpoint") < draft.kinds.index("frames")
    assert draft.frames.shape == expected.shape


def test_a_job_that_was_stopped_with_its_server_goes_on_elsewhere_and_loses_no_pass(wan: WanAdapter) -> None:
    here, sender = Engine(wan), FakeSender()
    here.submit(ask(frames=33), sender)
    for _ in range(6):  # the preparation, one step in three windows, two windows of the next
        here.run_once()
    here.close()
    assert sender.last["failure"] == "device_lost"
    passes: list[int] = []
    count = wan.pipe.transformer.register_forward_pre_hook(lambda *_: passes.append(1))
    there = run(Engine(wan), (ask(frames=33), sender.checkpoints[-1]))[0]
    count.remove()
    assert len(passes) == 2 * (4 * 3 - 5)
    assert (there.frames == render(wan, ask(frames=33))).all()


def test_admission_knows_from_the_first_job_on_what_the_next_will_hold(wan: WanAdapter) -> None:
    held = wan.footprint(ask()).resident
    engine = Engine(wan, limits=EngineLimits(memory_bytes=int(2.5 * held)))
    senders = [FakeSender() for _ in range(3)]
    for i, sender in enumerate(senders):
        engine.submit(ask(f"job {i}"), sender)
    while engine.run_once():
        pass
    assert [sender.last["kind"] for sender in senders] == ["result", "result", "failed"]
    assert senders[2].last["failure"] == "capacity"
    tiny = FakeSender()
    Engine(wan, limits=EngineLimits(memory_bytes=held // 2)).submit(ask(), tiny)
    assert tiny.last["failure"] == "out_of_memory"
