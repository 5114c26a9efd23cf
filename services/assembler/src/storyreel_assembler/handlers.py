"""From tasks to outcomes: each job goes to its port, and what went wrong gets its kind and its fate."""

import logging
from dataclasses import dataclass

from storyreel_chassis.errors import Permanent, WorkError
from storyreel_chassis.work import Context
from storyreel_contracts import FailureKind
from storyreel_contracts.decisions import Task
from storyreel_contracts.topics import RETRY_DELAYS_S

from storyreel_assembler import metrics
from storyreel_assembler.domain.decider import State
from storyreel_assembler.domain.film import Unbuildable
from storyreel_assembler.domain.ports import CuttingRoom, Press
from storyreel_assembler.domain.work import Assemble, Dropped, Failed, Outcome, Publish

log = logging.getLogger(__name__)
LAST_ATTEMPT = len(RETRY_DELAYS_S) + 1


@dataclass(frozen=True)
class Jobs:
    """The room's performer."""

    room: CuttingRoom
    press: Press

    async def perform(self, task: Task, context: Context) -> Outcome:
        """Do a job. What fails for good, or for the last time, is an outcome too: the planner must hear of it."""
        work = task.work
        if not isinstance(work, Assemble | Publish):
            raise Permanent(FailureKind.CONTRACT_VIOLATION, f"{task.key}: this room has no such job")
        try:
            outcome = await self._do(work, context)
        except Unbuildable as error:
            outcome = Failed(kind=FailureKind.INVALID_INPUT, reason=str(error))
        except Exception as error:
            if context.attempt < LAST_ATTEMPT and not isinstance(error, Permanent):
                raise
            log.exception("%s failed for good", task.key)
            outcome = _given_up(error)
        log.info("%s: %s", task.key, type(outcome).__name__.lower())
        metrics.FILMS.labels(work.kind, type(outcome).__name__.lower()).inc()
        return outcome

    async def _do(self, work: Assemble | Publish, context: Context) -> Outcome:
        if isinstance(work, Publish):
            return await self.press.publish(work)

        async def wanted() -> bool:
            state: State = await context.state()
            return not state.version(work.cut.version).ended

        if not await wanted():
            return Dropped(reason="the version ended before its cut began")
        return await self.room.cut(work, wanted)


def _given_up(error: Exception) -> Failed:
    kind = error.kind if isinstance(error, WorkError) else FailureKind.INTERNAL
    reason = error.reason if isinstance(error, WorkError) else f"{type(error).__name__}: {error}"
    return Failed(kind=kind, reason=reason)
