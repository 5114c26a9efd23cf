"""What becomes of a record: handled, skipped, parked in a retry topic, or written to the dead letters byte-exact.

Whatever happens, the record is done afterwards; if even that cannot be written, the record stays taken and is tried again.
"""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain, repeat

from storyreel_contracts import FACTS, ContractError, Event, FailureKind, decode
from storyreel_contracts.envelope import type_of
from storyreel_contracts.topics import RETRY_DELAYS_S, dead_letters_of, retries_of

from storyreel_chassis import logs, metrics
from storyreel_chassis.errors import Permanent, Transient, Unavailable, WorkError
from storyreel_chassis.folds import Loaded, TimerKey
from storyreel_chassis.runtime import Runtime
from storyreel_chassis.work import Record

log = logging.getLogger(__name__)
_BACKOFF_S = (0.2, 0.5, 1.0, 2.0, 5.0)


@dataclass(frozen=True)
class Delivery:
    """Brings records to a room's runtime and deals with what goes wrong."""

    runtime: Runtime

    async def deliver(self, record: Record) -> None:
        """Bring the record to its end. Returns only when it is handled, skipped, parked or dead."""
        began = self.runtime.clock.monotonic()
        for wait in chain(_BACKOFF_S, repeat(_BACKOFF_S[-1])):
            try:
                outcome = await self._attempt(record)
            except Exception:
                # Store or broker is away: nothing can be decided or written, so the record waits here and lag shows it.
                log.exception("cannot bring %s/%d@%d to an end; trying again", record.topic, record.partition, record.offset)
                await self.runtime.clock.sleep(wait)
            else:
                metrics.HANDLED.labels(_type(record), outcome).inc()
                metrics.HANDLING.labels(_type(record)).observe(self.runtime.clock.monotonic() - began)
                return

    async def _attempt(self, record: Record) -> str:
        await self._until_due(record)
        headers = dict(record.headers)
        with logs.about(film_id=_text(headers, "ce_subject"), event_id=_text(headers, "ce_id"), attempt=attempt_of(record)):
            try:
                return await self._handle(record)
            except (ContractError, UnicodeDecodeError) as error:
                return await self._bury(record, Permanent(FailureKind.CONTRACT_VIOLATION, str(error)))
            except Exception as error:
                cause = _work_error(error)
                if cause is None:
                    raise
                return await self._failed(record, cause)

    async def _handle(self, record: Record) -> str:
        raw = self.runtime.room.raw.get(_origin(record))
        if raw is not None:
            await self.runtime.publisher.publish(*await raw(record))
            return "handled"
        try:
            event = decode(record.headers, record.value)
        except KeyError:
            metrics.UNKNOWN.labels(record.topic).inc()
            log.info("skipped a record of unknown type %s", type_of(record.headers))
            return "unknown"
        if await self._waits_behind(record, event):
            return "parked"
        fresh = await self.runtime.handle(event, attempt_of(record))
        return "handled" if fresh else "seen"

    async def _waits_behind(self, record: Record, event: Event) -> bool:
        """Park a record behind an earlier one of its film that waits for a retry, so that their order is kept."""
        if not self.runtime.room.lane(_origin(record)).ordered:
            return False
        loaded = await self.runtime.folds.load(event.film_id)
        parked = loaded.fold.parked
        if not parked or parked[0] == event.event_id or event.event_id in loaded.fold.seen:
            return False
        await self._note_parked(event, parked=True)
        await self._park(record, 0, attempt_of(record), FailureKind.CAPACITY, "waits behind an earlier event of its film")
        return True

    async def _failed(self, record: Record, error: WorkError) -> str:
        attempt = attempt_of(record)
        log.warning("attempt %d failed: %s", attempt, error, exc_info=error.kind == FailureKind.INTERNAL)
        if isinstance(error, Permanent) or attempt > len(RETRY_DELAYS_S):
            return await self._bury(record, error)
        if self.runtime.room.lane(_origin(record)).ordered and _origin(record) not in self.runtime.room.raw:
            await self._note_parked(decode(record.headers, record.value), parked=True)
        await self._park(record, attempt - 1, attempt + 1, error.kind, error.reason)
        return "retried"

    async def _park(self, record: Record, lane: int, attempt: int, kind: FailureKind, reason: str) -> None:
        topic = retries_of(self.runtime.room.name)[lane]
        due = self.runtime.clock.now() + timedelta(seconds=list(RETRY_DELAYS_S.values())[lane])
        more = {
            "x-attempt": str(attempt),
            "x-not-before": due.isoformat(),
            "x-error-class": kind,
            "x-error": reason[:500],
        }
        await self.runtime.publisher.write(topic, record.key, record.value, _with(record, more))
        metrics.RETRIED.labels(topic, kind).inc()

    async def _bury(self, record: Record, error: WorkError) -> str:
        topic = dead_letters_of(self.runtime.room.name)
        more = {
            "x-dlq-reason": error.kind,
            "x-dlq-error": error.reason[:2000],
            "x-dlq-attempts": str(attempt_of(record)),
            "x-dlq-at": self.runtime.clock.now().isoformat(),
        }
        await self.runtime.publisher.write(topic, record.key, record.value, _with(record, more))
        metrics.DEAD.labels(error.kind).inc()
        log.error("dead letter: %s", error)
        try:
            await self._note_parked(decode(record.headers, record.value), parked=False)
        except (ContractError, KeyError, UnicodeDecodeError):
            log.info("the dead record names no event, so none waits behind it")
        return "dead"

    async def _note_parked(self, event: Event, *, parked: bool) -> None:
        whose = TimerKey(event.film_id, event.envelope.tenant_id)
        while True:
            fold, version = await self.runtime.folds.load(event.film_id)
            if (event.event_id in fold.parked) == parked:
                return
            ids = [*fold.parked, event.event_id] if parked else [i for i in fold.parked if i != event.event_id]
            if await self.runtime.folds.save(whose, Loaded(fold.model_copy(update={"parked": ids}), version), ()):
                return

    async def _until_due(self, record: Record) -> None:
        due = dict(record.headers).get("x-not-before")
        if due is not None and record.topic in retries_of(self.runtime.room.name):
            wait = (datetime.fromisoformat(due.decode()) - self.runtime.clock.now()).total_seconds()
            if wait > 0:
                await self.runtime.clock.sleep(wait)


