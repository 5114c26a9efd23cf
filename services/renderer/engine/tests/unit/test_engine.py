"""The step engine's loop: one unit at a time, the right job, and every client told."""

from dataclasses import replace

import pytest
from engine_fakes import CARD, Bench, Clock, Costs, FakePipeline, FakeSender, request
from storyreel_engine.engine import Engine, EngineLimits
from storyreel_engine.failures import ModelFaultError, OutOfMemoryError
from storyreel_engine.wire import Tier


@pytest.fixture
def bench() -> Bench:
    """An engine whose passes are of one job each; test_batches.py has the others."""
    return Bench(max_batch=1)


def test_a_job_is_prepared_stepped_and_decoded_and_its_client_hears_of_each(bench: Bench) -> None:
    client = bench.submit(steps=3)
    bench.run()
    assert client.kinds == ["accepted", "progress", "progress", "progress", "progress", "frames", "result"]
    assert [event["step"] for event in client.heard] == [0, 0, 1, 2, 3, 3, 3]
    assert client.frames.shape == (5, 16, 32, 3)
    assert client.closed


def test_accepted_names_the_model_and_its_version(bench: Bench) -> None:
    client = bench.submit()
    assert (client.last["model"], client.last["version"]) == ("fake", "v1")


def test_device_seconds_are_what_the_units_of_this_job_took_and_no_other(bench: Bench) -> None:
    one = bench.submit("one", steps=2)
    other = bench.submit("other", steps=4)
    bench.run()
    assert one.last["device_seconds"] == pytest.approx(0.5 + 2 * 1.0 + 2.0)
    assert other.last["device_seconds"] == pytest.approx(0.5 + 4 * 1.0 + 2.0)


def test_a_preview_waits_for_one_unit_of_a_running_final_only(bench: Bench) -> None:
    bench.submit("final", steps=50)
    bench.run(units=4)
    bench.submit("preview", tier=Tier.PREVIEW, steps=2)
    bench.run(units=4)
    assert [job for _, job in bench.pipeline.units] == ["final"] * 4 + ["preview"] * 4


def test_the_earlier_deadline_goes_first_inside_a_class(bench: Bench) -> None:
    bench.submit("late", steps=1, deadline_unix=900.0)
    bench.submit("early", steps=1, deadline_unix=300.0)
    bench.run()
    assert bench.pipeline.units[0] == ("prepare", "early")


def test_a_cancel_message_frees_the_device_before_the_next_unit(bench: Bench) -> None:
    client = bench.submit("job", steps=50)
    other = bench.submit("other", steps=1)
    bench.run(units=4)
    assert bench.engine.cancel("job")
    bench.run(units=1)
    assert client.kinds[-1] == "cancelled"
    assert client.last["device_seconds"] == pytest.approx(0.5 + 3.0)
    assert bench.pipeline.units[-1] == ("prepare", "other")
    bench.run()
    assert other.kinds[-1] == "result"


def test_without_a_cancel_the_same_job_keeps_the_device(bench: Bench) -> None:
    bench.submit("job", steps=50)
    bench.submit("other", steps=1)
    bench.run(units=5)
    assert bench.pipeline.units[-1] == ("pass", "job")


def test_a_client_that_goes_away_frees_the_device_after_one_more_step_at_most(bench: Bench) -> None:
    client = bench.submit("job", steps=50)
    bench.run(units=3)
    client.cancelled = True
    bench.run()
    assert [unit for unit, _ in bench.pipeline.units].count("pass") <= 3
    assert client.kinds[-1] == "cancelled"


def test_a_cancel_in_the_middle_of_a_step_lets_that_step_end_and_no_other(bench: Bench) -> None:
    client = bench.submit("job", steps=50)
    bench.pipeline.during["pass", "job"] = lambda: bench.engine.cancel("job")
    bench.run()
    assert [unit for unit, _ in bench.pipeline.units].count("pass") == 1
    assert client.kinds[-1] == "cancelled"


def test_a_cancel_of_an_unknown_or_finished_job_says_so(bench: Bench) -> None:
    bench.submit("job", steps=1)
    bench.run()
    assert not bench.engine.cancel("job")
    assert not bench.engine.cancel("never seen")


def test_a_later_job_with_the_id_of_a_cancelled_one_is_rendered(bench: Bench) -> None:
    bench.submit("job")
    bench.engine.cancel("job")
    bench.run()
    again = bench.submit("job")
    bench.run()
    assert again.kinds[-1] == "result"


