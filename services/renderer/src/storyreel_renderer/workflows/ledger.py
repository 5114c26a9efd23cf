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

    async def keep_checkpoint(self, tenant: str, key: str, checkpoint: Checkpoint) -> None:
        """Remember the state after a step."""
        await self._store.remember(checkpoint_key(tenant, key, checkpoint.step), checkpoint.pack())

    async def last_checkpoint(self, tenant: str, key: str, steps: range) -> Checkpoint | None:
        """The furthest checkpoint at `steps` (ascending); a fresh build key costs one look."""
        last = None
        for step in steps:
            raw = await self._store.recall(checkpoint_key(tenant, key, step))
            if raw is None:
                break
            last = raw
        return None if last is None else Checkpoint.unpack(last)
