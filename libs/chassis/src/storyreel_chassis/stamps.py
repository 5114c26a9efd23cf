"""Stamps: headers that delivery puts behind a record's own when it parks or buries it.

They are appended and counted (`x-origin-headers`), so the writer's own headers stay as they came, doubles included, and can be
cut out again. Only on a retry topic do stamps count: anywhere else whoever may write could have forged them.
"""

from datetime import datetime

from storyreel_contracts.topics import SERVICES, retries_of

from storyreel_chassis.work import Record

Headers = list[tuple[str, bytes]]
_RETRIES = frozenset(topic for service in SERVICES for topic in retries_of(service))


def attempt_of(record: Record) -> int:
    """How often the record was tried, this time included."""
    return int(_stamps(record).get("x-attempt", b"1"))


def origin_of(record: Record) -> str:
    """Topic that the record first came from."""
    return _stamps(record).get("x-origin-topic", record.topic.encode()).decode()


def due_of(record: Record) -> datetime | None:
    """Moment before which a parked record is not to be tried."""
    due = _stamps(record).get("x-not-before")
    return datetime.fromisoformat(due.decode()) if due else None


def stamped(record: Record, more: dict[str, str]) -> Headers:
    """The record's own headers, then where it came from and `more`; stamps of earlier attempts go."""
    own = record.headers[: _own(record)]
    earlier = _stamps(record)
    here = {
        "x-origin-topic": record.topic.encode(),
        "x-origin-partition": str(record.partition).encode(),
        "x-origin-offset": str(record.offset).encode(),
    }
    origin = {name: earlier.get(name, value) for name, value in here.items()}
    count = {"x-origin-headers": str(len(own)).encode()}
    null = {"x-origin-value": b"null"} if record.null else {}
    return [*own, *(origin | count | null | {k: v.encode() for k, v in more.items()}).items()]


def _own(record: Record) -> int:
    """How many headers the writer gave it."""
    if record.topic not in _RETRIES:
        return len(record.headers)
    return int(dict(record.headers).get("x-origin-headers", str(len(record.headers)).encode()))


def _stamps(record: Record) -> dict[str, bytes]:
    return dict(record.headers[_own(record) :])
