"""Writing facts that only one may write: keep what is meant, claim, publish. A crash in between is mended by any replica."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from storyreel_contracts import Event, Model, decode, encode
from storyreel_contracts.ids import outcome_key

from storyreel_gateway import metrics
from storyreel_gateway.domain.ports import Clock, Intents, Publisher, Store

log = logging.getLogger(__name__)
_RIPE = timedelta(seconds=20)  # longer than a request lasts: younger intents are still being worked on
_MEND_EVERY_S = 10.0


class Claim(Model):
    """A key of the artifact store that one value wins for ever."""

    key: str
    value: str


class _Record(Model):
    headers: dict[str, str]
    value: str


class _Intent(Model):
    claim: Claim
    at: datetime
    records: list[_Record]


def cancellation(film_id: str, version: int) -> Claim:
    """The claim of whoever wants to end a version without a film."""
    return Claim(key=outcome_key(film_id, version), value="cancelled")


@dataclass(frozen=True)
class Claims:
    """Claims on behalf of people who cancel, edit or decide."""

    store: Store
    intents: Intents
    publisher: Publisher
    clock: Clock

    async def write(self, claim: Claim, facts: Sequence[Event]) -> str:
        """Claim, and write the facts if that won. Returns '' if won, else the value of whoever was first."""
        await self.intents.put(claim.key, self._intent(claim, facts))
        truth = (await self.store.remember(claim.key, claim.value.encode())).decode(errors="replace")
        won = truth == claim.value
        metrics.CLAIMS.labels("won" if won else "lost").inc()
        if won:
            await self.publisher.publish(*facts)
        await self.intents.drop(claim.key)
        return "" if won else truth

    async def mend(self) -> int:
        """Write the facts of claims that were won by someone who did not live to write them. Returns how many."""
        mended = 0
        for name, text in (await self.intents.all()).items():
            intent = _Intent.model_validate_json(text)
            if self.clock.now() - intent.at >= _RIPE:
                mended += await self._mend(name, intent)
        return mended

    async def run(self) -> None:
        """Mend for ever."""
        while True:
            await self.clock.sleep(_MEND_EVERY_S)
            try:
                await self.mend()
            except Exception:
                log.exception("intents could not be mended; trying again in %.0f s", _MEND_EVERY_S)

    async def _mend(self, name: str, intent: _Intent) -> int:
        won = await self.store.recall(intent.claim.key) == intent.claim.value.encode()
        if won:
            facts = [decode([(k, v.encode()) for k, v in r.headers.items()], r.value.encode()) for r in intent.records]
            await self.publisher.publish(*facts)
            metrics.MENDED.inc()
        await self.intents.drop(name)
        return int(won)

    def _intent(self, claim: Claim, facts: Sequence[Event]) -> str:
        records = [_Record(headers=headers, value=value.decode()) for headers, value in map(encode, facts)]
        return _Intent(claim=claim, at=self.clock.now(), records=records).model_dump_json()
