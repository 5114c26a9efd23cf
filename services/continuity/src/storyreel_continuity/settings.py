"""Settings of continuity, from `CONTINUITY_*` variables. Only `app` reads them."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict
from storyreel_chassis.settings import ServiceSettings


class Settings(ServiceSettings):
    """One field per variable; the description says what it is for and in which unit."""

    model_config = SettingsConfigDict(env_prefix="CONTINUITY_")

    thresholds: Path | None = Field(default=None, description="YAML file with thresholds instead of the packaged ones")
    workers: int = Field(default=2, ge=1, le=32, description="takes measured at once, each in a child process")
    limit_s: float = Field(default=120.0, gt=0, description="wall clock of one measurement; then the child is ended")
    child_memory_mib: int = Field(default=4096, ge=256, description="address space of a child")
    attempts: int = Field(default=3, ge=1, le=4, description="handlings of a take before its failure is reported")
