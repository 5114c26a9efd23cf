"""Several jobs in one pass: who rides along, who is charged, and what happens when it breaks."""

import pytest
from engine_fakes import FLAT, LINEAR, Bench, Costs
from storyreel_engine.engine import EngineLimits
from storyreel_engine.failures import EngineError, ModelFaultError
from storyreel_engine.ports import Footprint
from storyreel_engine.wire import Tier


def flat(**more: object) -> Bench:
    """A device on which batching is free, and an engine that knows it."""
    bench = Bench(Costs(FLAT, prepare=0.0), **more)  # type: ignore[arg-type]
    for index in range(16):
        bench.submit(f"earlier {index}", steps=10)
    bench.run()
    bench.pipeline.units.clear()
    return bench


def test_compatible_jobs_share_a_pass_and_each_pays_its_part() -> None:
    bench = flat()
    clients = [bench.submit(str(index), steps=4) for index in range(4)]
    bench.run()
    assert bench.pipeline.units.count(("pass", "0+1+2+3")) == 4
    assert [client.last["device_seconds"] for client in clients] == [pytest.approx(4 * 1.0 / 4 + 2.0)] * 4


def test_jobs_of_unlike_shapes_never_share_a_pass() -> None:
    bench = flat()
    bench.submit("wide", steps=4, width=64)
    bench.submit("small", steps=4)
    bench.run()
    assert {jobs for unit, jobs in bench.pipeline.units if unit == "pass"} == {"wide", "small"}


def test_on_linear_cost_finals_run_one_by_one_once_that_is_known() -> None:
    bench = Bench(Costs(LINEAR))
    for index in range(4):
        bench.submit(str(index), steps=40)
    bench.run()
    sizes = [len(names) for names in bench.passes()]
    assert sizes.count(2) <= 3
    assert max(sizes) == 2
    assert set(sizes[8:60]) == {1}


def test_finals_ride_along_with_a_preview_where_that_is_free() -> None:
    bench = flat()
    for index in range(10):
        bench.submit(f"final {index}", steps=50)
    bench.run(units=20)
    since = bench.clock.now
    bench.submit("preview", tier=Tier.PREVIEW, steps=3)
    bench.run(units=8)
    with_preview = [names for names in bench.passes(since) if "preview" in names]
    assert [len(names) for names in with_preview] == [8, 8, 8]


def test_the_cards_largest_batch_and_the_operators_hold() -> None:
    for bench in (flat(max_batch=3), flat(limits=EngineLimits(1000, 1e9, max_batch=3))):
        for index in range(9):
            bench.submit(str(index), steps=5)
        bench.run()
        assert max(len(jobs.split("+")) for unit, jobs in bench.pipeline.units if unit == "pass") == 3


def test_a_batch_that_runs_out_of_memory_is_halved_and_no_job_is_harmed() -> None:
    bench = Bench(Costs(FLAT, prepare=0.0), room=3)
    clients = [bench.submit(str(index), steps=20, seed=index) for index in range(8)]
    bench.run()
    assert {client.kinds[-1] for client in clients} == {"result"}
    assert bench.engine.describe()["batch_caps"] == {"32x16": 2}
    assert max(len(names) for names in bench.passes()) == 2
    alone = Bench().submit("again", steps=20, seed=5)
    assert alone.kinds == ["accepted"]


def test_what_a_job_makes_does_not_depend_on_its_batch() -> None:
    bench, single = flat(), Bench(max_batch=1)
    batched = [bench.submit(str(index), steps=6, seed=index) for index in range(5)]
    alone = [single.submit(str(index), steps=6, seed=index) for index in range(5)]
    bench.run()
    single.run()
    assert [(a.frames == b.frames).all() for a, b in zip(batched, alone, strict=True)] == [True] * 5


def test_a_single_job_that_runs_out_of_memory_fails_and_says_so() -> None:
    bench = Bench(room=0)
    client = bench.submit()
    bench.run()
    assert (client.last["kind"], client.last["failure"]) == ("failed", "out_of_memory")


