"""The room as a whole on twins: three outcomes, reviews and their due time, order, repetition, and failing closed."""

from datetime import timedelta
from typing import Any

import pytest
from safety_fakes import FakeChecks, a_brief, a_cut, a_plan, a_request, a_take
from storyreel_chassis.artifacts import MemoryArtifactStore
from storyreel_chassis.errors import Transient
from storyreel_chassis.testing import FakeClock, RoomHarness, an_event
from storyreel_contracts import Event, FilmCancelled, FilmFailed, Finding, PolicyRef, ReviewDecided, ShotProgressed, Tier
from storyreel_safety.adapters.policies import FilePolicies
from storyreel_safety.app import build_room
from storyreel_safety.domain.ports import Sighted
from storyreel_safety.domain.screening import Subject
from storyreel_safety.domain.verdicts import cleared

FLASH = Sighted(rule="flash", seconds=1.25, score=5.0, threshold=3.0, detail="flashes in one second", picture=b"jpeg")


class House:
    """The room with its twins."""

    def __init__(self, policies: FilePolicies, checks: FakeChecks | None = None) -> None:
        self.store, self.checks = MemoryArtifactStore(), checks or FakeChecks()
        self.harness = RoomHarness(build_room(policies, self.checks, self.store, attempts=3), FakeClock())

    async def take(self, **changes: Any) -> Event:
        """A take whose bytes are in the store."""
        return an_event(a_take(await self.store.put(b"film", "video/mp4"), **changes))

    async def types(self, *events: Event) -> list[str]:
        return [e.envelope.type for e in await self.harness.give(*events)]


@pytest.fixture
def house(policies: FilePolicies) -> House:
    return House(policies)


REQUEST = an_event(a_request())
ELECTION = an_event(a_request(a_brief(prompt="Election night in a small town")))


async def test_clean_brief_plan_take_and_cut_are_cleared_with_the_policy_in_force(house: House) -> None:
    cut = an_event(a_cut(await house.store.put(b"cut", "video/mp4")))
    said = await house.harness.give(REQUEST, an_event(a_plan()), await house.take(), cut)
    assert [e.envelope.type for e in said] == ["brief.cleared.v1", "plan.cleared.v1", "shot.cleared.v1", "film.cleared.v1"]
    assert {e.data.policy.id for e in said} == {"default"}
    assert len({e.data.policy.version for e in said}) == 1
    assert said[0].envelope.cause_id == REQUEST.event_id


async def test_a_block_names_cause_place_and_a_way_out(house: House) -> None:
    brief = a_brief(captions=["Fresh", "pure c0caine rush"])
    (said,) = await house.harness.give(an_event(a_request(brief)))
    assert said.envelope.type == "brief.blocked.v1"
    assert [(f.rule, f.where) for f in said.data.findings] == [("drugs", "storyboard[1].caption")]
    assert [(r.action, r.field) for r in said.data.remedies] == [("rewrite", "storyboard[1].caption")]


async def test_an_edited_caption_is_screened_with_the_plan_of_its_version(house: House) -> None:
    edited = an_event(a_plan(version=2, captions=["Fresh", "heil hitler"]))
    assert await house.types(REQUEST, edited) == ["brief.cleared.v1", "plan.blocked.v1"]


async def test_what_the_negative_prompt_names_is_not_held_against_the_plan(house: House) -> None:
    assert await house.types(REQUEST, an_event(a_plan(negative="gore, nudity, porn"))) == [
        "brief.cleared.v1",
        "plan.cleared.v1",
    ]


async def test_facts_that_come_before_the_brief_wait_for_it(house: House) -> None:
    early = [await house.take(), an_event(a_plan())]
    assert await house.types(*early) == []
    assert sorted(await house.types(REQUEST)) == ["brief.cleared.v1", "plan.cleared.v1", "shot.cleared.v1"]


async def test_the_same_event_twice_says_the_same_once(house: House) -> None:
    assert await house.types(REQUEST, REQUEST) == ["brief.cleared.v1"]


async def test_the_same_take_in_another_event_is_answered_again_but_looked_at_once(house: House) -> None:
    await house.harness.give(REQUEST)
    again = await house.take(attempt=2)
    assert await house.types(await house.take(), again) == ["shot.cleared.v1", "shot.cleared.v1"]
    assert house.checks.asked == 2, "words of the brief, and the take once"


