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
    batches_per_server: int = Field(default=3, ge=1, le=8, description="full batches held on one server, all replicas together")
    replicas: int = Field(default=1, ge=1, description="replicas of this service, which share the servers evenly")
    faults: int = Field(default=3, ge=1, description="faults in a row after which a server is left alone for a while")
    cool_seconds: float = Field(default=30.0, gt=0, description="for so long at first; twice as long after each failed probe")
    requests_in_flight: int = Field(default=64, ge=1, description="requests per topic that are taken from the broker at once")
    lease_seconds: float = Field(default=30.0, gt=0, description="term of a build key's lease; renewed three times a term")
    checkpoint_every: int = Field(default=2, ge=0, description="denoise steps between checkpoints; 0 takes none")
    tries: int = Field(default=4, ge=1, description="lost tries in a row without a new checkpoint before giving up")
    patience_seconds: float = Field(default=3600.0, gt=0, description="wait for a server that has the model")
    silence_seconds: float = Field(
        default=120.0, gt=0, description="silence or standstill after which a server is lost; above its longest step"
    )
    price_micros_per_device_second: int = Field(default=1000, ge=0, description="micro-dollars; as the planner quotes")
    pictures: int = Field(default=2, ge=1, description="child processes that decode first frames at once")
    picture_seconds: float = Field(default=20.0, gt=0, description="time limit of one")
    picture_memory_mib: int = Field(default=2048, ge=256, description="address space of one")
    encoders: int = Field(default=2, ge=1, description="threads that encode takes")
    null_step_seconds: float = Field(default=0.0, ge=0, description="what a step of the null engine lasts")
