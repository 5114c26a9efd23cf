"""What becomes of a record: handled, skipped, parked in a retry topic, or written to the dead letters byte-exact.

Whatever happens, the record is done afterwards; if even that cannot be written, the record stays taken and is tried again.
"""

import logging
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from itertools import chain, repeat

from storyreel_contracts import FACTS, ContractError, Event, FailureKind, decode
from storyreel_contracts.envelope import type_of
from storyreel_contracts.topics import RETRY_DELAYS_S, dead_letters_of, retries_of

from storyreel_chassis import logs, metrics
from storyreel_chassis.errors import Permanent, TooLarge, Transient, Unavailable, WorkError
from storyreel_chassis.folds import Loaded, TimerKey
from storyreel_chassis.limits import DeadLetterLimit
from storyreel_chassis.runtime import Runtime
from storyreel_chassis.stamps import attempt_of, due_of, origin_of, stamped
from storyreel_chassis.work import Record

log = logging.getLogger(__name__)
_BACKOFF_S = (0.2, 0.5, 1.0, 2.0, 5.0)


@dataclass(frozen=True)
class Delivery:
    """Brings records to a room's runtime and deals with what goes wrong."""

    runtime: Runtime
    limit: DeadLetterLimit | None = None

    async def deliver(self, record: Record) -> None:
        """Bring the record to its end. Returns only when it is handled, skipped, parked or dead."""
        if self.limit is None:
            await self._deliver(record)
            return
        self.limit.begin(record)
        try:
            await self._deliver(record)
        finally:
            self.limit.end(record)

    async def _deliver(self, record: Record) -> None:
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
        raw = self.runtime.room.raw.get(origin_of(record))
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
        if not self.runtime.room.lane(origin_of(record)).ordered:
            return False
        loaded = await self.runtime.folds.load(event.film_id)
        parked = loaded.fold.blocking
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
        if self.runtime.room.lane(origin_of(record)).ordered and origin_of(record) not in self.runtime.room.raw:
            await self._note_parked(decode(record.headers, record.value), parked=True)
        try:
            await self._park(record, attempt - 1, attempt + 1, error.kind, error.reason)
        except TooLarge:
            return await self._bury(record, error)
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
        await self.runtime.publisher.write(topic, record.key, _value(record), stamped(record, more))
        metrics.RETRIED.labels(topic, kind).inc()

    async def _bury(self, record: Record, error: WorkError) -> str:
        if self.limit and not self._from_outside(record, error):
            await self.limit.admit(record)
        await self._let_others_pass(record)  # first: if it fails, no letter is written yet, and so none is written twice
        more = {
            "x-dlq-reason": error.kind,
            "x-dlq-error": error.reason[:2000],
            "x-dlq-attempts": str(attempt_of(record)),
            "x-dlq-at": self.runtime.clock.now().isoformat(),
        }
        await self._write_letter(record, more)
        metrics.DEAD.labels(error.kind).inc()
        log.error("dead letter: %s", error)
        return "dead"

    async def _write_letter(self, record: Record, more: dict[str, str]) -> None:
        topic = dead_letters_of(self.runtime.room.name)
        try:
            await self.runtime.publisher.write(topic, record.key, _value(record), stamped(record, more))
        except TooLarge:
            log.warning("a record of %d bytes is too large for %s; its letter says where it lies", len(record.value), topic)
            size = {"x-dlq-body-size": str(len(record.value)), "x-dlq-body-sha256": sha256(record.value).hexdigest()}
            await self.runtime.publisher.write(topic, record.key, b"", stamped(record, more | size))

    def _from_outside(self, record: Record, error: WorkError) -> bool:
        """Garbage on a topic that others write says nothing of this service; counting it would let one sender stop all."""
        return error.kind == FailureKind.CONTRACT_VIOLATION and origin_of(record) in self.runtime.room.raw

    async def _let_others_pass(self, record: Record) -> None:
        try:
            await self._note_parked(decode(record.headers, record.value), parked=False)
        except (ContractError, KeyError, UnicodeDecodeError):
            log.debug("the dead record names no event, so none waits behind it")

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
        due = due_of(record)
        wait = (due - self.runtime.clock.now()).total_seconds() if due else 0.0
        if wait > 0:
            await self.runtime.clock.sleep(wait)


def _value(record: Record) -> bytes | None:
    """The value as it came. Without a key a null becomes empty (its stamp says so): aiokafka writes no record without both."""
    return None if record.null and record.key is not None else record.value


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
