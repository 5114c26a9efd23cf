"""What may be uploaded, and what the sandboxed probe says of it."""

from typing import Literal

from pydantic import Field
from storyreel_contracts import ArtifactRef, Model, Problem, Reference, Role

from storyreel_gateway.domain.tenants import Tenant

UPLOAD_TYPES = (
    "image/png", "image/jpeg", "image/webp", "audio/wav", "audio/x-wav", "audio/mpeg", "audio/flac", "audio/ogg", "audio/mp4",
    "video/mp4", "video/quicktime", "video/webm",
)  # fmt: skip


class Limits(Model):
    """The most that the probe lets through, and what its process may use."""

    bytes: int = Field(default=64 * 2**20, description="size of the file")
    pixels: int = Field(default=40_000_000, description="width times height of a picture")
    side: int = Field(default=12_000, description="longest side of a picture, pixels")
    video_pixels: int = Field(default=4096 * 2304, description="width times height of a video frame")
    duration_s: float = Field(default=600.0, description="length of sound and video, seconds")
    streams: int = Field(default=4, description="tracks in a container")
    cpu_s: int = Field(default=10, description="processor time of the child, seconds")
    memory_bytes: int = Field(default=1536 * 2**20, description="address space of the child")
    wall_s: float = Field(default=30.0, description="time until the child is killed, seconds")


class Media(Model):
    """What an accepted file is."""

    kind: Literal["image", "audio", "video"]
    media_type: str
    width: int = 0
    height: int = 0
    duration_s: float = 0.0
    streams: int = 1
    codec: str = ""


class Probed(Model):
    """The probe's answer: media, or the reason why not; and how far its process was confined."""

    media: Media | None = None
    reason: str = ""
    isolation: dict[str, str] = Field(default_factory=dict)


class Admitted(Model):
    """A tenant's file that passed: content-addressed, with what it is."""

    artifact: ArtifactRef
    media: Media


def upload_prefix(tenant: Tenant) -> str:
    """The tenant's own area for raw uploads; nobody else's key begins like it."""
    return f"uploads/{tenant.id}/"


def admitted_key(tenant: Tenant, sha256: str) -> str:
    """Where the record of a passed probe is kept; per tenant, so that one's upload is never another's."""
    return f"keys/admitted/{tenant.id}/{sha256}"


def refused(field: str, reason: str) -> Problem:
    """A problem with a file."""
    remedy = "upload a PNG, JPEG or WebP picture (or WAV, MP3, FLAC, OGG sound, MP4 or WebM video) within the limits"
    return Problem(field=field, reason=reason, remedy=remedy)


def role_problem(index: int, reference: Reference, media: Media) -> Problem | None:
    """Whether the file is of a kind that the role can use."""
    wanted = "audio" if reference.role == Role.MUSIC else "image"
    if media.kind == wanted:
        return None
    reason = f"role {reference.role} needs {'sound' if wanted == 'audio' else 'a picture'}, and the file is {media.media_type}"
    return refused(f"references[{index}].artifact", reason)
