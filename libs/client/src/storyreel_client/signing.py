"""Signs briefs as our webhooks are signed (Standard Webhooks): HMAC-SHA256 over `id.timestamp.body`."""

from base64 import b64decode
from datetime import datetime

from standardwebhooks import Webhook
from storyreel_contracts import BriefSubmitted
from storyreel_contracts.envelope import CONTENT_TYPE

from storyreel_client.errors import UsageError

SOURCE = "/storyreel/client"
_PREFIX = "whsec_"


def signed_headers(body: bytes, *, brief_id: str, tenant: str, secret: str, now: datetime) -> list[tuple[str, bytes]]:
    """Headers of a `brief.submitted` record: CloudEvents attributes and the signature over exactly `body`.

    `now` must carry its zone. Raises UsageError if the secret is not `whsec_` and base64.
    """
    _check(secret)
    signature = Webhook(secret).sign(brief_id, now, body.decode())
    headers = {
        "ce_specversion": "1.0",
        "ce_id": brief_id,
        "ce_type": BriefSubmitted.TYPE,
        "ce_source": SOURCE,
        "ce_time": now.isoformat(),
        "ce_tenantid": tenant,
        "content-type": CONTENT_TYPE,
        "webhook-id": brief_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": signature,
    }
    return [(name, value.encode()) for name, value in headers.items()]


def _check(secret: str) -> None:
    prefix, key = secret[: len(_PREFIX)], secret[len(_PREFIX) :]
    try:
        right = prefix == _PREFIX and len(b64decode(key, validate=True)) > 0
    except ValueError:
        right = False
    if not right:
        raise UsageError(
            "The signing secret is not `whsec_` followed by base64.",
            meaning="The brief was not sent: without a right signature it would be rejected.",
            next_step="Copy the tenant's secret again (stack.json: tenant.signing_secret).",
        )
