"""Members that join, leave, die or freeze under load: nothing is lost, nothing committed past, late effects are refused."""

import asyncio
from typing import Any

import pytest
from field import OUT, Field, Member, committed, read, records, until
from judge import went_back

pytestmark = [pytest.mark.connected, pytest.mark.slow]
_PAST_THE_SESSION_S = 14.0  # the chassis' sessions last ten


@pytest.mark.parametrize("static", [False, True])
async def test_two_to_five_members_join_leave_and_die_under_load(field: Field, static: bool) -> None:
    def named(number: int) -> dict[str, str]:
        return {"instance": f"{field.name}-{number}"} if static else {}

    first, second = (field.join(**named(n)) for n in range(2))
    await until(field.settled)
    load = asyncio.create_task(field.write(2400, 40))
    third, _, _ = (field.join(**named(n)) for n in range(2, 5))
    await until(field.settled)
    await asyncio.sleep(3)
    second.kill()
    await asyncio.sleep(3)
    field.join(**named(1))
    await asyncio.sleep(12)
    await first.leave()
    await third.leave()
    await load
    assert (await field.verdict(90, f"two to five members, static={static}")).good
    assert await field.miscounted() == {}


@pytest.mark.parametrize("static", [False, True])
async def test_a_member_that_restarts_at_once_is_back_at_its_work(field: Field, static: bool) -> None:
    """The figure of interest is how long the others stand still; see the README."""
    members = [field.join(**({"instance": f"{field.name}-{n}"} if static else {})) for n in range(3)]
    await until(field.settled)
    before, load = field.rebalances(), asyncio.create_task(field.write(900, 40))
    for number in range(2):
        await asyncio.sleep(4)
        await members[number].leave()
        field.join(**({"instance": f"{field.name}-{number}"} if static else {}))
    await load
    assert (await field.verdict(90, f"two of three restarted, static={static}, {before} assignments before")).good
    assert await field.miscounted() == {}


@pytest.mark.parametrize("without", ["", "fold version"])
async def test_what_a_frozen_member_saves_late_is_refused(field: Field, without: str) -> None:
    frozen = field.join(publish_s=0.4, without=without)
    await until(field.settled)
    load = asyncio.create_task(field.write(700, 25))
    await until(lambda: len(frozen.journal("published")) > 40)
    frozen.freeze(frozen=True)
    field.join(without=without)
    await asyncio.sleep(_PAST_THE_SESSION_S)
    frozen.freeze(frozen=False)
    await load
    verdict, wrong = await field.verdict(60, f"frozen, without {without or 'nothing'}"), await field.miscounted()
    print(f"  {len(frozen.journal('stale save'))} stale saves refused, {len(wrong)} of {field.films} folds wrong")
    assert not verdict.two_ids
    if without:
        assert wrong, "without the version a late save forgets what was done meanwhile"
    else:
        assert frozen.journal("stale save")
        assert wrong == {}
        assert verdict.good


@pytest.mark.parametrize("without", ["", "leases"])
async def test_work_is_paid_for_by_one_member_at_a_time_even_when_its_owner_freezes(field: Field, without: str) -> None:
    """A member freezes in the middle of paid work; when it thaws its token is old, and what it paid for is another's."""
    frozen = field.join(work_s=1.5, without=without)
    await until(field.settled)
    load = asyncio.create_task(field.write(60, 6))
    await until(lambda: len(frozen.journal("began")) > 10)
    frozen.freeze(frozen=True)
    other = field.join(work_s=1.5, without=without)
    await asyncio.sleep(_PAST_THE_SESSION_S)
    frozen.freeze(frozen=False)
    await load
    verdict = await field.verdict(60, f"paid work, without {without or 'nothing'}")
    paid = [line["job"] for member in (frozen, other) for line in member.journal("paid")]
    print(f"  {len(frozen.journal('refused'))} late results refused, {len(paid) - len(set(paid))} jobs paid twice")
    assert verdict.good
    if without:
        assert len(paid) > len(set(paid)), "without the lease both pay"
    else:
        assert frozen.journal("refused")
        assert len(paid) == len(set(paid))


@pytest.mark.parametrize("without", ["", "done marks"])
async def test_no_commit_passes_unfinished_work(field: Field, without: str) -> None:
    """All members are killed in the middle of work: whatever lies before the group's commits has been answered."""
    members = [field.join(work_s=0.5, without=without) for _ in range(2)]
    await until(field.settled)
    load = asyncio.create_task(field.write(300, 30))
    await until(lambda: all(len(m.journal("paid")) > 15 for m in members))
    for member in members:
        member.kill()
    past = await _committed_past(field)
    await load
    field.join(work_s=0.05)
    verdict = await field.verdict(20 if without else 60, f"all killed, without {without or 'nothing'}")
    print(f"  {len(past)} takes committed past")
    if without:
        assert past
        assert set(verdict.lost) == set(past)
    else:
        assert past == []
        assert verdict.good
        assert await field.miscounted() == {}


async def _committed_past(field: Field) -> list[str]:
    """Takes that lie before the group's commits and have no answer."""
    marks = {(tp.topic, tp.partition): offset for tp, offset in (await committed(field.servers, field.name)).items()}
    answered = {answer.cause for answer in await read(field.servers, OUT)}
    taken: list[Any] = [r async for r in records(field.servers, field.topic)]
    before = [r for r in taken if r.offset < marks.get((r.topic, r.partition), 0)]
    ids = [dict(r.headers)["ce_id"].decode() for r in before]
    assert ids, "something had been committed"
    return [take for take in ids if take not in answered]


async def _freeze_between_commits(member: Member) -> None:
    """Else its last commit is known to the broker and not to the fold store, and is read again from there: that is meant."""
    for _ in range(50):
        member.freeze(frozen=True)
        last = [line["what"] for line in member.journal() if line["what"].startswith("commit")][-1]
        if last == "commit ends":
            return
        member.freeze(frozen=False)
        await asyncio.sleep(0.05)
    raise AssertionError("it never was between two commits")


async def test_commits_of_a_member_that_was_frozen_past_its_session_never_go_back(field: Field) -> None:
    frozen = field.join(publish_s=0.2)
    await until(field.settled)
    load = asyncio.create_task(field.write(600, 25))
    await until(lambda: len(frozen.journal("published")) > 30)
    await _freeze_between_commits(frozen)
    other: Member = field.join()
    await until(lambda: bool(other.journal("assigned")), 40)
    seen: list[dict[Any, int]] = []
    for n in range(12):
        if n == 3:
            frozen.freeze(frozen=False)
        seen.append(await committed(field.servers, field.name))
        await asyncio.sleep(0.5)
    await load
    assert went_back(seen) == []
    assert (await field.verdict(60, "commits of a frozen member")).good
