"""The virtual model: the same bits however it was interrupted, the time it says, and a ledger that can be believed."""

import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from storyreel_engine.failures import InvalidInputError, ModelFaultError, OutOfMemoryError
from storyreel_engine.ports import Inputs, Unit
from storyreel_engine.virtual import VirtualPipeline, VirtualState, load_virtual
from storyreel_engine.virtual_device import CostTable, VirtualDevice, read_ledger
from storyreel_engine.virtual_folder import VirtualSpec, make_virtual
from storyreel_engine.wire import RenderRequest

SHOT = RenderRequest("shot", "a fox", 64, 64, 9, steps=6, seed=1)
KNEE = {1: 1.0, 2: 1.1, 4: 1.44, 8: 2.55}


class Time:
    """A clock that sleeping moves; `late` is how much too late the host wakes up."""

    def __init__(self, late: float = 0.0) -> None:
        self.now = 100.0
        self.late = late

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds + self.late


def pipeline_in(folder: Path, spec: VirtualSpec, timing: Time) -> VirtualPipeline:
    card = make_virtual(folder / "model", spec)
    return VirtualPipeline(spec, card, VirtualDevice(folder / "ledger.jsonl", clock=timing.clock, sleep=timing.sleep))


@pytest.fixture
def timing() -> Time:
    return Time()


@pytest.fixture
def pipeline(tmp_path: Path, timing: Time) -> VirtualPipeline:
    return pipeline_in(tmp_path, VirtualSpec(0.02, KNEE, 0.004, 0.003, decode_chunks=3, latent_bytes=1000), timing)


def passes(pipeline: VirtualPipeline, state: VirtualState, count: int) -> VirtualState:
    for _ in range(count):
        pipeline.advance([state])
    return state


def pictures(pipeline: VirtualPipeline, state: VirtualState) -> bytes:
    chunks = []
    while state.unit is Unit.DECODE:
        chunks.append(pipeline.decode(state))
    assert sum(len(chunk) for chunk in chunks) == state.request.frames
    assert state.unit is Unit.NONE
    return b"".join(chunk.tobytes() for chunk in chunks)


def rendered(pipeline: VirtualPipeline, request: RenderRequest) -> bytes:
    return pictures(pipeline, passes(pipeline, pipeline.prepare(request, Inputs()), request.goal))


@given(st.integers(1, 5))
def test_a_render_resumed_anywhere_gives_the_same_pictures(tmp_path_factory: pytest.TempPathFactory, at: int) -> None:
    pipeline = pipeline_in(tmp_path_factory.mktemp("virtual"), VirtualSpec(latent_bytes=1000), Time())
    half = passes(pipeline, pipeline.prepare(SHOT, Inputs()), at)
    later = pipeline.save(half)
    passes(pipeline, half, 1)
    resumed = pipeline.prepare(SHOT, Inputs(checkpoint=later()))
    assert resumed.step == at
    assert pictures(pipeline, passes(pipeline, resumed, 6 - at)) == rendered(pipeline, SHOT)


def test_a_lost_or_repeated_step_shows_in_the_pictures(pipeline: VirtualPipeline) -> None:
    state = passes(pipeline, pipeline.prepare(SHOT, Inputs()), 5)
    state.done = 6
    assert pictures(pipeline, state) != rendered(pipeline, SHOT)


def test_company_in_a_batch_changes_nothing_but_the_time(pipeline: VirtualPipeline, timing: Time) -> None:
    alone = rendered(pipeline, SHOT)
    pair = [pipeline.prepare(request, Inputs()) for request in (SHOT, replace(SHOT, job_id="other", seed=2))]
    before = timing.now
    for _ in range(6):
        pipeline.advance(pair)
    assert timing.now - before == pytest.approx(6 * 0.022)
    assert pictures(pipeline, pair[0]) == alone
    assert pictures(pipeline, pair[1]) != alone


def test_a_draft_shows_its_finals_way_and_the_final_goes_on_from_it(pipeline: VirtualPipeline) -> None:
    draft = passes(pipeline, pipeline.prepare(replace(SHOT, stop_after=2), Inputs()), 2)
    data = pipeline.save(draft)()
    assert pictures(pipeline, draft) != rendered(pipeline, SHOT)
    final = pipeline.prepare(SHOT, Inputs(checkpoint=data))
    assert final.passes_left == 4
    assert pictures(pipeline, passes(pipeline, final, 4)) == rendered(pipeline, SHOT)


@pytest.mark.parametrize("harm", [lambda d: d[:-1], lambda d: d[:5], lambda d: b"", lambda d: d[:40] + b"X" + d[41:]])
def test_a_damaged_checkpoint_is_refused(pipeline: VirtualPipeline, harm: object) -> None:
    data = pipeline.save(pipeline.prepare(SHOT, Inputs()))()
    with pytest.raises(InvalidInputError, match="checkpoint"):
        pipeline.prepare(SHOT, Inputs(checkpoint=harm(data)))  # type: ignore[operator]


def test_a_checkpoint_of_another_request_is_refused(pipeline: VirtualPipeline) -> None:
    data = pipeline.save(pipeline.prepare(SHOT, Inputs()))()
    with pytest.raises(InvalidInputError, match="another"):
        pipeline.prepare(replace(SHOT, seed=2), Inputs(checkpoint=data))


def test_a_checkpoint_has_its_true_size(pipeline: VirtualPipeline) -> None:
    assert 1000 < len(pipeline.save(pipeline.prepare(SHOT, Inputs()))()) < 1400


