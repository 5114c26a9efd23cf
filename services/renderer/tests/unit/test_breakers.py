"""When a server is left alone, and how it comes back."""

from hypothesis import given
from hypothesis import strategies as st
from storyreel_renderer.domain.breakers import Breaker, BreakerPolicy, State

POLICY = BreakerPolicy(faults=3, cool_s=30.0, longest_s=100.0)


def opened(policy: BreakerPolicy = POLICY) -> Breaker:
    """A breaker that opened at 3 s."""
    breaker = Breaker(policy)
    for now in (1.0, 2.0, 3.0):
        breaker.fault(placed=now - 0.5, now=now)
    return breaker


def test_it_opens_with_the_last_fault_in_a_row_and_not_before() -> None:
    breaker = Breaker(POLICY)
    for now in (1.0, 2.0):
        breaker.fault(placed=now - 0.5, now=now)
        assert breaker.allows(now, running=5)
    assert breaker.fault(placed=2.5, now=3.0) == 33.0
    assert not breaker.allows(3.0, running=0)


def test_a_success_between_faults_starts_the_count_anew() -> None:
    breaker = Breaker(POLICY)
    for now in range(1, 20):
        breaker.fault(placed=now - 0.5, now=float(now))
        breaker.success()
    assert breaker.state(20.0) is State.CLOSED


def test_jobs_that_fall_together_are_one_fault() -> None:
    breaker = Breaker(POLICY)
    for _ in range(8):
        breaker.fault(placed=0.0, now=5.0)
    assert (breaker.faults, breaker.state(5.0)) == (1, State.CLOSED)


def test_after_cooling_it_gets_one_job_to_see() -> None:
    breaker = opened()
    assert breaker.state(33.0) is State.HALF_OPEN
    assert breaker.allows(33.0, running=0)
    assert not breaker.allows(33.0, running=1)
    breaker.success()
    assert breaker.allows(33.0, running=1)


def test_each_failed_probe_makes_the_rest_longer_up_to_a_limit() -> None:
    breaker, now, rests = opened(), 33.0, []
    for _ in range(4):
        until = breaker.fault(placed=now, now=now + 1.0)
        rests.append(until - now - 1.0)
        now = until
    assert rests == [60.0, 100.0, 100.0, 100.0]


@given(st.lists(st.sampled_from(["fault", "success", "wait"]), max_size=50))
def test_an_open_server_is_always_tried_again_in_time(steps: list[str]) -> None:
    breaker, now = Breaker(POLICY), 0.0
    for step in steps:
        now += 1.0
        if step == "fault":
            breaker.fault(placed=now - 0.5, now=now)
        elif step == "success":
            breaker.success()
        else:
            now += 20.0
    assert breaker.allows(now + POLICY.longest_s, running=0)
    assert breaker.allows(now, running=3) == (breaker.state(now) is State.CLOSED)
