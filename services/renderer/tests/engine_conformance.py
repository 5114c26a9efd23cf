"""What every `RenderEngine` must do. One class of tests; a module per engine subclasses it and provides `engine`.

Run on the null engine (tests/unit/test_null_engine.py) and on a real Triton (tests/connected/test_triton_engine.py).
"""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import pytest
from storyreel_contracts.brief import Tier
from storyreel_contracts.failures import FailureKind
from storyreel_contracts.plan import ModelCard
from storyreel_contracts.planning import RenderSpec
from storyreel_renderer.domain.ports import (
    Accepted,
    CheckpointTaken,
    EngineEvent,
    Failed,
    Finished,
    Progress,
    RenderEngine,
    RenderJob,
)

STEPS = 6


def job_for(card: ModelCard, *, tier: Tier = Tier.PREVIEW, checkpoint_every: int = 0, **spec: Any) -> RenderJob:
    """A short render in one of the card's own sizes, under an id of its own."""
    width, height = card.sizes[tier]["16:9"]
    fields = {
        "prompt": "a red running shoe on wet asphalt",
        "width": width,
        "height": height,
        "frames": 9,
        "fps": card.fps,
        "steps": STEPS,
        "guidance": card.guidance,
        "seed": 7,
        "model": card.ref,
    }
    return RenderJob(uuid.uuid4().hex, tier, None, checkpoint_every, RenderSpec(**{**fields, **spec}))


async def events_of(engine: RenderEngine, job: RenderJob, checkpoint: bytes | None = None) -> list[EngineEvent]:
    """The whole stream."""
    return [event async for event in engine.render(job, checkpoint)]


def finished(events: list[EngineEvent]) -> Finished:
    """The take that the stream ended with."""
    assert isinstance(events[-1], Finished), events[-1]
    return events[-1]


def failed(events: list[EngineEvent]) -> Failed:
    """The failure that the stream ended with."""
    assert isinstance(events[-1], Failed), events[-1]
    return events[-1]


class EngineConformance:
    """Subclasses provide the fixture `engine`."""

    @pytest.fixture
    async def card(self, engine: RenderEngine) -> ModelCard:
        """The engine's own card."""
        return await engine.describe()

    async def test_the_card_is_the_same_each_time_and_has_a_size_for_each_stage(
        self, engine: RenderEngine, card: ModelCard
    ) -> None:
        assert await engine.describe() == card
        assert all(card.sizes[stage]["16:9"] and card.steps[stage] for stage in card.stages)

    async def test_a_render_is_accepted_makes_progress_and_ends_with_its_frames(
        self, engine: RenderEngine, card: ModelCard
    ) -> None:
        job = job_for(card)
        events = await events_of(engine, job)
        assert isinstance(events[0], Accepted)
        take = finished(events)
        assert take.frames.shape == (9, job.spec.height, job.spec.width, 3)
        assert take.frames.dtype.name == "uint8"
        assert sum(isinstance(event, Finished | Failed) for event in events) == 1

    async def test_progress_counts_every_step_up_and_device_seconds_never_fall(
        self, engine: RenderEngine, card: ModelCard
    ) -> None:
        events = await events_of(engine, job_for(card))
        steps = [event.step for event in events if isinstance(event, Progress)]
        seconds = [event.device_seconds for event in events if isinstance(event, Progress | Finished)]
        assert steps == sorted(steps)
        assert set(range(1, STEPS + 1)) <= set(steps)
        assert {event.steps for event in events if isinstance(event, Progress)} == {STEPS}
        assert seconds == sorted(seconds)
        assert seconds[-1] > 0

    async def test_the_same_spec_gives_the_same_frames_and_another_seed_gives_others(
        self, engine: RenderEngine, card: ModelCard
    ) -> None:
        first, again, other = [finished(await events_of(engine, job_for(card, seed=seed))).frames for seed in (7, 7, 8)]
        assert (first == again).all()
        assert (first != other).any()

    async def test_checkpoints_come_when_asked_for_and_only_then(self, engine: RenderEngine, card: ModelCard) -> None:
        asked = await events_of(engine, job_for(card, checkpoint_every=2))
        not_asked = await events_of(engine, job_for(card))
        assert [event.step for event in asked if isinstance(event, CheckpointTaken)] == [2, 4]
        assert not [event for event in not_asked if isinstance(event, CheckpointTaken)]

    async def test_a_render_resumed_from_any_checkpoint_does_only_the_rest_and_gives_the_same_frames(
        self, engine: RenderEngine, card: ModelCard
    ) -> None:
        whole = await events_of(engine, job_for(card, checkpoint_every=2))
        for checkpoint in [event for event in whole if isinstance(event, CheckpointTaken)]:
            resumed = await events_of(engine, job_for(card), checkpoint.data)
            assert min(event.step for event in resumed if isinstance(event, Progress)) >= checkpoint.step
            assert (finished(resumed).frames == finished(whole).frames).all()

    async def test_a_checkpoint_of_another_render_is_refused(self, engine: RenderEngine, card: ModelCard) -> None:
        whole = await events_of(engine, job_for(card, checkpoint_every=2))
        checkpoint = next(event for event in whole if isinstance(event, CheckpointTaken))
        failure = failed(await events_of(engine, job_for(card, seed=8), checkpoint.data))
        assert failure.kind is FailureKind.INVALID_INPUT
        assert "checkpoint" in failure.reason

    @pytest.mark.parametrize("damage", [b"\xff", b"[]", b"\x08\x00\x00\x00\x00\x00\x00\x00{}      "])
    async def test_a_damaged_checkpoint_is_refused(self, engine: RenderEngine, card: ModelCard, damage: bytes) -> None:
        assert failed(await events_of(engine, job_for(card), damage)).kind is FailureKind.INVALID_INPUT

    async def test_a_cancelled_render_ends_as_cancelled_within_a_few_steps(self, engine: RenderEngine, card: ModelCard) -> None:
        job, steps_seen = job_for(card, tier=Tier.FINAL, steps=200), 0
        ended: EngineEvent | None = None
        async for event in engine.render(job):
            ended = event
            if isinstance(event, Progress):
                steps_seen = event.step
                if event.step == 2:
                    await engine.cancel(job.job_id)
        assert isinstance(ended, Failed)
        assert ended.kind is FailureKind.CANCELLED
        assert steps_seen < 100

    async def test_a_cancel_of_an_unknown_render_is_no_error(self, engine: RenderEngine) -> None:
        await engine.cancel("never seen")

    async def test_after_closing_a_stream_early_the_engine_serves_the_next_render(
        self, engine: RenderEngine, card: ModelCard
    ) -> None:
        stream = engine.render(job_for(card, tier=Tier.FINAL, steps=200))
        async for event in stream:
            if isinstance(event, Progress) and event.step >= 2:
                break
        await stream.aclose()  # type: ignore[attr-defined]
        finished(await events_of(engine, job_for(card)))

    async def test_renders_at_the_same_time_each_get_their_own_frames(self, engine: RenderEngine, card: ModelCard) -> None:
        jobs = [job_for(card, seed=seed) for seed in (1, 2, 3)]
        together = await asyncio.gather(*(events_of(engine, job) for job in jobs))
        alone = [await events_of(engine, job_for(card, seed=seed)) for seed in (1, 2, 3)]
        for one, other in zip(together, alone, strict=True):
            assert (finished(one).frames == finished(other).frames).all()