def test_a_batch_beyond_the_memory_fails_and_changes_no_state(tmp_path: Path, timing: Time) -> None:
    pipeline = pipeline_in(tmp_path, VirtualSpec(working_bytes=10, memory_bytes=25), timing)
    three = [pipeline.prepare(replace(SHOT, job_id=str(n)), Inputs()) for n in range(3)]
    before = timing.now
    with pytest.raises(OutOfMemoryError):
        pipeline.advance(three)
    assert [s.step for s in three] == [0, 0, 0]
    assert timing.now == before
    pipeline.advance(three[:2])
    assert [s.step for s in three] == [1, 1, 0]


@pytest.mark.parametrize(
    ("factors", "batch", "expected"),
    [(KNEE, 1, 1), (KNEE, 3, 1.27), (KNEE, 4, 1.44), (KNEE, 9, 2.8275), ({1: 1.0}, 7, 7), ({1: 1.0, 4: 1.0}, 9, 1)],
)
def test_a_size_between_known_ones_is_interpolated_and_beyond_them_the_slope_goes_on(
    factors: dict[int, float], batch: int, expected: float
) -> None:
    assert CostTable(2.0, factors).seconds(batch) == pytest.approx(2.0 * expected)


def test_the_best_share_is_the_cheapest_pass_of_one_job() -> None:
    assert CostTable(1.0, KNEE).best_share(8) == pytest.approx(2.55 / 8)
    assert CostTable(1.0, KNEE).best_share(1) == 1.0


def test_the_ledger_tells_every_unit_with_its_jobs_and_steps(pipeline: VirtualPipeline, tmp_path: Path) -> None:
    rendered(pipeline, SHOT)
    units = read_ledger(tmp_path / "ledger.jsonl")
    assert [u.kind for u in units] == ["prepare", *["pass"] * 6, *["decode"] * 3]
    assert [u.steps for u in units if u.kind == "pass"] == [(n,) for n in range(1, 7)]
    assert sum(u.seconds for u in units) == pytest.approx(0.004 + 6 * 0.02 + 3 * 0.003)
    assert all(u.jobs == ("shot",) for u in units)


def test_a_unit_cut_off_by_death_is_on_record_without_its_end(tmp_path: Path) -> None:
    def die(_: float) -> None:
        raise KeyboardInterrupt

    device = VirtualDevice(tmp_path / "ledger.jsonl", sleep=die)
    with pytest.raises(KeyboardInterrupt):
        device.work("pass", 1.0, ["a"], [3])
    (unit,) = read_ledger(tmp_path / "ledger.jsonl")
    assert unit.woke is None
    assert unit.steps == (3,)


def test_late_timers_do_not_add_up_and_the_hosts_own_time_does(tmp_path: Path) -> None:
    timing = Time(late=0.002)
    device = VirtualDevice(tmp_path / "ledger.jsonl", clock=timing.clock, sleep=timing.sleep)
    for _ in range(10):
        device.work("pass", 0.02, ["a"], [1])
        timing.now += 0.001
    units = read_ledger(tmp_path / "ledger.jsonl")
    assert units[-1].end - units[0].start == pytest.approx(10 * 0.02 + 9 * 0.001)
    assert all(later.start >= earlier.end for earlier, later in pairwise(units))


def test_a_device_that_rested_takes_nothing_off(tmp_path: Path) -> None:
    timing = Time(late=0.002)
    device = VirtualDevice(tmp_path / "ledger.jsonl", clock=timing.clock, sleep=timing.sleep)
    device.work("pass", 0.02, ["a"], [1])
    timing.now += 1.0
    begun = timing.now
    device.work("pass", 0.02, ["a"], [2])
    assert read_ledger(tmp_path / "ledger.jsonl")[-1].start == begun


def test_a_folder_is_loaded_as_it_was_made_and_really_sleeps(tmp_path: Path) -> None:
    spec = VirtualSpec(0.01, KNEE, latent_bytes=10, ledger=str(tmp_path / "ledger.jsonl"))
    card = make_virtual(tmp_path / "model", spec, max_batch=4, draft_steps=3)
    pipeline = load_virtual(tmp_path / "model")
    assert pipeline.card == card
    assert (card.max_batch, card.draft_steps, card.pipeline) == (4, 3, "VirtualPipeline")
    begun = time.monotonic()
    passes(pipeline, pipeline.prepare(SHOT, Inputs()), 3)
    assert time.monotonic() - begun >= 0.03
    assert [u.seconds for u in read_ledger(tmp_path / "ledger.jsonl", since=begun)[1:]] == pytest.approx([0.01] * 3)


def test_a_pass_with_another_lora_than_the_last_takes_the_time_of_a_switch_and_never_has_two(
    tmp_path: Path, timing: Time
) -> None:
    spec = VirtualSpec(0.02, lora_seconds=0.5)
    card = make_virtual(tmp_path / "model", spec, loras=["ink", "oil"])
    assert card.loras == ["ink", "oil"]
    assert load_virtual(tmp_path / "model").card == card
    pipeline = VirtualPipeline(spec, card, VirtualDevice(clock=timing.clock, sleep=timing.sleep))
    plain, ink, oil = (pipeline.prepare(replace(SHOT, lora=lora), Inputs()) for lora in ("", "ink", "oil"))
    assert len({pipeline.key(state.request, state) for state in (plain, ink, oil)}) == 3
    took = []
    for state in (plain, ink, ink, oil, plain):
        before = timing.now
        pipeline.advance([state])
        took.append(round(timing.now - before, 6))
    assert took == [0.02, 0.52, 0.02, 0.52, 0.52]
    with pytest.raises(ModelFaultError, match="several LoRAs"):
        pipeline.advance([ink, oil])
