"""The gateway's settings."""

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict
from storyreel_chassis.settings import ServiceSettings


class Settings(ServiceSettings):
    """Read from the environment; unknown `GATEWAY_…` variables are an error."""

    model_config = SettingsConfigDict(env_prefix="GATEWAY_")

    tenants_file: Path = Field(
        description="JSON with tenants, hashes of their keys, signing secrets; read again when it changes"
    )
    host: str = "0.0.0.0"  # noqa: S104 - outsiders come from outside the container; the embedded stack sets loopback
    port: int = Field(default=8080, ge=0, le=65535)
    session_secret: SecretStr = Field(
        default=SecretStr(""), description="seals sign-in cookies; the same for all replicas. Empty: a new one at every start"
    )
    secure_cookies: bool = Field(default=False, description="send the sign-in cookie over https only")
    media_origins: str = Field(
        default="", description="origins from which pages may load artifacts, space-separated. Empty: the object store's own"
    )
    dry_run_wait_s: float = Field(
        default=25.0, gt=0, le=300, description="how long a dry run waits for plan and verdict, seconds"
    )
    upload_max_bytes: int = Field(default=64 * 2**20, ge=1, le=2**30)
    streams_per_tenant: int = Field(default=100, ge=1, description="open event streams of one tenant in this process")
    ping_s: float = Field(default=15.0, gt=0, description="a comment is sent on silent event streams this often, seconds")
