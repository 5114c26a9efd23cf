"""A take's identity and what the ledger keeps of it: result, checkpoints, answers. First writer wins everywhere."""

import json
from dataclasses import dataclass, replace

from storyreel_contracts.artifacts import ArtifactRef
from storyreel_contracts.base import Micros, Model, Seconds, build_key
from storyreel_contracts.failures import FailureKind
from storyreel_contracts.plan import ModelRef
from storyreel_contracts.planning import RenderSpec


class Taken(Model):
    """A stored take. `paid_by` is the event whose handling paid for it, `token` the fencing token it was made under."""

    artifact: ArtifactRef
    width: int
    height: int
    frames: int
    fps: int
    seed: int
    model: ModelRef
    device_seconds: Seconds
    cost_micros: Micros
    windows: int = 1
    seam: float | None = None
    paid_by: str
    token: int


class Lost(Model):
    """A request that ends without a take, and what it used."""

    kind: FailureKind
    reason: str
    device_seconds: Seconds = 0.0
    cost_micros: Micros = 0


class Dropped(Model):
    """Nobody waits for this take any more: its film version ended."""

    reason: str


Outcome = Taken | Lost | Dropped


@dataclass(frozen=True)
class Checkpoint:
    """What a later try goes on from: the engine's bytes, and what was spent until then (all tries) for the take `paid_for`.

    A final that goes on from its preview's last state finds that take's key here, and does not pay for it again. `data` is
    empty while its job only waits: states are large, and many jobs wait.
    """

    step: int
    device_seconds: float
    paid_for: str
    data: bytes = b""

    def without_data(self) -> "Checkpoint":
        """What is known of it."""
        return replace(self, data=b"")

    def pack(self) -> bytes:
        """One line of JSON, then the engine's bytes."""
        head = {"step": self.step, "device_seconds": self.device_seconds, "paid_for": self.paid_for}
        return json.dumps(head).encode() + b"\n" + self.data

    @classmethod
    def unpack(cls, raw: bytes) -> "Checkpoint":
        """Read what `pack` wrote. Raises ValueError on anything else."""
        head, _, data = raw.partition(b"\n")
        read = json.loads(head)
        if not isinstance(read, dict) or not {"step", "device_seconds", "paid_for"} <= read.keys():
            raise ValueError("not a checkpoint of the ledger")
        return cls(int(read["step"]), float(read["device_seconds"]), str(read["paid_for"]), data)


def trajectory(spec: RenderSpec, window: int) -> str:
    """What the states after each step depend on: all of the spec but where a draft stops, and the window."""
    apart = {"stop_after"} if spec.lora else {"stop_after", "lora"}  # paths without a LoRA are as they always were
    return build_key("trajectory", {"spec": spec.model_dump(mode="json", exclude=apart) | {"stop_after": 0}, "window": window})


def share_of(tenant: str) -> str:
    """A name under which servers share device time fairly, and which does not say whose it is."""
    return build_key("share", tenant)[:16]


def lease_name(tenant: str, key: str) -> str:
    """Who holds this lease pays for the build key; tenants never share one."""
    return f"takes/{tenant}/{key}"


def take_key(tenant: str, key: str) -> str:
    """Where the take of a build key is remembered."""
    return f"keys/takes/{tenant}/{key}"


def answer_key(tenant: str, event_id: str) -> str:
    """Where the answer to a request that failed is remembered, so that handling it again answers the same."""
    return f"keys/takes/{tenant}/answers/{event_id}"


def checkpoint_key(tenant: str, path: str, step: int) -> str:
    """Where the checkpoint after `step` of a trajectory is remembered. Its steps are equal whoever makes them."""
    return f"keys/checkpoints/{tenant}/{path}/{step:04d}"
