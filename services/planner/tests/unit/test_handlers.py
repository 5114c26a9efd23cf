"""The performer: plans are stored first and read by everyone, outcomes are claimed, fallbacks are stated."""

from dataclasses import dataclass
from typing import Any

import pytest
from planner_fakes import CARD, FILM, RULES, TENANT, a_brief, a_budget, a_storyboard, work_for
from pydantic import BaseModel
from storyreel_chassis.artifacts import MemoryArtifactStore
from storyreel_contracts import Camera, FailureKind, FilmFailed, ModelCard
from storyreel_contracts.decisions import Task
from storyreel_contracts.films import ShotEdit
from storyreel_contracts.ids import outcome_key
from storyreel_contracts.plan import Backend
from storyreel_planner.domain.composing import Written
from storyreel_planner.domain.ports import ScriptWriter, WriterUnavailable
from storyreel_planner.domain.template import write_script
from storyreel_planner.domain.work import ClaimOutcome, ClaimResult, PlanOutcome, WritePlan
from storyreel_planner.handlers import PlannerWork

FAILED = FilmFailed(version=1, kind=FailureKind.DEADLINE_PASSED, reason="late")


@dataclass
class Writer:
    """A writer that gives a script or is gone."""

    gone: WriterUnavailable | None = None
    asked: int = 0
    name: str = "openai writer-1"

    async def write(self, work: WritePlan, card: ModelCard) -> Written:
        self.asked += 1
        if self.gone:
            raise self.gone
        script = write_script(work.brief, card)
        return Written(script.model_copy(update={"title": f"Draft {self.asked}"}), Backend(name="openai", model="writer-1"))


def a_performer(store: MemoryArtifactStore, writer: ScriptWriter | None = None, *, fallback: bool = True) -> PlannerWork:
    return PlannerWork(store=store, card=CARD, rules=RULES, writer=writer, fallback=fallback)


async def perform(performer: PlannerWork, work: BaseModel) -> Any:
    context: Any = None
    return await performer.perform(Task(key="k", work=work), context)


async def test_a_plan_is_written_once_and_then_read() -> None:
    store, writer = MemoryArtifactStore(), Writer()
    first = await perform(a_performer(store, writer), work_for(a_brief()))
    again = await perform(a_performer(store, writer), work_for(a_brief()))
    assert isinstance(first, PlanOutcome)
    assert first == again
    assert writer.asked == 1


async def test_two_planners_that_write_at_once_agree_on_the_first() -> None:
    class Raced(MemoryArtifactStore):
        async def recall(self, key: str) -> bytes | None:
            return None

    store, writer = Raced(), Writer()
    first = await perform(a_performer(store, writer), work_for(a_brief()))
    second = await perform(a_performer(store, writer), work_for(a_brief()))
    assert writer.asked == 2
    assert first.record.plan.title == second.record.plan.title == "Draft 1"


async def test_a_new_model_in_mid_film_changes_no_plan_that_was_stored() -> None:
    store = MemoryArtifactStore()
    first = await perform(a_performer(store), work_for(a_brief()))
    newer = PlannerWork(store=store, card=CARD.model_copy(update={"version": "new"}), rules=RULES)
    assert await perform(newer, work_for(a_brief())) == first


async def test_the_templates_fallback_is_stated_with_its_reason() -> None:
    writer = Writer(gone=WriterUnavailable(FailureKind.TIMEOUT, "no answer within 60 s"))
    outcome = await perform(a_performer(MemoryArtifactStore(), writer), work_for(a_brief()))
    assert outcome.record.plan.backend.name == "template"
    (stated,) = outcome.record.plan.substitutions
    assert (stated.field, stated.wanted, stated.chosen) == ("backend", "openai writer-1", "template")
    assert stated.reason == "timeout: no answer within 60 s"


async def test_a_fallback_stays_even_when_the_model_is_back() -> None:
    store, writer = MemoryArtifactStore(), Writer(gone=WriterUnavailable(FailureKind.TIMEOUT, "away"))
    first = await perform(a_performer(store, writer), work_for(a_brief()))
    assert await perform(a_performer(store, Writer()), work_for(a_brief())) == first


