"""The planner's performer: writes plans and claims outcomes. Called by the chassis with what `domain/director` asks for.

Both kinds of work are safe to repeat: what was stored first is what everyone reads.
"""

import logging
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter
from storyreel_chassis.artifacts import ArtifactStore
from storyreel_chassis.work import Context
from storyreel_contracts import FailureKind, FilmFailed, ModelCard, build_key
from storyreel_contracts.decisions import Task
from storyreel_contracts.ids import outcome_key
from storyreel_contracts.plan import Backend, Substitution

from storyreel_planner import metrics
from storyreel_planner.domain import template
from storyreel_planner.domain.composing import Written, compose
from storyreel_planner.domain.editing import edited, softened
from storyreel_planner.domain.ports import ScriptWriter, WriterUnavailable
from storyreel_planner.domain.rules import Rules
from storyreel_planner.domain.work import (
    ClaimOutcome,
    ClaimResult,
    PlanOutcome,
    PlanRecord,
    Refusal,
    Refused,
    WritePlan,
    refusal,
)

log = logging.getLogger(__name__)
FAILED = b"failed"
_DECIDED: TypeAdapter[PlanRecord | Refused] = TypeAdapter(PlanRecord | Refused)


@dataclass(frozen=True, kw_only=True)
class PlannerWork:
    """Performer. `writer` None: the template backend. `fallback`: the template may stand in for the writer."""

    store: ArtifactStore
    card: ModelCard
    rules: Rules
    writer: ScriptWriter | None = None
    fallback: bool = True

    async def perform(self, task: Task, context: Context) -> Any:  # noqa: ARG002 - the performer's signature
        """Do the work that the director asked for."""
        match task.work:
            case WritePlan() as work:
                return await self._plan(work)
            case ClaimOutcome() as work:
                return ClaimResult(failed=await self._claim(work))
            case other:
                raise TypeError(f"the planner does no work of type {type(other).__name__}")

    async def _plan(self, work: WritePlan) -> PlanOutcome:
        """The stored plan of this version and attempt, or that there is none; decided now if nothing is stored.

        A refusal takes the plan's place: of two planners at the same work, one may be answered by its model and the other
        not, and the version must not be claimed as failed while it goes on by the first one's plan.
        """
        key = f"keys/plans/{work.tenant_id}/{build_key('plan', [work.film_id, work.version, work.attempt])}"
        stored = await self.store.recall(key)
        if stored is None:
            stored = await self.store.remember(key, (await self._decide(work)).model_dump_json().encode())
        decided = _DECIDED.validate_json(stored)
        if isinstance(decided, Refused):
            return PlanOutcome(failed=await self._claim(_claim_for(work, decided.refused)))
        return PlanOutcome(record=decided)

    async def _decide(self, work: WritePlan) -> PlanRecord | Refused:
        try:
            return await self._write(work)
        except Refusal as no:
            return Refused(refused=no.failed)

    async def _write(self, work: WritePlan) -> PlanRecord:
        if work.edits and work.base:
            record = edited(work, work.base, self.rules)
        elif work.objections and work.base and self.writer is None:
            record = softened(work, work.base, self.rules)
        else:
            record = compose(work, await self._script(work), self.card, self.rules)
        _check_price(work, record)
        metrics.PLANS.labels(record.plan.backend.name).inc()
        return record

    async def _script(self, work: WritePlan) -> Written:
        if self.writer is None:
            return self._by_rules(work)
        try:
            return await self.writer.write(work, self.card)
        except WriterUnavailable as gone:
            if not self.fallback:
                reason, remedy = f"{self.writer.name}: {gone.reason}", "send the brief again later"
                raise refusal(work.version, gone.kind, reason, "brief", remedy) from gone
            log.warning("the template writes instead of %s: %s", self.writer.name, gone.reason)
            metrics.FALLBACKS.labels(gone.kind.value).inc()
            return self._by_rules(work, _stand_in(self.writer.name, gone))

    def _by_rules(self, work: WritePlan, *substitutions: Substitution) -> Written:
        script = template.write_script(work.brief, self.card)
        return Written(script, Backend(name=template.NAME), substitutions)

    async def _claim(self, work: ClaimOutcome) -> FilmFailed | None:
        """The fact to publish, if this room may end the version. Claimed before in its name: the same fact again."""
        if await self.store.remember(outcome_key(work.film_id, work.version), FAILED) != FAILED:
            return None
        kept = f"keys/failures/{work.tenant_id}/{build_key('failure', [work.film_id, work.version])}"
        stored = await self.store.remember(kept, work.failed.model_dump_json().encode())
        return FilmFailed.model_validate_json(stored)


def _claim_for(work: WritePlan, failed: FilmFailed) -> ClaimOutcome:
    spent = failed.model_copy(update={"spent_micros": work.spent_micros})
    return ClaimOutcome(film_id=work.film_id, tenant_id=work.tenant_id, version=work.version, failed=spent)


def _check_price(work: WritePlan, record: PlanRecord) -> None:
    """A film that cannot be paid for ends before anything is spent. A dry run only wants to know the price."""
    price, free = record.plan.estimate.price_micros, work.brief.budget.micros - work.spent_micros
    if price > free and not work.dry_run:
        reason = f"the film costs about {price} micro-dollars, {max(0, free)} of the budget are left"
        remedy = "raise the budget, shorten the film or ask for a preview"
        raise refusal(work.version, FailureKind.BUDGET_EXHAUSTED, reason, "budget.amount", remedy)


def _stand_in(name: str, gone: WriterUnavailable) -> Substitution:
    return Substitution(field="backend", wanted=name, chosen=template.NAME, reason=f"{gone.kind}: {gone.reason}"[:500])
