"""From a brief to the fact that answers it. Both doors, HTTP and Kafka, come through here."""

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256

from storyreel_contracts import (
    Brief,
    BriefRejected,
    Envelope,
    Event,
    FailureKind,
    FilmRequested,
    Model,
    Problem,
    canonical_json,
)
from storyreel_contracts.ids import event_id, film_id

from storyreel_gateway.domain.tenants import Tenant

SOURCE = "/storyreel/gateway"


class Sender(Model):
    """Who sent a brief, under which event id, when it was read."""

    tenant_id: str
    brief_event_id: str
    at: datetime
    trace: str = ""

    @property
    def film_id(self) -> str:
        """The film that the brief makes."""
        return film_id(self.tenant_id, self.brief_event_id)


def brief_sha256(brief: Brief) -> str:
    """Fingerprint of what the brief says, whatever its spelling as JSON."""
    return sha256(canonical_json(Brief.model_validate(brief.model_dump()))).hexdigest()


def time_problem(brief: Brief, now: datetime) -> Problem | None:
    """A deadline that has passed."""
    if not brief.is_late(now):
        return None
    return Problem(
        field="deadline", reason="the deadline has passed", remedy="choose a later deadline and send the brief again"
    )


def requested(sender: Sender, tenant: Tenant, brief: Brief, *, http: bool = False, dry_run: bool = False) -> Event:
    """`film.requested` for an accepted brief. The same brief event gives the same fact."""
    plain = Brief.model_validate(brief.model_dump())
    data = FilmRequested(
        brief=plain, brief_event_id=sender.brief_event_id, brief_sha256=brief_sha256(brief), policy=tenant.policy,
        source="http" if http else "kafka", dry_run=dry_run,
    )  # fmt: skip
    return _event(sender, data, event_id(sender.brief_event_id, data.TYPE, sender.film_id), brief.deadline)


def rejected(sender: Sender, kind: FailureKind, problems: Sequence[Problem], body: bytes, campaign_ref: str = "") -> Event:
    """`brief.rejected` for a refused one; the body is part of the identity, so a mended brief is answered anew."""
    data = BriefRejected(
        brief_event_id=sender.brief_event_id, campaign_ref=campaign_ref[:128], kind=kind, problems=list(problems)
    )
    mark = f"{sender.film_id}:{sha256(body).hexdigest()}:{problems[0].field}"
    return _event(sender, data, event_id(sender.brief_event_id, data.TYPE, mark), None)


def _event(sender: Sender, data: FilmRequested | BriefRejected, identity: str, deadline: datetime | None) -> Event:
    envelope = Envelope(
        event_id=identity, type=data.TYPE, source=SOURCE, film_id=sender.film_id, tenant_id=sender.tenant_id,
        occurred_at=sender.at, cause_id=sender.brief_event_id, deadline=deadline, trace=sender.trace,
    )  # fmt: skip
    return Event(envelope, data)
