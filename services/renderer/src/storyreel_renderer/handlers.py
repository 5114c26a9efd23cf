"""The renderer's performer: translates the chassis' tasks into orders and stops. Built by `app`, called by the chassis."""

from typing import Any

from storyreel_chassis.work import Context
from storyreel_contracts.decisions import Task
from storyreel_contracts.ids import outcome_key

from storyreel_renderer.domain.decisions import RendererState, RenderShot, StopVersion
from storyreel_renderer.domain.ports import Store
from storyreel_renderer.workflows.bringing import Takes
from storyreel_renderer.workflows.order import Order, Talk
from storyreel_renderer.workflows.watch import Floor


class RendererPerformer:
    """One short method per kind of work."""

    def __init__(self, takes: Takes, floor: Floor, store: Store) -> None:
        self._takes, self._floor, self._store = takes, floor, store

    async def perform(self, task: Task, context: Context) -> Any:
        """Outcome of the task, for `RendererDecider.absorb`."""
        match task.work:
            case RenderShot() as work:
                return await self._render(work, context)
            case StopVersion() as work:
                return self._floor.stop(work.film_id, work.version)
            case work:
                raise TypeError(f"the renderer has no way to do {type(work).__name__}")

    async def _render(self, work: RenderShot, context: Context) -> Any:
        async def ended() -> bool:
            state: RendererState = await context.state()
            # The claim of the outcome is older than the fact about it, and covers every way in which a version ends.
            claim = outcome_key(work.film_id, work.request.version)
            return work.request.version in state.ended or await self._store.recall(claim) is not None

        return await self._takes.bring(Order(work=work, talk=Talk(say=context.say, ended=ended)))
