"""The Kafka side: signed briefs come in, facts are announced to watchers and lists."""

import json
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from storyreel_chassis.errors import Permanent
from storyreel_chassis.work import Context, Record
from storyreel_contracts import BriefSubmitted, Event, FailureKind, Problem, problems_of
from storyreel_contracts.decisions import Task
from storyreel_contracts.envelope import read_envelope, type_of

from storyreel_gateway import metrics
from storyreel_gateway.domain.briefs import Sender, rejected
from storyreel_gateway.domain.decisions import Announce
from storyreel_gateway.domain.ports import Clock, FilmLog, Index, Tenants
from storyreel_gateway.domain.signing import signature_problem
from storyreel_gateway.workflows.briefs import Desk


@dataclass(frozen=True)
class Announcer:
    """Performer: the live log and the tenant's lists follow every fact. Doing it twice is harmless."""

    log: FilmLog
    index: Index

    async def perform(self, task: Task, context: Context) -> Any:  # noqa: ARG002 - the performer's signature
        """Tell watchers, keep lists."""
        work = task.work
        if not isinstance(work, Announce):
            raise TypeError(f"the gateway does no work of type {type(work).__name__}")
        if work.listed_at is not None:
            await self.index.add_film(work.tenant_id, work.film_id, work.listed_at)
        for review_id, due in work.opened.items():
            await self.index.open_review(work.tenant_id, review_id, work.film_id, due)
        for review_id in work.closed:
            await self.index.close_review(work.tenant_id, review_id)
        await self.log.append(work.film_id, work.live)


@dataclass(frozen=True)
class BriefIntake:
    """Raw handler of `campaign-briefs`."""

    tenants: Tenants
    desk: Desk
    clock: Clock

    async def __call__(self, record: Record) -> list[Event]:
        """The fact that answers the brief. Raises ContractError or Permanent for what cannot be read at all."""
        envelope = read_envelope(record.headers)
        if type_of(record.headers) != BriefSubmitted.TYPE:
            metrics.BRIEFS.labels("kafka", "unknown type").inc()
            return []
        _refuse_garbage(record.value)
        sender = Sender(
            tenant_id=envelope.tenant_id, brief_event_id=envelope.event_id, at=self.clock.now(), trace=envelope.trace
        )
        event = await self._answer(record, sender)
        metrics.BRIEFS.labels("kafka", event.envelope.type).inc()
        return [event]

    async def _answer(self, record: Record, sender: Sender) -> Event:
        tenant = self.tenants.now().get(sender.tenant_id)
        if tenant is None:
            unknown = Problem(field="ce_tenantid", reason="no such tenant", remedy="send your tenant's id in this header")
            return rejected(sender, FailureKind.INVALID_INPUT, [unknown], record.value)
        earlier = await self.desk.earlier(sender, record.value)  # only answers to signed briefs were ever kept
        if earlier is not None:
            return earlier
        headers = {k.lower(): v.decode(errors="replace") for k, v in record.headers}
        unsigned = signature_problem(headers, record.value, sender.brief_event_id, tenant, sender.at)
        if unsigned is not None:
            return rejected(sender, FailureKind.INVALID_INPUT, [unsigned], record.value)
        try:
            brief = BriefSubmitted.model_validate_json(record.value)
        except ValidationError as error:
            reference = _campaign_ref(record.value)
            return await self.desk.refuse(sender, problems_of(error), record.value, reference)
        return await self.desk.answer(tenant, sender, brief, record.value)


def _campaign_ref(value: bytes) -> str:
    """The campaign's own reference of a brief that is not one, so that the refusal finds its way back."""
    brief = json.loads(value)
    reference = brief.get("campaign_ref") if isinstance(brief, dict) else None
    return reference if isinstance(reference, str) else ""


def _refuse_garbage(value: bytes) -> None:
    try:
        json.loads(value)
    except (ValueError, RecursionError) as error:
        raise Permanent(FailureKind.CONTRACT_VIOLATION, f"the brief is not JSON: {type(error).__name__}") from error
