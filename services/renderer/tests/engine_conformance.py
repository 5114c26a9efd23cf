"""What every `RenderEngine` must do. One class of tests; a module per engine subclasses it and provides `engine`.

Run on the null engine (tests/unit/test_null_engine.py) and on a real Triton (tests/connected/test_triton_engine.py).
"""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from storyreel_contracts.brief import Tier
from storyreel_contracts.failures import FailureKind
from storyreel_contracts.planning import RenderSpec
from storyreel_renderer.domain.ports import (
    Accepted,
    CheckpointTaken,
    Developed,
    EngineEvent,
    Failed,
    Finished,
    Progress,
    RenderEngine,
    RenderJob,
    ServerCard,
)

STEPS, DRAFT, FRAMES = 6, 3, 9
BATCH_LEVELS = 2  # of 255; the tiny model on a processor was seen to differ by 1


def job_for(card: ServerCard, *, tier: Tier = Tier.PREVIEW, checkpoint_every: int = 0, **spec: Any) -> RenderJob:
    """A short render in one of the card's own sizes, under an id of its own."""
    width, height = card.sizes[tier]["16:9"]
    fields = {
        "prompt": "a red running shoe on wet asphalt",
        "width": width,
        "height": height,
        "frames": FRAMES,
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


async def idle(engine: RenderEngine) -> ServerCard:
    """What the server says once it holds no job; the last one may still be on its way out."""
    async with asyncio.timeout(30):
        while (said := await engine.describe()).engine.live_jobs:
            await asyncio.sleep(0.05)
    return said


class EngineConformance:
    """Subclasses provide the fixture `engine`."""

    @pytest.fixture
    async def card(self, engine: RenderEngine) -> ServerCard:
        """The engine's own card."""
        return await engine.describe()

    async def test_the_card_is_the_same_each_time_and_has_a_size_for_each_stage(
        self, engine: RenderEngine, card: ServerCard
    ) -> None:
        again = await engine.describe()
        assert again.model_dump(exclude={"engine"}) == card.model_dump(exclude={"engine"})
        assert all(card.sizes[stage]["16:9"] and card.steps[stage] for stage in card.stages)

    async def test_a_render_is_accepted_makes_progress_and_ends_with_its_frames(
        self, engine: RenderEngine, card: ServerCard
    ) -> None:
        job = job_for(card)
        events = await events_of(engine, job)
        assert isinstance(events[0], Accepted)
        take = finished(events)
        assert take.frames.shape == (9, job.spec.height, job.spec.width, 3)
        assert take.frames.dtype.name == "uint8"
        assert sum(isinstance(event, Finished | Failed) for event in events) == 1

    async def test_progress_counts_every_step_up_and_device_seconds_never_fall(
        self, engine: RenderEngine, card: ServerCard
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
        self, engine: RenderEngine, card: ServerCard
    ) -> None:
        first, again, other = [finished(await events_of(engine, job_for(card, seed=seed))).frames for seed in (7, 7, 8)]
        assert (first == again).all()
        assert (first != other).any()

    async def test_checkpoints_come_when_asked_for_and_only_then(self, engine: RenderEngine, card: ServerCard) -> None:
        asked = await events_of(engine, job_for(card, checkpoint_every=2))
        not_asked = await events_of(engine, job_for(card))
        assert [event.step for event in asked if isinstance(event, CheckpointTaken)] == [2, 4]
        assert not [event for event in not_asked if isinstance(event, CheckpointTaken)]

    async def test_a_render_resumed_from_any_checkpoint_does_only_the_rest_and_gives_the_same_frames(
        self, engine: RenderEngine, card: ServerCard
    ) -> None:
        whole = await events_of(engine, job_for(card, checkpoint_every=2))
        for checkpoint in [event for event in whole if isinstance(event, CheckpointTaken)]:
            resumed = await events_of(engine, job_for(card), checkpoint.data)
            assert min(event.step for event in resumed if isinstance(event, Progress)) >= checkpoint.step
            assert (finished(resumed).frames == finished(whole).frames).all()

    async def test_a_draft_hands_out_its_last_state_before_its_frames_and_its_final_goes_on_from_there_to_the_same_frames(
        self, engine: RenderEngine, card: ServerCard
    ) -> None:
        draft = await events_of(engine, job_for(card, tier=Tier.FINAL, stop_after=DRAFT))
        states = [event for event in draft if isinstance(event, CheckpointTaken)]
        assert [state.step for state in states] == [DRAFT]
        assert draft.index(states[0]) < min(i for i, event in enumerate(draft) if isinstance(event, Developed))
        assert {(event.step <= DRAFT, event.steps) for event in draft if isinstance(event, Progress)} == {(True, DRAFT)}
        assert finished(draft).frames.shape[0] == FRAMES

        whole = await events_of(engine, job_for(card, tier=Tier.FINAL))
        resumed = await events_of(engine, job_for(card, tier=Tier.FINAL), states[0].data)
        assert min(event.step for event in resumed if isinstance(event, Progress)) >= DRAFT
        assert (finished(resumed).frames == finished(whole).frames).all()

    async def test_frames_come_in_order_before_the_result(self, engine: RenderEngine, card: ServerCard) -> None:
        events = await events_of(engine, job_for(card))
        counts = [event.frames for event in events if isinstance(event, Developed)]
        assert counts == sorted(set(counts))
        assert counts[-1] == FRAMES

    async def test_a_shot_in_smaller_windows_has_all_its_frames_or_is_refused(
        self, engine: RenderEngine, card: ServerCard
    ) -> None:
        window = card.window_overlap + 4 - (card.window_overlap - 1) % 4 if card.window_overlap else 5
        job = replace(job_for(card, frames=2 * window - 1), window=window)
        events = await events_of(engine, job)
        if card.window_overlap:
            take = finished(events)
            assert take.windows > 1
            assert take.frames.shape[0] == job.spec.frames
            assert len(take.seams) == take.windows - 1
            assert all(0 < seam < job.spec.frames for seam in take.seams)
        else:
            assert failed(events).kind is FailureKind.INVALID_INPUT

    async def test_a_first_frame_changes_the_shot_or_is_refused(self, engine: RenderEngine, card: ServerCard) -> None:
        job = job_for(card)
        red = np.zeros((job.spec.height, job.spec.width, 3), np.uint8)
        red[..., 0] = 200
        events = await events_of(engine, replace(job, first_frame=red))
        if card.first_frame == "none":
            assert failed(events).kind is FailureKind.INVALID_INPUT
            assert failed(events).reason.startswith("first_frame")
        else:
            again = finished(await events_of(engine, replace(job_for(card), first_frame=red)))
            other = finished(await events_of(engine, replace(job_for(card), first_frame=red[:, :, ::-1])))
            assert (finished(events).frames == again.frames).all()
            assert (finished(events).frames != other.frames).any()

    async def test_the_server_says_how_many_jobs_it_holds_and_that_its_device_works(
        self, engine: RenderEngine, card: ServerCard
    ) -> None:
        before = await idle(engine)
        stream = engine.render(job_for(card, tier=Tier.FINAL, steps=200))
        async for event in stream:
            if isinstance(event, Progress) and event.step >= 2:
                break
        held = await engine.describe()
        await stream.aclose()  # type: ignore[attr-defined]
        assert before.engine.units is not None
        assert held.engine.units is not None
        assert held.engine.live_jobs == 1
        assert held.engine.units >= before.engine.units + 2
        assert not held.engine.stopping

    async def test_a_checkpoint_of_another_render_is_refused(self, engine: RenderEngine, card: ServerCard) -> None:
        whole = await events_of(engine, job_for(card, checkpoint_every=2))
        checkpoint = next(event for event in whole if isinstance(event, CheckpointTaken))
        failure = failed(await events_of(engine, job_for(card, seed=8), checkpoint.data))
        assert failure.kind is FailureKind.INVALID_INPUT
        assert "checkpoint" in failure.reason

    @pytest.mark.parametrize("damage", [b"\xff", b"[]", b"\x08\x00\x00\x00\x00\x00\x00\x00{}      "])
    async def test_a_damaged_checkpoint_is_refused(self, engine: RenderEngine, card: ServerCard, damage: bytes) -> None:
        assert failed(await events_of(engine, job_for(card), damage)).kind is FailureKind.INVALID_INPUT

    async def test_a_cancelled_render_ends_as_cancelled_within_a_few_steps(
        self, engine: RenderEngine, card: ServerCard
    ) -> None:
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
        self, engine: RenderEngine, card: ServerCard
    ) -> None:
        stream = engine.render(job_for(card, tier=Tier.FINAL, steps=200))
        async for event in stream:
            if isinstance(event, Progress) and event.step >= 2:
                break
        await stream.aclose()  # type: ignore[attr-defined]
        finished(await events_of(engine, job_for(card)))

    async def test_renders_at_the_same_time_each_get_their_own_frames(self, engine: RenderEngine, card: ServerCard) -> None:
        jobs = [job_for(card, seed=seed) for seed in (1, 2, 3)]
        together = await asyncio.gather(*(events_of(engine, job) for job in jobs))
        alone = [await events_of(engine, job_for(card, seed=seed)) for seed in (1, 2, 3)]
        # A batch computes in another order than a job alone: equal to the eye, not to the bit.
        for own, one in enumerate(together):
            apart = [np.abs(finished(one).frames.astype(int) - finished(other).frames) for other in alone]
            assert apart[own].max() <= BATCH_LEVELS
            assert min(range(3), key=lambda i: apart[i].mean()) == own
