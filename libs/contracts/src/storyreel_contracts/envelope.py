"""The envelope: CloudEvents 1.0 in Kafka binary mode. Attributes are `ce_*` headers, the value is the fact's JSON."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from pydantic import AwareDatetime, Field, ValidationError

from storyreel_contracts.base import Fact, Model
from storyreel_contracts.problems import problems_of
from storyreel_contracts.registry import FACTS

CONTENT_TYPE = "application/json"
Headers = Iterable[tuple[str, bytes]]


class ContractError(ValueError):
    """A record that does not keep the contract; `field` says where."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field, self.reason = field, reason


class Envelope(Model):
    """Who says what about which film, when, because of what."""

    event_id: str = Field(min_length=1, max_length=128, description="ce_id; derived from the cause")
    type: str = Field(description="ce_type, such as shot.rendered.v1")
    source: str = Field(default="/storyreel", description="ce_source, the writing service")
    film_id: str = Field(default="", description="ce_subject and the record's key; empty on a brief")
    tenant_id: str = Field(min_length=1, max_length=64)
    occurred_at: AwareDatetime
    cause_id: str = Field(default="", description="event_id of what brought this about; empty for a first cause")
    deadline: AwareDatetime | None = Field(default=None, description="absolute; no paid work starts after it")
    trace: str = Field(default="", description="W3C traceparent")


class Event(NamedTuple):
    """A fact in its envelope."""

    envelope: Envelope
    data: Fact

    @property
    def film_id(self) -> str:
        """Key of the record."""
        return self.envelope.film_id

    @property
    def event_id(self) -> str:
        """Identity of the fact."""
        return self.envelope.event_id


_HEADERS = {
    "event_id": "ce_id",
    "type": "ce_type",
    "source": "ce_source",
    "film_id": "ce_subject",
    "tenant_id": "ce_tenantid",
    "occurred_at": "ce_time",
    "cause_id": "ce_causeid",
    "deadline": "ce_deadline",
    "trace": "traceparent",
}


def encode(event: Event) -> tuple[dict[str, str], bytes]:
    """Headers and value of the record; the key is the film id."""
    plain = event.envelope.model_dump(mode="json", exclude_none=True)
    headers = {_HEADERS[k]: str(v) for k, v in plain.items() if v != ""}
    headers |= {"ce_specversion": "1.0", "content-type": CONTENT_TYPE, "ce_partitionkey": event.film_id}
    return headers, event.data.model_dump_json().encode()


def type_of(headers: Headers) -> str:
    """Event type named by the headers, or '' if there is none."""
    return _text(dict(headers)).get("ce_type", "")


def read_envelope(headers: Headers) -> Envelope:
    """Envelope of a record. Raises ContractError that names the header which is missing or wrong."""
    text = _text(dict(headers))
    if text.get("ce_specversion") != "1.0":
        raise ContractError("ce_specversion", "must be 1.0 (CloudEvents, Kafka binary mode)")
    values = {name: text[header] for name, header in _HEADERS.items() if header in text}
    values.setdefault("occurred_at", datetime.now(UTC).isoformat())
    try:
        return Envelope.model_validate(values)
    except ValidationError as e:
        first = problems_of(e)[0]
        raise ContractError(_HEADERS.get(first.field, first.field), first.reason) from e


def decode(headers: Headers, value: bytes) -> Event:
    """Event of a record. Raises ContractError (malformed) or KeyError (type that this reader does not know)."""
    envelope = read_envelope(list(headers))
    model = FACTS[envelope.type]
    try:
        return Event(envelope, model.model_validate_json(value))
    except ValidationError as e:
        first = problems_of(e)[0]
        raise ContractError(first.field, first.reason) from e


def _text(headers: Mapping[str, Any]) -> dict[str, str]:
    try:
        return {k: v.decode() if isinstance(v, bytes) else str(v) for k, v in headers.items() if v is not None}
    except UnicodeDecodeError as e:
        raise ContractError("headers", "must be UTF-8") from e
