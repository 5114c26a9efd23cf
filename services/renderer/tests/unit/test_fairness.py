"""The queue's laws: tier first, fair shares in device seconds, nearest deadline, no idle server."""

from datetime import UTC, datetime, timedelta
from itertools import count
from zlib import crc32

from hypothesis import given
from hypothesis import strategies as st
from storyreel_contracts import Tier
from storyreel_renderer.domain.fairness import FairQueue, Lane, Ticket

MODEL = ("null", "1")
OTHER = ("other", "1")
TIERS = (Tier.KEYFRAME, Tier.PREVIEW, Tier.FINAL)
T0 = datetime(2026, 11, 21, tzinfo=UTC)
_ids = count()


def ticket(
    tenant: str = "a", tier: Tier = Tier.PREVIEW, cost: float = 1.0, due: float | None = None, model: tuple[str, str] = MODEL
) -> Ticket:
    deadline = None if due is None else T0 + timedelta(seconds=due)
    return Ticket(f"job-{next(_ids)}", tenant, tier, deadline, model, cost)


tenants = st.sampled_from("abcd")
costs = st.floats(min_value=0.1, max_value=10.0)
dues = st.none() | st.floats(min_value=0, max_value=1e6)
tickets = st.builds(ticket, tenants, st.sampled_from(TIERS), costs, dues, st.sampled_from([MODEL, OTHER]))


def drained(queue: FairQueue, model: tuple[str, str] = MODEL) -> list[Ticket]:
    return list(iter(lambda: queue.pick(model), None))


@given(st.lists(tickets))
def test_every_job_is_given_out_exactly_once_and_only_to_its_model(jobs: list[Ticket]) -> None:
    queue = FairQueue()
    for job in jobs:
        queue.add(job)
    mine, others = drained(queue), drained(queue, OTHER)
    assert sorted(j.id for j in mine) == sorted(j.id for j in jobs if j.model == MODEL)
    assert sorted(j.id for j in others) == sorted(j.id for j in jobs if j.model == OTHER)


@given(st.lists(st.one_of(tickets, st.none())))
def test_a_server_never_idles_while_a_job_for_it_waits(steps: list[Ticket | None]) -> None:
    queue, waiting = FairQueue(), 0
    for step in steps:
        if step is not None:
            queue.add(step)
            waiting += step.model == MODEL
        else:
            picked = queue.pick(MODEL)
            assert (picked is not None) == (waiting > 0)
            waiting -= picked is not None


@given(st.lists(tickets))
def test_no_job_overtakes_one_of_a_higher_tier(jobs: list[Ticket]) -> None:
    queue = FairQueue()
    for job in jobs:
        queue.add(job)
    ranks = [TIERS.index(j.tier) for j in drained(queue)]
    assert ranks == sorted(ranks)


@given(st.lists(tickets))
def test_one_tenants_jobs_of_a_tier_come_by_deadline_then_arrival(jobs: list[Ticket]) -> None:
    queue = FairQueue()
    for job in jobs:
        queue.add(job)
    out = drained(queue)
    for tenant in "abcd":
        for tier in TIERS:
            mine = [j for j in out if (j.tenant, j.tier) == (tenant, tier)]
            arrived = [j for j in jobs if (j.tenant, j.tier, j.model) == (tenant, tier, MODEL)]
            assert mine == sorted(arrived, key=lambda j: j.deadline.timestamp() if j.deadline else float("inf"))


def biggest_gap(order: list[Ticket], names: str) -> float:
    """Most device seconds by which one tenant was ever ahead of another."""
    got, gap = dict.fromkeys(names, 0.0), 0.0
    for job in order:
        got[job.tenant] += job.cost
        gap = max(gap, max(got.values()) - min(got.values()))
    return gap


def backlog(weights: dict[str, list[float]]) -> list[Ticket]:
    return [ticket(tenant, cost=c) for tenant, cs in weights.items() for c in cs]


@given(st.dictionaries(tenants, st.lists(costs, min_size=20, max_size=40), min_size=2))
def test_tenants_that_always_wait_are_never_further_apart_than_one_job(weights: dict[str, list[float]]) -> None:
    queue, names = FairQueue(), "".join(weights)
    for job in backlog(weights):
        queue.add(job)
    left = {tenant: len(cs) for tenant, cs in weights.items()}
    served: list[Ticket] = []
    while all(left.values()):
        picked = queue.pick(MODEL)
        assert picked is not None
        served.append(picked)
        left[picked.tenant] -= 1
    most = max(c for cs in weights.values() for c in cs)
    assert biggest_gap(served, names) <= most + 1e-6


def test_control_in_order_of_arrival_the_gap_grows_with_the_backlog() -> None:
    jobs = backlog({"a": [1.0] * 40, "b": [1.0] * 40})
    assert biggest_gap(jobs, "ab") == 40.0


@given(st.integers(min_value=1, max_value=50), st.integers(min_value=2, max_value=10))
def test_a_tenant_that_comes_back_has_not_saved_up_its_idle_time(busy: int, back: int) -> None:
    queue = FairQueue()
    for _ in range(busy + back):
        queue.add(ticket("busy"))
    for _ in range(busy):
        queue.pick(MODEL)
    for _ in range(back):
        queue.add(ticket("back"))
    first = [job.tenant for _ in range(2 * (back - 1)) if (job := queue.pick(MODEL))]
    assert abs(first.count("busy") - first.count("back")) <= 1


class NoLift(Lane):
    """The same lane with its guard removed: idle time is saved up."""

    def add(self, ticket: Ticket, arrival: int) -> None:
        before = self._counters.get(ticket.tenant, 0.0)
        super().add(ticket, arrival)
        self._counters[ticket.tenant] = before