def attempt_of(record: Record) -> int:
    """How often the record was tried, this time included."""
    return int(dict(record.headers).get("x-attempt", b"1"))


def _origin(record: Record) -> str:
    return _text(dict(record.headers), "x-origin-topic") or record.topic


def _with(record: Record, more: dict[str, str]) -> list[tuple[str, bytes]]:
    origin = {
        "x-origin-topic": record.topic,
        "x-origin-partition": str(record.partition),
        "x-origin-offset": str(record.offset),
    }
    fresh = {**({} if dict(record.headers).get("x-origin-topic") else origin), **more}
    kept = [(k, v) for k, v in record.headers if k not in fresh]
    return [*kept, *((k, v.encode()) for k, v in fresh.items())]


def _text(headers: dict[str, bytes], name: str) -> str:
    return (headers.get(name) or b"").decode(errors="replace")


def _type(record: Record) -> str:
    """Type for a metric's label: outsiders name types at will, so unknown ones share one label."""
    named = _text(dict(record.headers), "ce_type")
    return named if named in FACTS else "unknown"


def _work_error(error: BaseException) -> WorkError | None:
    """The work's own failure; None if a part that delivery itself needs is away."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, Unavailable):
        return None
    return error if isinstance(error, WorkError) else Transient(FailureKind.INTERNAL, f"{type(error).__name__}: {error}")