async def test_without_the_fallback_the_film_fails_by_claim() -> None:
    store, writer = MemoryArtifactStore(), Writer(gone=WriterUnavailable(FailureKind.TIMEOUT, "away"))
    outcome = await perform(a_performer(store, writer, fallback=False), work_for(a_brief(), spent_micros=7))
    assert outcome.record is None
    assert (outcome.failed.kind, outcome.failed.spent_micros) == (FailureKind.TIMEOUT, 7)
    assert store.objects[outcome_key(FILM, 1)] == b"failed"


@pytest.mark.parametrize("first_answered", [True, False])
async def test_of_two_planners_of_whom_one_gets_no_answer_both_do_what_was_decided_first(first_answered: bool) -> None:
    """Seed 87 of the simulation: a version went on by the one's plan and was claimed as failed by the other."""

    class Raced(MemoryArtifactStore):
        async def recall(self, key: str) -> bytes | None:
            return None

    store, gone = Raced(), Writer(gone=WriterUnavailable(FailureKind.TIMEOUT, "away"))
    writers = [Writer(), gone] if first_answered else [gone, Writer()]
    first, second = [await perform(a_performer(store, w, fallback=False), work_for(a_brief())) for w in writers]
    assert first == second
    assert (first.failed is None) == first_answered
    assert (outcome_key(FILM, 1) in store.objects) != first_answered


async def test_a_film_that_cannot_be_paid_for_ends_before_anything_is_spent() -> None:
    outcome = await perform(a_performer(MemoryArtifactStore()), work_for(a_brief(budget=a_budget("0.001"))))
    assert outcome.failed.kind is FailureKind.BUDGET_EXHAUSTED
    assert outcome.failed.problems[0].field == "budget.amount"


async def test_a_dry_run_is_told_its_price_whatever_the_budget() -> None:
    work = work_for(a_brief(budget=a_budget("0.001")), dry_run=True)
    outcome = await perform(a_performer(MemoryArtifactStore()), work)
    assert outcome.record.plan.estimate.price_micros > 1_000


async def test_an_edit_changes_what_it_names_and_nothing_else() -> None:
    performer = a_performer(MemoryArtifactStore())
    base = (await perform(performer, work_for(a_brief()))).record
    work = work_for(
        a_brief(), version=2, base=base, edits=[ShotEdit(shot_id="s02", prompt="a green shoe", camera=Camera.TRACK)]
    )
    after = (await perform(performer, work)).record.plan
    assert [s for s in after.shots if s.shot_id != "s02"] == [s for s in base.plan.shots if s.shot_id != "s02"]
    assert after.shots[1].prompt.startswith("A green shoe.")
    assert "camera tracks" in after.shots[1].prompt.lower()


async def test_a_camera_edit_swaps_the_move_and_keeps_the_words() -> None:
    performer = a_performer(MemoryArtifactStore())
    base = (await perform(performer, work_for(a_brief(storyboard=a_storyboard(3))))).record
    work = work_for(a_brief(), version=2, base=base, edits=[ShotEdit(shot_id="s01", camera=Camera.PAN_LEFT)])
    old, new = base.plan.shots[0].prompt, (await perform(performer, work)).record.plan.shots[0].prompt
    assert new == old.replace("Locked-off static camera", "Camera pans slowly to the left")
    assert new != old


async def test_who_claims_first_ends_the_film_and_says_the_same_when_asked_again() -> None:
    store = MemoryArtifactStore()
    performer = a_performer(store)
    claim = ClaimOutcome(film_id=FILM, tenant_id=TENANT, version=1, failed=FAILED)
    other = claim.model_copy(update={"failed": FAILED.model_copy(update={"reason": "another reason, after a replay"})})
    assert await perform(performer, claim) == ClaimResult(failed=FAILED)
    assert await perform(performer, other) == ClaimResult(failed=FAILED)


async def test_a_lost_claim_gives_no_fact() -> None:
    store = MemoryArtifactStore()
    await store.remember(outcome_key(FILM, 1), b"published")
    claim = ClaimOutcome(film_id=FILM, tenant_id=TENANT, version=1, failed=FAILED)
    assert await perform(a_performer(store), claim) == ClaimResult(failed=None)


async def test_work_of_another_room_is_refused_by_name() -> None:
    with pytest.raises(TypeError, match="FilmFailed"):
        await perform(a_performer(MemoryArtifactStore()), FAILED)