async def test_a_flashing_take_is_blocked_with_number_limit_and_picture(policies: FilePolicies) -> None:
    house = House(policies, FakeChecks([FLASH]))
    *_, said = await house.harness.give(REQUEST, await house.take())
    (finding,) = said.data.findings
    assert (said.envelope.type, finding.rule, finding.where) == ("shot.blocked.v1", "flash", "s01@1.25s")
    assert (finding.score, finding.threshold) == (5.0, 3.0)
    assert await house.store.get(finding.evidence) == b"jpeg"
    assert (said.data.shot_id, said.data.tier, said.data.remedies[0].action) == ("s01", Tier.PREVIEW, "new_seed")


async def test_politics_asks_a_person_and_a_yes_clears(house: House) -> None:
    (asked,) = await house.harness.give(ELECTION)
    assert asked.envelope.type == "review.requested.v1"
    assert asked.data.due_at == ELECTION.envelope.occurred_at + timedelta(days=1)
    answer = ReviewDecided(version=1, review_id=asked.data.review_id, decision="approve", reviewer="ana")
    (said,) = await house.harness.give(an_event(answer))
    assert (said.envelope.type, said.data.reviewed_by) == ("brief.cleared.v1", "ana")
    assert {f.severity for f in said.data.findings} == {"note"}


async def test_a_no_blocks_with_the_reviewer_and_a_remedy(house: House) -> None:
    (asked,) = await house.harness.give(ELECTION)
    answer = ReviewDecided(version=1, review_id=asked.data.review_id, decision="reject", reviewer="ana")
    (said,) = await house.harness.give(an_event(answer))
    assert (said.envelope.type, said.data.reviewed_by) == ("brief.blocked.v1", "ana")
    assert said.data.remedies


async def test_an_unanswered_review_blocks_at_its_due_time_and_not_before(house: House) -> None:
    await house.harness.give(ELECTION)
    house.harness.clock.advance(86_399)
    assert await house.harness.ring() == []
    house.harness.clock.advance(2)
    (said,) = await house.harness.ring()
    assert said.envelope.type == "brief.blocked.v1"
    assert "review-overdue" in {f.rule for f in said.data.findings}


async def test_a_late_yes_after_the_due_time_changes_nothing(house: House) -> None:
    (asked,) = await house.harness.give(ELECTION)
    house.harness.clock.advance(86_401)
    await house.harness.ring()
    late = ReviewDecided(version=1, review_id=asked.data.review_id, decision="approve", reviewer="ana")
    assert await house.types(an_event(late)) == []


async def test_an_answer_that_overtakes_its_question_waits_for_it(house: House, policies: FilePolicies) -> None:
    (asked,) = await House(policies).harness.give(ELECTION)
    answer = ReviewDecided(version=1, review_id=asked.data.review_id, decision="approve", reviewer="ana")
    assert await house.types(an_event(answer)) == []
    assert await house.types(ELECTION) == ["review.requested.v1", "brief.cleared.v1"]


async def test_an_unknown_answer_is_no_yes(house: House) -> None:
    (asked,) = await house.harness.give(ELECTION)
    answer = ReviewDecided(version=1, review_id=asked.data.review_id, decision="perhaps", reviewer="ana")
    assert await house.types(an_event(answer)) == []


async def test_what_a_reviewer_allowed_is_not_asked_again_in_the_plan_but_anything_else_is(house: House) -> None:
    (asked,) = await house.harness.give(ELECTION)
    answer = ReviewDecided(version=1, review_id=asked.data.review_id, decision="approve", reviewer="ana")
    await house.harness.give(an_event(answer))
    same = an_event(a_plan(prompts=["Election night in a small town, warm light", "calm sea"]))
    (said,) = await house.harness.give(same)
    assert (said.envelope.type, said.data.reviewed_by) == ("plan.cleared.v1", "ana")
    other = an_event(a_plan(prompts=["Election night in a small town", "the president waves"], sha="b" * 64))
    assert await house.types(other) == ["review.requested.v1"]


