"""Writes downloaded bytes so that a file is either whole or not there."""

from collections.abc import AsyncIterator
from hashlib import sha256
from pathlib import Path

from storyreel_client.errors import VerificationError


async def save(pieces: AsyncIterator[bytes], target: Path, sha256_hex: str = "") -> Path:
    """Write to a neighbour and rename. Raises VerificationError if the bytes do not hash to `sha256_hex`."""
    partial = target.with_name(f".{target.name}.part")
    digest = sha256()
    try:
        partial.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as file:
            async for piece in pieces:
                digest.update(piece)
                file.write(piece)
        if sha256_hex and digest.hexdigest() != sha256_hex:
            raise VerificationError(
                f"{target.name} arrived changed: its hash is not the one that was published.",
                meaning="The file was not kept.",
                next_step="Fetch it again; if it stays so, the store is damaged.",
            )
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    return target
