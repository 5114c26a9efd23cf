"""Signatures of briefs: Standard Webhooks headers on the Kafka record, checked with the tenant's own tolerance.

The library's `verify` has a fixed tolerance of five minutes; a log may be read a day late, so only its `sign` is used.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from hmac import compare_digest

from standardwebhooks import Webhook
from storyreel_contracts import Problem

from storyreel_gateway.domain.tenants import Tenant

ID, TIMESTAMP, SIGNATURE = "webhook-id", "webhook-timestamp", "webhook-signature"
_REMEDY = "sign `id.timestamp.body` with the tenant's secret as Standard Webhooks describes"


def signature_problem(headers: Mapping[str, str], body: bytes, event_id: str, tenant: Tenant, now: datetime) -> Problem | None:
    """What is wrong with the signature of a brief; None if it is the tenant's own, in time, over these very bytes."""
    missing = next((name for name in (ID, TIMESTAMP, SIGNATURE) if not headers.get(name)), None)
    if missing is not None:
        return Problem(field=missing, reason="the header is missing", remedy=_REMEDY)
    if headers[ID] != event_id:
        return Problem(field=ID, reason="differs from ce_id", remedy="send the same id in both headers")
    sent = _moment(headers[TIMESTAMP])
    if sent is None:
        return Problem(field=TIMESTAMP, reason="is not a whole number of seconds since 1970", remedy=_REMEDY)
    if abs((now - sent).total_seconds()) > tenant.tolerance_s:
        reason = f"lies more than {tenant.tolerance_s:g} s from now"
        return Problem(field=TIMESTAMP, reason=reason, remedy="sign the brief again and send it with a new id")
    return None if _signed(headers, body, sent, tenant) else _wrong()


def _wrong() -> Problem:
    return Problem(field=SIGNATURE, reason="no signature matches this tenant, id, time and body", remedy=_REMEDY)


def _signed(headers: Mapping[str, str], body: bytes, sent: datetime, tenant: Tenant) -> bool:
    text = body.decode(errors="surrogateescape")
    try:
        expected = [Webhook(secret).sign(headers[ID], sent, text) for secret in tenant.signing_secrets]
    except UnicodeEncodeError:
        return False  # the body is not UTF-8, so it is no JSON that anyone could have signed as such
    offered = headers[SIGNATURE].split()
    return any(compare_digest(right.encode(), one.encode()) for right in expected for one in offered)


def _moment(text: str) -> datetime | None:
    if not (text.isascii() and text.isdigit() and len(text) <= 12):
        return None
    return datetime.fromtimestamp(int(text), UTC)