def test_checkpoints_come_every_k_steps_but_not_after_the_last(bench: Bench) -> None:
    client = bench.submit(steps=6, checkpoint_every=2)
    bench.run()
    assert [e["step"] for e in client.heard if e["kind"] == "checkpoint"] == [2, 4]
    assert len(client.checkpoints) == 2


def test_no_checkpoint_is_made_for_a_job_that_asked_for_none(bench: Bench) -> None:
    client = bench.submit(steps=6)
    bench.run()
    assert "save" not in {unit for unit, _ in bench.pipeline.units}
    assert client.checkpoints == []


def test_a_resumed_job_does_only_the_remaining_steps_and_gives_the_same_frames(bench: Bench) -> None:
    whole = bench.submit("whole", steps=6, checkpoint_every=4)
    bench.run()
    bench.pipeline.units.clear()
    resumed = bench.submit("resumed", checkpoint=whole.checkpoints[0], steps=6)
    bench.run()
    assert [unit for unit, _ in bench.pipeline.units] == ["restore", "pass", "pass", "decode"]
    assert (resumed.frames == whole.frames).all()


def test_a_damaged_checkpoint_fails_the_job_and_nothing_else(bench: Bench) -> None:
    bad = bench.submit("bad", checkpoint=b"\xff")
    good = bench.submit("good")
    bench.run()
    assert (bad.last["kind"], bad.last["failure"]) == ("failed", "invalid_input")
    assert good.kinds[-1] == "result"


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (OutOfMemoryError("no room"), "out_of_memory"),
        (ModelFaultError("not finite"), "model_fault"),
        (ZeroDivisionError("a bug"), "internal"),
    ],
)
@pytest.mark.parametrize("unit", ["prepare", "pass", "decode"])
def test_a_fault_ends_its_job_with_its_kind_and_the_others_go_on(bench: Bench, unit: str, error: Exception, kind: str) -> None:
    def break_down() -> None:
        raise error

    bad = bench.submit("bad")
    good = bench.submit("good")
    bench.pipeline.during[unit, "bad"] = break_down
    bench.run()
    assert (bad.last["kind"], bad.last["failure"]) == ("failed", kind)
    assert str(error) in bad.last["reason"]
    assert bad.last["device_seconds"] > 0
    assert good.kinds[-1] == "result"


def test_a_request_that_the_model_cannot_render_is_refused_at_once(bench: Bench) -> None:
    client = bench.submit(width=33)
    assert client.kinds == ["failed"]
    assert client.last["failure"] == "invalid_input"
    assert "width" in client.last["reason"]
    assert not bench.engine.run_once()


def test_more_jobs_than_admitted_are_refused_and_room_comes_back() -> None:
    bench = Bench(limits=EngineLimits(max_jobs=2))
    clients = [bench.submit(str(i)) for i in range(3)]
    assert [c.kinds[-1] for c in clients] == ["accepted", "accepted", "failed"]
    assert clients[2].last["failure"] == "capacity"
    bench.run()
    assert bench.submit("later").kinds == ["accepted"]


def test_a_waiting_job_gets_its_progress_repeated_so_that_silence_means_a_wedged_engine() -> None:
    bench = Bench(limits=EngineLimits(heartbeat_seconds=3.0))
    bench.submit("running", tier=Tier.PREVIEW, steps=10)
    waiting = bench.submit("waiting", steps=1)
    bench.run(units=11)
    assert waiting.kinds == ["accepted", "progress", "progress", "progress"]
    assert {event["device_seconds"] for event in waiting.heard} == {0.0}


def test_a_client_that_cannot_be_reached_is_dropped_without_harm(bench: Bench) -> None:
    gone = bench.submit("gone", steps=50)
    bench.run(units=2)
    gone.gone = True
    other = bench.submit("other")
    bench.run()
    assert [job for _, job in bench.pipeline.units].count("gone") == 3
    assert other.kinds[-1] == "result"


def test_closing_hands_out_a_checkpoint_of_each_open_job_and_ends_it_as_device_lost(bench: Bench) -> None:
    running, waiting = bench.submit("running", steps=6), bench.submit("waiting", steps=6)
    bench.run(units=3)
    bench.engine.close()
    assert running.kinds[-2:] == ["checkpoint", "failed"]
    assert waiting.kinds == ["accepted", "failed"]
    assert running.last["failure"] == waiting.last["failure"] == "device_lost"

    successor = Bench()
    resumed = successor.submit("running", checkpoint=running.checkpoints[-1], steps=6)
    successor.run()
    assert [unit for unit, _ in successor.pipeline.units].count("pass") == 4
    assert resumed.kinds[-1] == "result"


def test_a_closed_engine_takes_no_job(bench: Bench) -> None:
    bench.engine.close()
    assert bench.submit().last["failure"] == "device_lost"


