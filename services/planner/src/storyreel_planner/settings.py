"""Settings of the planner, from `PLANNER_*` variables. Only `app` reads them."""

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict
from storyreel_chassis.settings import ServiceSettings


class Settings(ServiceSettings):
    """One field per variable; the description says what it is for and in which unit."""

    model_config = SettingsConfigDict(env_prefix="PLANNER_", protected_namespaces=())

    model_card: Path | None = Field(default=None, description="the video model's storyreel.json; none: the null engine's")
    backend: Literal["template", "openai"] = Field(default="template", description="who writes scripts")
    fallback: Literal["template", "none"] = Field(
        default="template", description="who writes when the model gives no usable script; none: the film fails"
    )
    openai_base_url: str = Field(default="", description="any OpenAI-compatible endpoint, such as http://host:8000/v1")
    openai_api_key: SecretStr = Field(default=SecretStr("none"), description="its key; many local servers take any")
    openai_model: str = Field(default="", description="model name at that endpoint")
    openai_timeout_seconds: float = Field(default=60.0, gt=0, description="for one answer")
    openai_tries: int = Field(default=3, ge=1, le=10, description="answers asked for before giving up, repairs included")
    openai_max_tokens: int = Field(default=8_000, ge=256, description="longest answer")
    price_micros_per_device_second: int = Field(default=1000, ge=0, description="micro-dollars; as the renderer bills")
    price_headroom: float = Field(default=10.0, ge=1, description="a render may cost so many times what is expected")
    shot_attempts: int = Field(default=3, ge=1, le=10, description="takes of one shot in one tier")
    plan_attempts: int = Field(default=2, ge=1, le=5, description="plans of one version")
    assembly_attempts: int = Field(default=2, ge=1, le=5, description="assemblies of one cut")
    retry_delay_seconds: float = Field(default=10.0, ge=0, description="before the same render is asked for again")
    write_off_seconds: float = Field(default=900.0, gt=0, description="until money reserved by an ended version is free")
    parallel_renders: int = Field(default=1, ge=1, description="renders side by side, for the finish time")
    finishing_seconds: float = Field(default=20.0, ge=0, description="cutting and screening of a cut, for the finish time")
