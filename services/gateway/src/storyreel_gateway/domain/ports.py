"""What the gateway asks of the outside world. Every port has an adapter and a twin in memory."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol, TypedDict

from storyreel_contracts import ArtifactRef, Event

from storyreel_gateway.domain.decisions import LiveEvent
from storyreel_gateway.domain.media import Limits, Probed
from storyreel_gateway.domain.state import FilmState
from storyreel_gateway.domain.tenants import TenantList


class Form(TypedDict):
    """Where and with which form fields a file is uploaded."""

    url: str
    fields: dict[str, str]


class Publisher(Protocol):
    """Writes facts; returns once the broker has them."""

    async def publish(self, *events: Event) -> None:
        """Write facts, in this order for one film."""
        ...


class Store(Protocol):
    """Artifacts and first-writer-wins values in object storage."""

    async def put(self, data: bytes, media_type: str) -> ArtifactRef:
        """Store bytes under their hash."""
        ...

    async def get(self, ref: ArtifactRef) -> bytes:
        """The bytes, checked against their hash."""
        ...

    async def remember(self, key: str, value: bytes) -> bytes:
        """Store a value unless there is one; returns what is stored."""
        ...

    async def recall(self, key: str) -> bytes | None:
        """The value under a key, or None."""
        ...

    async def presign_get(self, ref: ArtifactRef, seconds: int, filename: str) -> str:
        """A URL that reads the artifact for so many seconds."""
        ...

    async def presign_post(self, key: str, max_bytes: int, media_type: str, seconds: int) -> Form:
        """A form that uploads at most `max_bytes` of one media type to one key."""
        ...


class Films(Protocol):
    """The read model."""

    async def state(self, film_id: str) -> FilmState | None:
        """What is known of a film; None if no fact of it was read yet."""
        ...


class FilmLog(Protocol):
    """Each film's live log, shared by all replicas and outliving them. Entries may stand twice after a crash."""

    async def append(self, film_id: str, entry: LiveEvent) -> None:
        """Add an entry at the end."""
        ...

    async def read(self, film_id: str, after: str, wait_s: float) -> list[tuple[str, LiveEvent]]:
        """Entries after an id ('0-0' for all), with their ids; waits up to `wait_s` for the first, then may be empty."""
        ...

    async def last(self, film_id: str) -> str:
        """Id of the newest entry, or '0-0'."""
        ...


class Index(Protocol):
    """Lists per tenant: films, and reviews that are open."""

    async def add_film(self, tenant_id: str, film_id: str, at: datetime) -> None:
        """Put a film on the list; again changes nothing."""
        ...

    async def films(self, tenant_id: str, before: datetime | None, limit: int) -> list[tuple[str, datetime]]:
        """Film ids with their times, newest first, older than `before`."""
        ...

    async def film_at(self, tenant_id: str, film_id: str) -> datetime | None:
        """When the tenant's film was put on the list; None if it is not on it."""
        ...

    async def open_review(self, tenant_id: str, review_id: str, film_id: str, due: datetime) -> None:
        """Put a review on the desk."""
        ...

    async def close_review(self, tenant_id: str, review_id: str) -> None:
        """Take a review off the desk; its film stays findable."""
        ...

    async def reviews(self, tenant_id: str, limit: int) -> list[tuple[str, str]]:
        """Open reviews with their films, next due first."""
        ...

    async def film_of_review(self, tenant_id: str, review_id: str) -> str | None:
        """The film of a review, open or not."""
        ...


class Intents(Protocol):
    """What was about to be written after a claim, so that a crash in between is mended by any replica."""

    async def put(self, name: str, value: str) -> None:
        """Keep an intent."""
        ...

    async def drop(self, name: str) -> None:
        """It is done."""
        ...

    async def all(self) -> Mapping[str, str]:
        """All intents that were not dropped."""
        ...


class Lease(Protocol):
    """A right to work that ends by itself."""

    async def release(self) -> None:
        """Let others work at once."""
        ...


class Leases(Protocol):
    """Where leases come from."""

    async def acquire(self, name: str, ttl_s: float) -> Lease | None:
        """A lease, or None while another holds it."""
        ...


class Prober(Protocol):
    """Looks into untrusted bytes, in a confined process."""

    async def probe(self, data: bytes, limits: Limits) -> Probed:
        """What the bytes are, or why they are refused. Never raises because of them."""
        ...


class Pictures(Protocol):
    """Still pictures of takes."""

    async def middle_frame(self, video: bytes, width: int) -> bytes:
        """JPEG of a video's middle frame, `width` pixels wide. Raises ValueError if it cannot be decoded."""
        ...


class Tenants(Protocol):
    """The tenants as they are now."""

    def now(self) -> TenantList:
        """All tenants; re-read when their file changed."""
        ...


class Clock(Protocol):
    """Time."""

    def now(self) -> datetime:
        """Wall clock, aware, UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Let others run for so many seconds."""
        ...
