"""The artifact store on S3 by boto3, in threads. Conditional put (`If-None-Match: *`) is the arbiter of "first"."""

import asyncio
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from storyreel_contracts import ArtifactRef, FailureKind

from storyreel_chassis.artifacts import PresignedPost, checked, content_key, digest_of, location
from storyreel_chassis.errors import Transient
from storyreel_chassis.settings import SharedSettings

T = TypeVar("T")
_MISSING = {"404", "NoSuchKey", "NotFound"}
_TAKEN = {"412", "PreconditionFailed", "409", "ConditionalRequestConflict"}


class S3ArtifactStore:
    """The real store. Threads come from a pool of their own size, so slow storage never starves other threads."""

    def __init__(self, settings: SharedSettings) -> None:
        self._bucket = settings.s3_bucket
        self._client = _client(settings, settings.s3_endpoint_url)
        self._signer = _client(settings, settings.s3_public_endpoint_url or settings.s3_endpoint_url)

    async def put(self, data: bytes, media_type: str) -> ArtifactRef:
        """Store bytes under their hash."""
        digest = await asyncio.to_thread(lambda: sha256(data).hexdigest())
        key = content_key(digest)
        if not await self._exists(key):
            await self._call(self._client.put_object, Bucket=self._bucket, Key=key, Body=data, ContentType=media_type)
        return ArtifactRef(uri=f"s3://{self._bucket}/{key}", sha256=digest, size=len(data), media_type=media_type)

    async def put_file(self, path: Path, media_type: str) -> ArtifactRef:
        """Store a file under its hash, in parts when it is large."""
        digest = await asyncio.to_thread(digest_of, path)
        size = await asyncio.to_thread(lambda: path.stat().st_size)
        key = content_key(digest)
        if not await self._exists(key):
            extra = {"ContentType": media_type}
            await self._call(self._client.upload_file, Filename=str(path), Bucket=self._bucket, Key=key, ExtraArgs=extra)
        return ArtifactRef(uri=f"s3://{self._bucket}/{key}", sha256=digest, size=size, media_type=media_type)

    async def get(self, ref: ArtifactRef) -> bytes:
        """The bytes, checked against their hash."""
        bucket, key = location(ref)
        data = await self._call(self._read, Bucket=bucket, Key=key)
        checked(ref, await asyncio.to_thread(lambda: sha256(data).hexdigest()))
        return data

    async def fetch(self, ref: ArtifactRef, path: Path) -> None:
        """Write the bytes to a file, checked against their hash."""
        bucket, key = location(ref)
        await self._call(self._client.download_file, Bucket=bucket, Key=key, Filename=str(path))
        checked(ref, await asyncio.to_thread(digest_of, path))

    async def remember(self, key: str, value: bytes) -> bytes:
        """Store a value under a key unless there is one; returns what is stored."""
        try:
            await asyncio.to_thread(lambda: self._client.put_object(Bucket=self._bucket, Key=key, Body=value, IfNoneMatch="*"))
        except ClientError as error:
            if _code(error) not in _TAKEN:
                raise _transient(error, key) from error
        except BotoCoreError as error:
            raise _transient(error, key) from error
        stored = await self.recall(key)
        if stored is None:
            raise Transient(FailureKind.DEPENDENCY_DOWN, f"{key} was written but cannot be read back")
        return stored

    async def recall(self, key: str) -> bytes | None:
        """The value under a key, or None."""
        try:
            return await self._call(self._read, Bucket=self._bucket, Key=key)
        except Transient as error:
            if error.kind == FailureKind.ARTIFACT_MISSING:
                return None
            raise

    async def presign_get(self, ref: ArtifactRef, seconds: int, filename: str) -> str:
        """A URL that reads the artifact for so many seconds, offered under a file name."""
        bucket, key = location(ref)
        params = {"Bucket": bucket, "Key": key, "ResponseContentDisposition": f'attachment; filename="{filename}"'}
        params["ResponseContentType"] = ref.media_type
        return await self._call(self._signer.generate_presigned_url, "get_object", Params=params, ExpiresIn=seconds)

    async def presign_post(self, key: str, max_bytes: int, media_type: str, seconds: int) -> PresignedPost:
        """A form that uploads at most `max_bytes` of one media type to one key."""
        conditions = [["content-length-range", 1, max_bytes], {"Content-Type": media_type}]
        made = await self._call(
            self._signer.generate_presigned_post, Bucket=self._bucket, Key=key,
            Fields={"Content-Type": media_type}, Conditions=conditions, ExpiresIn=seconds,
        )  # fmt: skip
        return PresignedPost(url=made["url"], fields=made["fields"])

    async def create_bucket(self) -> None:
        """Make the bucket unless it is there. Raises OSError while the store is away."""
        try:
            await asyncio.to_thread(self._client.create_bucket, Bucket=self._bucket)
        except ClientError as error:
            if _code(error) not in {"BucketAlreadyOwnedByYou", "BucketAlreadyExists"}:
                raise OSError(f"object storage: {error}") from error
        except BotoCoreError as error:
            raise OSError(f"object storage: {error}") from error

    async def expire(self, prefix: str, days: int) -> bool:
        """Let the store delete what lies under `prefix` after `days`; False if this store has no lifecycle rules.

        Replaces the bucket's rules. Raises OSError while the store is away.
        """
        rule = {"ID": prefix, "Filter": {"Prefix": prefix}, "Status": "Enabled", "Expiration": {"Days": days}}
        try:
            await asyncio.to_thread(
                self._client.put_bucket_lifecycle_configuration, Bucket=self._bucket, LifecycleConfiguration={"Rules": [rule]}
            )
        except ClientError as error:
            if _code(error) in {"NotImplemented", "MethodNotAllowed"}:
                return False
            raise OSError(f"object storage: {error}") from error
        except BotoCoreError as error:
            raise OSError(f"object storage: {error}") from error
        return True

    def _read(self, **where: str) -> bytes:
        body: bytes = self._client.get_object(**where)["Body"].read()
        return body

    async def _exists(self, key: str) -> bool:
        try:
            await self._call(self._client.head_object, Bucket=self._bucket, Key=key)
        except Transient as error:
            if error.kind == FailureKind.ARTIFACT_MISSING:
                return False
            raise
        return True

    async def _call(self, function: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        try:
            return await asyncio.to_thread(function, *args, **kwargs)
        except (ClientError, BotoCoreError) as error:
            raise _transient(error, str(kwargs.get("Key", ""))) from error


def _client(settings: SharedSettings, endpoint: str) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=endpoint or None,
        region_name=settings.aws_region,
        aws_access_key_id=settings.aws_access_key_id.get_secret_value(),
        aws_secret_access_key=settings.aws_secret_access_key.get_secret_value(),
        config=Config(
            connect_timeout=5, read_timeout=30, retries={"max_attempts": 4, "mode": "standard"},
            s3={"addressing_style": "path"}, max_pool_connections=16, signature_version="s3v4",
        ),
    )  # fmt: skip


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _transient(error: Exception, key: str) -> Transient:
    missing = isinstance(error, ClientError) and _code(error) in _MISSING
    kind = FailureKind.ARTIFACT_MISSING if missing else FailureKind.DEPENDENCY_DOWN
    return Transient(kind, f"object storage, {key or 'bucket'}: {error}")
