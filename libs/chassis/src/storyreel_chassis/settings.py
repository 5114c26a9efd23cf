"""Settings from the environment (twelve-factor). A misspelt variable of a room is an error, not a silence."""

import os
from functools import cached_property
from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class SharedSettings(BaseSettings):
    """Where the parts are that every room uses."""

    model_config = SettingsConfigDict(env_ignore_empty=True)

    kafka_bootstrap_servers: str = Field(description="host:port[,host:port]")
    redis_url: str = Field(description="redis://host:port/db")
    s3_endpoint_url: str = Field(default="", description="empty: AWS itself")
    s3_public_endpoint_url: str = Field(default="", description="what presigned URLs name; empty: s3_endpoint_url")
    s3_bucket: str
    aws_access_key_id: SecretStr
    aws_secret_access_key: SecretStr
    aws_region: str = "us-east-1"
    ops_host: str = "0.0.0.0"  # noqa: S104 - probes come from outside the container; the embedded stack sets loopback
    ops_port: int = Field(default=9000, ge=0, le=65535)
    log_level: str = "INFO"
    dead_letter_limit: int = Field(
        default=100, ge=0, description="a topic is stopped when more of its last records die; 0: no limit"
    )
    dead_letter_limit_records: int = Field(default=200, ge=1, description="how many last records of a topic are looked at")
    dead_letter_limit_seconds: float = Field(default=600.0, gt=0, description="deaths longer ago do not count")
    drain_seconds: float = Field(default=20.0, ge=0, description="time for work in flight after SIGTERM")


class ServiceSettings(BaseSettings):
    """Base of a room's settings; the room sets `env_prefix`. `<NAME>_FILE` reads the value from a file; '' is unset."""

    model_config = SettingsConfigDict(env_ignore_empty=True)

    @model_validator(mode="before")
    @classmethod
    def _read_files(cls, values: dict[str, object]) -> dict[str, object]:
        prefix = cls.model_config.get("env_prefix", "")
        for name in cls.model_fields:
            path = os.environ.get(f"{prefix}{name}_FILE".upper())
            if path and name not in values:
                values[name] = Path(path).read_text().strip()
        return values

    @model_validator(mode="after")
    def _refuse_unknown_variables(self) -> Self:
        prefix = self.model_config.get("env_prefix", "")
        known = {f"{prefix}{name}".upper() for name in type(self).model_fields}
        known |= {f"{name}_FILE" for name in known}
        stray = sorted(v for v in os.environ if prefix and v.upper().startswith(prefix.upper()) and v.upper() not in known)
        if stray:
            raise ValueError(f"unknown settings {', '.join(stray)}; known are {', '.join(sorted(known))}")
        return self

    @cached_property
    def shared(self) -> SharedSettings:
        """Settings of the parts that all rooms use."""
        return SharedSettings()  # type: ignore[call-arg]  # values come from the environment