def after_coming_back(lane: Lane) -> list[str]:
    """Who is served after one tenant worked alone five times and another one comes back."""
    for n in range(10):
        lane.add(ticket("busy"), n)
    for _ in range(5):
        lane.pick()
    for n in range(5):
        lane.add(ticket("back"), 20 + n)
    return [job.tenant for _ in range(4) if (job := lane.pick())]


def test_control_without_the_lift_the_one_who_was_away_takes_the_server_over() -> None:
    assert sorted(after_coming_back(Lane())) == ["back", "back", "busy", "busy"]
    assert after_coming_back(NoLift()) == ["back"] * 4


def test_an_emptied_queue_wipes_nobodys_slate() -> None:
    lane = Lane()
    for n in range(3):
        lane.add(ticket("greedy"), n)
    while lane.pick():
        pass
    lane.add(ticket("newcomer"), 10)
    assert lane.counter("newcomer") == lane.counter("greedy")


def test_the_charge_is_corrected_to_what_was_really_used() -> None:
    queue = FairQueue()
    queue.add(ticket("a", cost=1.0))
    queue.add(ticket("b", cost=1.0))
    dear = queue.pick(MODEL)
    assert dear is not None
    assert dear.tenant == "a"
    queue.settle(dear, used=9.0)
    queue.add(ticket("a", cost=1.0))
    queue.add(ticket("b", cost=1.0))
    assert [job.tenant for job in drained(queue)] == ["b", "b", "a"]


jobs_with_surprises = st.lists(st.tuples(costs, costs), min_size=20, max_size=30)  # expected and used device seconds


class NeverSettled(FairQueue):
    """The same queue with its guard removed: what was expected stays on the counter."""

    def settle(self, ticket: Ticket, used: float) -> None:
        """Nothing."""


def measured_gap(queue: FairQueue, work: dict[str, list[tuple[float, float]]], places: int, done_first: list[int]) -> float:
    """Most device seconds, as measured, by which one of the waiting tenants was ever ahead of another."""
    used = {}
    for tenant, jobs in work.items():
        for expected, real in jobs:
            job = ticket(tenant, cost=expected)
            used[job.id] = real
            queue.add(job)
    left = {tenant: len(jobs) for tenant, jobs in work.items()}
    running: list[Ticket] = []
    got, gap, turn = dict.fromkeys(work, 0.0), 0.0, 0
    while all(left.values()):
        if len(running) == places:
            turn += 1
            done = running.pop(done_first[turn % len(done_first)] % len(running))
            queue.settle(done, used[done.id])
        picked = queue.pick(MODEL)
        assert picked is not None
        running.append(picked)
        left[picked.tenant] -= 1
        got[picked.tenant] += used[picked.id]
        gap = max(gap, max(got.values()) - min(got.values()))
    return gap


@given(
    st.dictionaries(tenants, jobs_with_surprises, min_size=2),
    st.integers(min_value=1, max_value=4),
    st.lists(st.integers(min_value=0, max_value=3), min_size=1, max_size=7),
)
def test_measured_seconds_of_waiting_tenants_differ_by_a_job_a_place_at_most(
    work: dict[str, list[tuple[float, float]]], places: int, done_first: list[int]
) -> None:
    largest = max(max(job) for jobs in work.values() for job in jobs)
    assert measured_gap(FairQueue(), work, places, done_first) <= places * largest + 1e-6


def test_control_without_settling_wrong_expectations_add_up() -> None:
    modest, honest = [(1.0, 10.0)] * 40, [(1.0, 1.0)] * 40
    assert measured_gap(FairQueue(), {"a": modest, "b": honest}, 2, [0]) <= 20.0
    assert measured_gap(NeverSettled(), {"a": modest, "b": honest}, 2, [0]) > 300.0


@given(
    st.lists(st.lists(costs, min_size=30, max_size=40), min_size=2, max_size=2),
    st.integers(min_value=1, max_value=4),
    st.integers(min_value=0, max_value=10**6),
)
def test_replicas_that_count_by_themselves_are_apart_by_a_job_each_at_most(
    work: list[list[float]], replicas: int, salt: int
) -> None:
    queues, left = [FairQueue() for _ in range(replicas)], [dict.fromkeys("ab", 0) for _ in range(replicas)]
    for tenant, jobs in zip("ab", work, strict=True):
        for n, cost in enumerate(jobs):
            home = crc32(f"{salt} {tenant} {n}".encode()) % replicas  # partitions are shared out by film
            queues[home].add(ticket(tenant, cost=cost))
            left[home][tenant] += 1
    got, largest = dict.fromkeys("ab", 0.0), max(map(max, work))
    while all(all(counts.values()) for counts in left):  # both wait everywhere
        for queue, counts in zip(queues, left, strict=True):
            picked = queue.pick(MODEL)
            assert picked is not None
            got[picked.tenant] += picked.cost
            counts[picked.tenant] -= 1
        assert abs(got["a"] - got["b"]) <= replicas * largest + 1e-6


def test_a_job_taken_out_is_not_charged() -> None:
    queue = FairQueue()
    gone, kept = ticket("a"), ticket("b")
    queue.add(gone)
    queue.add(kept)
    assert queue.remove(gone)
    assert not queue.remove(gone)
    assert drained(queue) == [kept]


def test_a_place_kept_for_previews_goes_to_no_final() -> None:
    queue = FairQueue()
    final, still = ticket(tier=Tier.FINAL), ticket(tier=Tier.KEYFRAME)
    queue.add(final)
    queue.add(still)
    assert [queue.pick(MODEL, finals=False), queue.pick(MODEL, finals=False)] == [still, None]
    assert queue.waiting(Tier.FINAL) == 1
    assert queue.pick(MODEL) == final
