"""Settings of safety, from `SAFETY_*` variables. Only `app` reads them."""

from pathlib import Path

from pydantic import Field
from pydantic_settings import SettingsConfigDict
from storyreel_chassis.settings import ServiceSettings


class Settings(ServiceSettings):
    """One field per variable; the description says what it is for and in which unit."""

    model_config = SettingsConfigDict(env_prefix="SAFETY_")

    policy_dir: Path | None = Field(
        default=None, description="folder with more policies (*.yaml); same name replaces the packaged"
    )
    workers: int = Field(default=2, ge=1, le=32, description="checks that run at once, each in a child process")
    words_limit_s: float = Field(default=60.0, gt=0, description="wall clock of one text screening; then the child is ended")
    footage_limit_s: float = Field(
        default=300.0, gt=0, description="wall clock of one clip's screening; then the child is ended"
    )
    child_memory_mib: int = Field(default=4096, ge=256, description="address space of a child")
    attempts: int = Field(
        default=3, ge=1, le=4, description="handlings of a screening before its failure blocks (10 s, 1 min apart)"
    )