async def test_a_late_yes_to_an_outdated_plan_does_not_clear_the_new_one(house: House) -> None:
    await house.harness.give(REQUEST)
    (asked,) = await house.harness.give(an_event(a_plan(prompts=["the president waves", "x"])))
    (again,) = await house.harness.give(an_event(a_plan(prompts=["a senator waves", "x"], sha="b" * 64)))
    answer = ReviewDecided(version=1, review_id=asked.data.review_id, decision="approve", reviewer="ana")
    assert await house.types(an_event(answer)) == []
    valid = answer.model_copy(update={"review_id": again.data.review_id})
    assert await house.types(an_event(valid)) == ["plan.cleared.v1"]


async def test_a_version_that_ended_gets_no_more_verdicts_but_the_next_one_does(house: House) -> None:
    end = FilmCancelled(version=1, reason="superseded", requested_by="bo", superseded_by=2)
    assert await house.types(an_event(end), REQUEST, await house.take()) == []
    assert await house.types(an_event(a_plan(version=2))) == ["plan.cleared.v1"]


async def test_the_end_of_a_version_closes_its_reviews(house: House) -> None:
    await house.harness.give(ELECTION, an_event(FilmFailed(version=1, kind="deadline_passed", reason="late")))
    house.harness.clock.advance(100_000)
    assert await house.harness.ring() == []


async def test_facts_of_others_are_ignored(house: House) -> None:
    progress = ShotProgressed(version=1, shot_id="s01", tier="preview", attempt=1, step=1, steps=4)
    assert await house.types(an_event(progress)) == []


async def test_a_failing_check_is_tried_again_and_clears_when_it_works(policies: FilePolicies) -> None:
    house = House(policies, FakeChecks(failures=2))
    for attempt in (1, 2):
        with pytest.raises(ExceptionGroup) as caught:
            await house.harness.runtime.handle(REQUEST, attempt)
        assert isinstance(caught.value.exceptions[0], Transient)
    await house.harness.runtime.handle(REQUEST, 3)
    assert [e.envelope.type for e in house.harness.publisher.events] == ["brief.cleared.v1"]


async def test_a_check_that_never_works_blocks_in_the_end_and_never_clears(policies: FilePolicies) -> None:
    house = House(policies, FakeChecks(failures=99))
    await house.harness.runtime.handle(REQUEST, 3)
    (said,) = house.harness.publisher.events
    assert said.envelope.type == "brief.blocked.v1"
    assert [f.rule for f in said.data.findings] == ["check-unavailable"]
    assert [r.action for r in said.data.remedies] == ["human_review"]


async def test_a_block_for_want_of_a_check_is_not_remembered_as_a_judgement(policies: FilePolicies) -> None:
    house = House(policies, FakeChecks(failures=1))
    await house.harness.runtime.handle(REQUEST, 3)
    again = an_event(a_request(), name="asked again")
    await house.harness.runtime.handle(again, 1)
    assert [e.envelope.type for e in house.harness.publisher.events] == ["brief.blocked.v1", "brief.cleared.v1"]


async def test_missing_bytes_and_a_missing_policy_block_too(house: House, policies: FilePolicies) -> None:
    lost = a_take(await MemoryArtifactStore().put(b"elsewhere", "video/mp4"))
    await house.harness.give(REQUEST)
    await house.harness.runtime.handle(an_event(lost), 3)
    assert house.harness.publisher.events[-1].envelope.type == "shot.blocked.v1"
    (said,) = await House(policies).harness.give(an_event(a_request(policy="nobody-wrote-this")))
    assert [f.rule for f in said.data.findings] == ["policy-missing"]


async def test_tenants_do_not_share_remembered_screenings(house: House) -> None:
    await house.harness.give(REQUEST, an_event(a_request(), film_id="other", tenant="globex"))
    assert house.checks.asked == 2


def test_the_guard_itself_refuses_to_clear_against_a_finding() -> None:
    """Negative control: were the outcome ignored, this is where a pass would be made, and it cannot be."""
    against = Finding(rule="flash", category="x", severity="from-the-future", where="s01", explanation="?")
    with pytest.raises(ValueError, match="may not be cleared"):
        cleared(Subject(kind="brief", version=1), PolicyRef(id="default", version="x"), [against])
