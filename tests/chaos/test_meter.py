"""The device's meter counts what the engine does, steps of a resumed job too."""

from pathlib import Path

from meter import MeteredEngine, steps
from storyreel_chassis.clock import SystemClock
from storyreel_contracts import RenderSpec
from storyreel_contracts.brief import Tier
from storyreel_contracts.plan import ModelRef
from storyreel_renderer.adapters.null_engine import NullEngine
from storyreel_renderer.cards import null_card
from storyreel_renderer.domain.ports import CheckpointTaken, RenderJob

SPEC = RenderSpec(
    prompt="a sneaker", width=64, height=36, frames=5, fps=16, steps=4, guidance=1, seed=7,
    model=ModelRef(name="null", version="1"),
)  # fmt: skip


def job(name: str) -> RenderJob:
    return RenderJob(job_id=name, tier=Tier.PREVIEW, deadline=None, checkpoint_every=2, spec=SPEC)


async def test_each_step_is_written_down_with_its_device_seconds_and_a_resumed_job_writes_only_the_rest(tmp_path: Path) -> None:
    book = tmp_path / "meter.jsonl"
    engine = MeteredEngine(NullEngine(null_card(), SystemClock()), book)
    events = [event async for event in engine.render(job("first"))]
    (state,) = [event for event in events if isinstance(event, CheckpointTaken)]
    assert [event async for event in engine.render(job("second"), state.data)]
    found = list(steps(book))
    assert [s.step for s in found] == [0, 1, 2, 3, 4, 0, 3, 4]
    assert len({s.path for s in found}) == 1
    assert len({s.job for s in found}) == 2
    assert {round(s.seconds, 6) for s in found if s.step} == {0.1}
