"""Artifacts: bytes addressed by their hash, results remembered under the hash of their inputs."""

import asyncio
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Protocol, TypedDict
from urllib.parse import urlsplit

from storyreel_contracts import ArtifactRef, FailureKind

from storyreel_chassis.errors import Permanent, Transient


class PresignedPost(TypedDict):
    """Where and with which form fields a browser or client uploads."""

    url: str
    fields: dict[str, str]


class ArtifactStore(Protocol):
    """Object storage. Raises Transient while it is away or an object is missing, Permanent if bytes hash otherwise."""

    async def put(self, data: bytes, media_type: str) -> ArtifactRef:
        """Store bytes under their hash; storing them again changes nothing."""
        ...

    async def put_file(self, path: Path, media_type: str) -> ArtifactRef:
        """Store a file under its hash without holding it in memory."""
        ...

    async def get(self, ref: ArtifactRef) -> bytes:
        """The bytes, checked against their hash."""
        ...

    async def fetch(self, ref: ArtifactRef, path: Path) -> None:
        """Write the bytes to a file, checked against their hash."""
        ...

    async def remember(self, key: str, value: bytes) -> bytes:
        """Store a value under a key unless there is one; returns what is stored. The first writer wins."""
        ...

    async def recall(self, key: str) -> bytes | None:
        """The value under a key, or None."""
        ...

    async def presign_get(self, ref: ArtifactRef, seconds: int, filename: str) -> str:
        """A URL that reads the artifact for so many seconds, offered under a file name."""
        ...

    async def presign_post(self, key: str, max_bytes: int, media_type: str, seconds: int) -> PresignedPost:
        """A form that uploads at most `max_bytes` of one media type to one key."""
        ...


def content_key(digest: str) -> str:
    """Object key of bytes with this SHA-256."""
    return f"sha256/{digest[:2]}/{digest}"


def location(ref: ArtifactRef) -> tuple[str, str]:
    """Bucket and key of a reference. Raises Permanent for anything but s3://bucket/key."""
    parts = urlsplit(ref.uri)
    if parts.scheme != "s3" or not parts.netloc or not parts.path.strip("/"):
        raise Permanent(FailureKind.INVALID_INPUT, f"{ref.uri} is not s3://bucket/key")
    return parts.netloc, parts.path.lstrip("/")


def checked(ref: ArtifactRef, digest: str) -> None:
    """Raise Permanent unless the digest is the reference's."""
    if digest != ref.sha256:
        raise Permanent(FailureKind.CONTRACT_VIOLATION, f"{ref.uri} hashes to {digest}, not to {ref.sha256}")


def digest_of(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


class MemoryArtifactStore:
    """Twin of the S3 store."""

    def __init__(self, bucket: str = "memory") -> None:
        self._bucket = bucket
        self.objects: dict[str, bytes] = {}

    async def put(self, data: bytes, media_type: str) -> ArtifactRef:
        """Store bytes under their hash."""
        digest = sha256(data).hexdigest()
        self.objects[content_key(digest)] = data
        uri = f"s3://{self._bucket}/{content_key(digest)}"
        return ArtifactRef(uri=uri, sha256=digest, size=len(data), media_type=media_type)

    async def put_file(self, path: Path, media_type: str) -> ArtifactRef:
        """Store a file under its hash."""
        return await self.put(await asyncio.to_thread(path.read_bytes), media_type)

    async def get(self, ref: ArtifactRef) -> bytes:
        """The bytes, checked against their hash."""
        data = self.objects.get(location(ref)[1])
        if data is None:
            raise Transient(FailureKind.ARTIFACT_MISSING, f"{ref.uri} is not in the store")
        checked(ref, sha256(data).hexdigest())
        return data

    async def fetch(self, ref: ArtifactRef, path: Path) -> None:
        """Write the bytes to a file."""
        await asyncio.to_thread(path.write_bytes, await self.get(ref))

    async def remember(self, key: str, value: bytes) -> bytes:
        """Store a value under a key unless there is one; returns what is stored."""
        return self.objects.setdefault(key, value)

    async def recall(self, key: str) -> bytes | None:
        """The value under a key, or None."""
        return self.objects.get(key)

    async def presign_get(self, ref: ArtifactRef, seconds: int, filename: str) -> str:
        """A URL that only says what it would read."""
        return f"memory://{location(ref)[1]}?seconds={seconds}&filename={filename}"

    async def presign_post(self, key: str, max_bytes: int, media_type: str, seconds: int) -> PresignedPost:
        """A form that only says what it would accept."""
        fields = {"key": key, "max_bytes": str(max_bytes), "Content-Type": media_type, "seconds": str(seconds)}
        return PresignedPost(url="memory://upload", fields=fields)
