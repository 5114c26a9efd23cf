"""Record headers as the AsyncAPI document shows them; the envelope module writes and reads the real ones."""

from typing import Any

from storyreel_contracts import ids
from storyreel_contracts.base import Fact
from storyreel_contracts.films import BriefSubmitted

Json = dict[str, Any]


def _text(description: str, **more: Any) -> Json:
    return {"type": "string", "description": description, **more}


ENVELOPE: Json = {
    "type": "object",
    "description": "CloudEvents 1.0, Kafka binary mode: attributes are headers, the value is the fact.",
    "required": ["ce_specversion", "ce_id", "ce_type", "ce_source", "ce_time", "ce_tenantid", "content-type"],
    "properties": {
        "ce_specversion": _text("always 1.0", const="1.0"),
        "ce_id": _text("identity of the fact, derived from its cause; the same twice is the same fact"),
        "ce_type": _text("type of the fact with its version"),
        "ce_source": _text("who writes, such as /storyreel/planner"),
        "ce_time": _text("when it happened", format="date-time"),
        "ce_subject": _text("the film's id"),
        "ce_tenantid": _text("the tenant"),
        "ce_causeid": _text("ce_id of what brought this about"),
        "ce_deadline": _text("no paid work starts after this", format="date-time"),
        "ce_partitionkey": _text("the film's id; murmur2 of it chooses the partition"),
        "traceparent": _text("W3C trace context"),
        "content-type": _text("media type of the value", const="application/json"),
    },
}
SIGNED: Json = {
    **ENVELOPE,
    "description": "The envelope of a brief, signed as Standard Webhooks describes: HMAC-SHA256 over `id.timestamp.body`.",
    "required": [*ENVELOPE["required"], "webhook-id", "webhook-timestamp", "webhook-signature"],
    "properties": {
        **ENVELOPE["properties"],
        "webhook-id": _text("equals ce_id"),
        "webhook-timestamp": _text("seconds since 1970", pattern="^[0-9]{1,12}$"),
        "webhook-signature": _text("v1, and the base64 of the signature", pattern="^v1,"),
    },
}
_BRIEF = "spring-26-sneaker-1"


def example_headers(fact: type[Fact]) -> dict[str, str]:
    """Headers of an example, with ids as they would be derived."""
    film = ids.film_id("ember", _BRIEF)
    common = {"ce_specversion": "1.0", "ce_type": fact.TYPE, "ce_time": "2026-03-02T09:15:00Z", "ce_tenantid": "ember"}
    if fact is BriefSubmitted:
        signed = {
            "webhook-id": _BRIEF,
            "webhook-timestamp": "1772442900",
            "webhook-signature": "v1,bm90IGEgcmVhbCBzaWduYXR1cmU=",
        }
        return {**common, "ce_id": _BRIEF, "ce_source": "/campaigns/spring-26", "content-type": "application/json", **signed}
    cause = ids.event_id(_BRIEF, "film.requested.v1")
    derived = {"ce_id": ids.event_id(cause, fact.TYPE), "ce_causeid": cause, "ce_subject": film, "ce_partitionkey": film}
    return {**common, **derived, "ce_source": "/storyreel", "content-type": "application/json"}
