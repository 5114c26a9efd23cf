"""This room's settings; environment variables begin with `ASSEMBLER_`."""

import os
from pathlib import Path
from tempfile import gettempdir
from typing import Self

from pydantic import Field, model_validator
from pydantic_settings import SettingsConfigDict
from storyreel_chassis.settings import ServiceSettings


class Settings(ServiceSettings):
    """Where work is done and by whom films are signed."""

    model_config = SettingsConfigDict(env_prefix="ASSEMBLER_")

    workers: int = Field(default=0, ge=0, le=64, description="encoding processes; 0 for one per core")
    cuts_at_once: int = Field(default=2, ge=1, le=32, description="films cut side by side; bounds scratch space")
    scratch_dir: Path | None = Field(default=None, description="folder for work in progress; none: the system's own")
    signing_chain: Path | None = Field(default=None, description="PEM chain of the signer's certificate, leaf first")
    signing_key: Path | None = Field(default=None, description="PEM of the signer's private key (P-256)")
    signing_anchors: Path | None = Field(default=None, description="PEM of the anchors that verification trusts")
    development_signing_dir: Path = Field(
        default_factory=lambda: Path(gettempdir()) / f"storyreel-signing-{os.getuid()}",
        description="where a development authority is made when no signer is configured",
    )

    @model_validator(mode="after")
    def _signer_is_whole(self) -> Self:
        given = [self.signing_chain, self.signing_key, self.signing_anchors]
        if any(given) and not all(given):
            raise ValueError("ASSEMBLER_SIGNING_CHAIN, _KEY and _ANCHORS are set together or not at all")
        return self
