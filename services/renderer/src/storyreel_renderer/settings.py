"""Settings of the renderer, from `RENDERER_*` variables. Only `app` reads them."""

from typing import Literal

from pydantic import Field
from pydantic_settings import SettingsConfigDict
from storyreel_chassis.settings import ServiceSettings


class Settings(ServiceSettings):
    """One field per variable; the description says what it is for and in which unit."""

    model_config = SettingsConfigDict(env_prefix="RENDERER_")

    engine: Literal["triton", "null"] = Field(default="triton", description="null: plain gradients, for tests and benches")
    triton_url: str = Field(default="127.0.0.1:8001", description="host:port[,host:port] of the servers' gRPC endpoints")
    triton_model: str = Field(default="storyreel_video", description="name of the model in Triton's repository")
    places_per_server: int = Field(default=4, ge=1, le=64, description="jobs that this replica holds on one server")
    finals_per_server: int = Field(default=2, ge=1, le=64, description="of these at most so many finals")
    requests_in_flight: int = Field(default=64, ge=1, description="requests per topic that are taken from the broker at once")
    lease_seconds: float = Field(default=30.0, gt=0, description="term of a build key's lease; renewed three times a term")
    checkpoint_every: int = Field(default=2, ge=0, description="denoise steps between checkpoints; 0 takes none")
    tries: int = Field(default=4, ge=1, description="lost tries in a row without a new checkpoint before giving up")
    patience_seconds: float = Field(default=3600.0, gt=0, description="wait for a server that has the model")
    silence_seconds: float = Field(
        default=120.0, gt=0, description="silence after which a server is lost; above its longest step"
    )
    price_micros_per_device_second: int = Field(default=1000, ge=0, description="micro-dollars; as the planner quotes")
    encoders: int = Field(default=2, ge=1, description="threads that encode takes")
    null_step_seconds: float = Field(default=0.0, ge=0, description="what a step of the null engine lasts")
