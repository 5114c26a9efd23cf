"""References to bytes in object storage; bytes themselves never travel on Kafka."""

from pydantic import Field

from storyreel_contracts.base import Model, Sha256


class ArtifactRef(Model):
    """Where some bytes are and what they must hash to. Content-addressed: the same bytes have the same reference."""

    uri: str = Field(description="s3://bucket/key")
    sha256: Sha256
    size: int = Field(ge=0, description="bytes")
    media_type: str = Field(description="IANA media type, such as video/mp4")