@pytest.mark.parametrize("error", [ModelFaultError("not finite"), ZeroDivisionError("a bug")])
def test_a_job_that_breaks_a_batch_fails_alone(error: Exception) -> None:
    bench = flat()

    def break_down() -> None:
        raise error

    clients = [bench.submit(str(index), steps=4) for index in range(4)]
    bench.pipeline.during["pass", "2"] = break_down
    bench.run()
    kinds = [client.kinds[-1] for client in clients]
    assert kinds == ["result", "result", "failed", "result"]
    assert str(error) in clients[2].last["reason"]
    expected = error.kind if isinstance(error, EngineError) else "internal"
    assert clients[2].last["failure"] == expected


def test_jobs_that_made_their_pass_before_the_batch_broke_do_not_make_it_twice() -> None:
    bench = flat()
    clients = [bench.submit(str(index), steps=4, seed=index) for index in range(3)]
    advance = bench.pipeline.advance

    def half(states: object) -> None:
        bench.pipeline.advance = advance  # type: ignore[method-assign]
        advance(states[:1])  # type: ignore[index]
        raise RuntimeError("the second one broke")

    bench.run(units=4)
    bench.pipeline.advance = half  # type: ignore[method-assign]
    bench.run()
    assert [[e["step"] for e in c.heard if e["kind"] == "progress"] for c in clients] == [[0, 1, 2, 3, 4]] * 3
    assert {c.kinds[-1] for c in clients} == {"result"}


def test_a_cancelled_member_leaves_the_batch_and_the_others_stay() -> None:
    bench = flat()
    clients = [bench.submit(str(index), steps=10) for index in range(4)]
    bench.run(units=6)
    bench.engine.cancel("1")
    bench.run(units=1)
    assert bench.pipeline.units[-1] == ("pass", "0+2+3")
    bench.run()
    assert [client.kinds[-1] for client in clients] == ["result", "cancelled", "result", "result"]


def test_a_batch_needs_the_memory_of_all_its_members() -> None:
    bench = flat(limits=EngineLimits(1000, 1e9, memory_bytes=10 * 10 + 350))
    for index in range(10):
        bench.submit(str(index), steps=5)
    bench.run()
    assert max(len(jobs.split("+")) for unit, jobs in bench.pipeline.units if unit == "pass") == 3
    assert bench.pipeline.units.count(("pass", "0+1+2")) >= 1


def test_what_could_never_fit_fails_at_once_and_what_does_not_fit_now_is_for_another_server() -> None:
    bench = Bench(limits=EngineLimits(1000, 1e9, memory_bytes=125))
    first, second, third = (bench.submit(name) for name in ("first", "second", "third"))
    assert (first.kinds, second.kinds) == (["accepted"], ["accepted"])
    assert (third.last["kind"], third.last["failure"]) == ("failed", "capacity")
    bench.pipeline.bytes = Footprint(100, 100)
    assert bench.submit("large").last["failure"] == "out_of_memory"
    bench.run()
    bench.pipeline.bytes = Footprint(10, 100)
    assert bench.submit("later").kinds == ["accepted"]


def test_without_a_limit_memory_refuses_nobody() -> None:
    bench = Bench()
    bench.pipeline.bytes = Footprint(10**15, 10**15)
    assert bench.submit().kinds == ["accepted"]


def test_describe_tells_operators_what_was_learned_and_what_is_open() -> None:
    bench = flat(limits=EngineLimits(50, 1e9, memory_bytes=10**6))
    bench.submit("open", steps=50)
    bench.submit("preview", tier=Tier.PREVIEW)
    told = bench.engine.describe()
    assert told["live_jobs"] == 2
    assert told["tiers"] == {"final": 1, "preview": 1}
    assert told["memory"] == {"limit": 10**6, "reserved": 120}
    assert told["costs"]["32x16"]["passes"]["8"]["seconds"] == pytest.approx(1.0)
    assert told["stopping"] is False
    bench.engine.close()
    assert bench.engine.describe()["stopping"] is True