def test_when_the_loop_breaks_every_client_is_told(bench: Bench) -> None:
    clients = [bench.submit(str(i)) for i in range(2)]
    bench.engine.fail_all("broken")
    assert [(c.last["failure"], c.last["reason"]) for c in clients] == [("internal", "broken")] * 2


def test_a_draft_hands_out_its_checkpoint_before_its_frames_and_its_final_goes_on_from_there(bench: Bench) -> None:
    draft = bench.submit("draft", tier=Tier.PREVIEW, steps=6, stop_after=2, checkpoint_every=2)
    whole = bench.submit("whole", steps=6)
    bench.run()
    assert draft.kinds == ["accepted", "progress", "progress", "progress", "checkpoint", "frames", "result"]
    assert (draft.last["step"], draft.last["steps"]) == (2, 6)
    bench.pipeline.units.clear()
    final = bench.submit("final", checkpoint=draft.checkpoints[0], steps=6)
    bench.run()
    assert [unit for unit, _ in bench.pipeline.units] == ["restore", *["pass"] * 4, "decode"]
    assert (final.frames == whole.frames).all()
    assert not (draft.frames == whole.frames).all()


def test_a_job_that_is_no_draft_hands_out_nothing_at_its_end(bench: Bench) -> None:
    client = bench.submit(steps=2, tier=Tier.PREVIEW)
    bench.run()
    assert client.checkpoints == []


def test_frames_come_in_chunks_that_can_be_put_together_and_other_jobs_go_in_between() -> None:
    bench = Bench(Costs(chunks=3), max_batch=1)
    final = bench.submit("final", steps=1, frames=9)
    bench.run(units=3)
    bench.submit("preview", tier=Tier.PREVIEW, steps=1)
    bench.run()
    decodes = [job for unit, job in bench.pipeline.units if unit == "decode"]
    assert decodes == ["final", "preview", "preview", "preview", "final", "final"]
    told = [(event["first"], event["count"]) for event in final.heard if event["kind"] == "frames"]
    assert told == [(0, 3), (3, 3), (6, 3)]
    assert (final.frames.shape, final.last["count"]) == ((9, 16, 32, 3), 9)


def test_a_shot_in_windows_makes_several_passes_for_a_step_and_tells_progress_once(bench: Bench) -> None:
    client = bench.submit(steps=3, frames=13)
    bench.run()
    assert [unit for unit, _ in bench.pipeline.units].count("pass") == 6
    assert [event["step"] for event in client.heard if event["kind"] == "progress"] == [0, 1, 2, 3]
    assert client.last["windows"] == 2


def test_a_cancel_that_comes_after_the_result_takes_nothing_back(bench: Bench) -> None:
    client = bench.submit()
    bench.run()
    assert not bench.engine.cancel("job")
    client.cancelled = True
    bench.run()
    assert client.kinds[-1] == "result"
    assert client.frames.any()


class Notes:
    """A meter that writes down what it is told."""

    def __init__(self) -> None:
        self.work: list[tuple[str, str, float, int]] = []
        self.waits: list[tuple[str, float]] = []
        self.ends: list[tuple[str, str, float]] = []

    def worked(self, tier: str, phase: str, seconds: float, batch: int = 1) -> None:
        self.work.append((tier, phase, seconds, batch))

    def waited(self, tier: str, seconds: float) -> None:
        self.waits.append((tier, seconds))

    def finished(self, tier: str, outcome: str, wasted: float) -> None:
        self.ends.append((tier, outcome, wasted))


def test_what_was_done_waited_for_and_wasted_is_counted() -> None:
    notes, clock = Notes(), Clock()
    engine = Engine(FakePipeline(clock, card=replace(CARD, max_batch=1)), meter=notes, clock=clock, wall=clock)
    engine.submit(request("done", steps=1), FakeSender())
    engine.submit(request("stopped", steps=5), FakeSender())
    for _ in range(5):
        engine.run_once()
    assert engine.live() == (1, 110)
    engine.cancel("stopped")
    engine.run_once()
    assert notes.work[:3] == [("final", "prepare", 0.5, 1), ("final", "pass", 1.0, 1), ("final", "decode", 2.0, 1)]
    assert notes.waits == [("final", 0.0), ("final", 3.5)]
    assert notes.ends == [("final", "result", 0.0), ("final", "cancelled", 1.5)]
    assert engine.live() == (0, 0)


def test_an_idle_engine_does_nothing(bench: Bench) -> None:
    assert not bench.engine.run_once()
    assert bench.pipeline.units == []
