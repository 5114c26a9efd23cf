"""The ledger: what is remembered of a build key in the artifact store. Every entry is first writer wins."""

from storyreel_renderer.domain.ports import Store
from storyreel_renderer.domain.takes import Checkpoint, Lost, Taken, answer_key, checkpoint_key, take_key


class Ledger:
    """Takes, answers and checkpoints of all tenants; a tenant's keys hold its name, so none sees another's."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def answer(self, tenant: str, key: str, event_id: str) -> Taken | Lost | None:
        """What is known already: this request's failure, or the take of its build key."""
        lost = await self._store.recall(answer_key(tenant, event_id))
        if lost is not None:
            return Lost.model_validate_json(lost)
        taken = await self._store.recall(take_key(tenant, key))
        return None if taken is None else Taken.model_validate_json(taken)

    async def keep_take(self, tenant: str, key: str, take: Taken) -> Taken:
        """Remember the take; what comes back is the one that was first, and only that may be announced."""
        stored = await self._store.remember(take_key(tenant, key), take.model_dump_json().encode())
        return Taken.model_validate_json(stored)

    async def keep_failure(self, tenant: str, event_id: str, lost: Lost) -> Lost:
        """Remember how a request failed, so that it has one answer however often it is handled."""
        stored = await self._store.remember(answer_key(tenant, event_id), lost.model_dump_json().encode())
        return Lost.model_validate_json(stored)

    async def keep_checkpoint(self, tenant: str, path: str, checkpoint: Checkpoint) -> None:
        """Remember the state after a step of a trajectory."""
        await self._store.remember(checkpoint_key(tenant, path, checkpoint.step), checkpoint.pack())

    async def last_checkpoint(self, tenant: str, path: str, goal: int, every: int, draft: int) -> Checkpoint | None:
        """The furthest checkpoint up to step `goal`: one at a multiple of `every` (0: none), or the one that a draft left.

        It comes without its data. States are large, so the end is searched in leaps, then by halves; one that could not be
        kept may end the search early. A fresh trajectory costs one look, two where its draft may have left a state.
        """
        last = await self.checkpoint(tenant, path, draft) if draft else None
        first = draft // every + 1 if last and every else 1
        found, missing, look = first - 1, None, first
        while every and (missing is None or found + 1 < missing):
            state = await self.checkpoint(tenant, path, look * every) if look * every <= goal else None
            if state is None:
                missing = look
            else:
                found, last = look, state
            look = 2 * look - first + 2 if missing is None else (found + missing) // 2
        return last.without_data() if last else None

    async def checkpoint(self, tenant: str, path: str, step: int) -> Checkpoint | None:
        """The state after a step, if it is (still) there."""
        raw = await self._store.recall(checkpoint_key(tenant, path, step))
        return None if raw is None else Checkpoint.unpack(raw)
