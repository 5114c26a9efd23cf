"""Answering briefs. The answer is stored under the brief's own hash, first writer wins: a replay answers as before."""

from dataclasses import dataclass
from hashlib import sha256

from storyreel_contracts import Brief, Envelope, Event, FailureKind, FilmRequested, Model, Problem
from storyreel_contracts.films import BriefRejected

from storyreel_gateway.domain.briefs import Sender, brief_sha256, rejected, requested, time_problem
from storyreel_gateway.domain.ports import Store
from storyreel_gateway.domain.tenants import Tenant
from storyreel_gateway.workflows.uploads import Uploads

_TAKEN = Problem(
    field="webhook-id", reason="another brief was accepted under this id before", remedy="give every brief an id of its own"
)


class _Answer(Model):
    envelope: Envelope
    requested: FilmRequested | None = None
    rejected: BriefRejected | None = None

    @property
    def event(self) -> Event:
        data = self.requested or self.rejected
        if data is None:
            raise ValueError("an answer without a fact")
        return Event(self.envelope, data)


@dataclass(frozen=True)
class Desk:
    """Where briefs of both doors are judged."""

    store: Store
    uploads: Uploads

    async def problems_with(self, tenant: Tenant, brief: Brief, sender: Sender) -> tuple[Brief, list[Problem], FailureKind]:
        """The brief made ready, and what is wrong with its time and its references."""
        late = time_problem(brief, sender.at)
        if late is not None:
            return brief, [late], FailureKind.DEADLINE_PASSED
        ready, problems = await self.uploads.with_checked_references(tenant, brief)
        return ready, problems, FailureKind.INVALID_INPUT

    async def claim(self, sender: Sender, fingerprint: str) -> bool:
        """Whether this fingerprint is the film's brief: the first accepted under the id stays it for ever."""
        stored = await self.store.remember(_accepted_key(sender), fingerprint.encode())
        return stored == fingerprint.encode()

    async def accepted(self, sender: Sender) -> str:
        """Fingerprint of the brief that was accepted under the id, or ''."""
        return (await self.store.recall(_accepted_key(sender)) or b"").decode()

    async def answer(self, tenant: Tenant, sender: Sender, brief: Brief, body: bytes) -> Event:
        """The fact that answers a signed brief; the same for every reading of the same bytes."""
        earlier = await self.earlier(sender, body)
        return earlier or await self._keep(sender, body, await self._judge(tenant, sender, brief, body))

    async def refuse(self, sender: Sender, problems: list[Problem], body: bytes, campaign_ref: str) -> Event:
        """Refuse a signed brief for good."""
        return await self._keep(sender, body, rejected(sender, FailureKind.INVALID_INPUT, problems, body, campaign_ref))

    async def earlier(self, sender: Sender, body: bytes) -> Event | None:
        """The answer that these bytes were given before."""
        stored = await self.store.recall(_answer_key(sender, body))
        return None if stored is None else _Answer.model_validate_json(stored).event

    async def _judge(self, tenant: Tenant, sender: Sender, brief: Brief, body: bytes) -> Event:
        ready, problems, kind = await self.problems_with(tenant, brief, sender)
        if problems:
            return rejected(sender, kind, problems, body, brief.campaign_ref)
        if not await self.claim(sender, brief_sha256(brief)):
            return rejected(sender, FailureKind.INVALID_INPUT, [_TAKEN], body, brief.campaign_ref)
        return requested(sender, tenant, ready)

    async def _keep(self, sender: Sender, body: bytes, event: Event) -> Event:
        named = "requested" if isinstance(event.data, FilmRequested) else "rejected"
        answer = _Answer.model_validate({"envelope": event.envelope, named: event.data})
        stored = await self.store.remember(_answer_key(sender, body), answer.model_dump_json().encode())
        return _Answer.model_validate_json(stored).event


def _accepted_key(sender: Sender) -> str:
    return f"intake/{sender.tenant_id}/{sender.film_id}/accepted"


def _answer_key(sender: Sender, body: bytes) -> str:
    return f"intake/{sender.tenant_id}/{sender.film_id}/{sha256(body).hexdigest()}"
