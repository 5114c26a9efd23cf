"""The base of every model in this room: frozen, tolerant to additions, open enums."""

import json
from enum import StrEnum
from hashlib import sha256
from typing import Annotated, Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field

Micros = Annotated[int, Field(ge=0, description="money in millionths of a US dollar")]
Seconds = Annotated[float, Field(ge=0, description="seconds")]
Version = Annotated[int, Field(ge=1, description="film version: 1 for the brief, one more for every edit")]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", description="SHA-256, lower-case hexadecimal")]


class Model(BaseModel):
    """A value of the contract: frozen; unknown fields are ignored so that old readers survive new writers."""

    model_config = ConfigDict(frozen=True, extra="ignore", ser_json_inf_nan="null")


class OpenEnum(StrEnum):
    """An enum whose readers survive a value they do not know: it becomes `unknown`."""

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        return cls("unknown") if value != "unknown" and isinstance(value, str) else None


class Fact(Model):
    """Something that happened to one film. `TYPE` is its CloudEvents type; the writer never changes it afterwards."""

    TYPE: ClassVar[str]


def canonical_json(value: Any) -> bytes:
    """Serialise a JSON-able value or a model so that equal values give equal bytes (sorted keys, no spaces)."""
    plain = value.model_dump(mode="json") if isinstance(value, BaseModel) else value
    return json.dumps(plain, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def build_key(kind: str, inputs: Any) -> str:
    """Address of an artifact by the hash of all its inputs (64 hexadecimal digits)."""
    return sha256(kind.encode() + b"\0" + canonical_json(inputs)).hexdigest()
