"""A model without weights on a virtual device: for benches of the scheduling, and for trying it where there is no GPU.

Loaded by the loader for a folder whose `model_index.json` names `VirtualPipeline`; `virtual.json` beside it says
what everything costs. Imports no torch. A render is a chain of hashes, one link a step, so two renders of the same request
can be compared bit for bit, however they were batched, interrupted or resumed.
"""

import hashlib
import json
import struct
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from storyreel_engine.card import ModelCard, load_card
from storyreel_engine.failures import InvalidInputError, OutOfMemoryError
from storyreel_engine.ports import Footprint, Frames, Inputs, Unit
from storyreel_engine.virtual_device import VirtualDevice
from storyreel_engine.virtual_folder import VirtualSpec, read_spec
from storyreel_engine.wire import RenderRequest

_MAGIC = b"storyreel-virtual-1\n"


@dataclass(eq=False)
class VirtualState:
    """A job on the virtual device: how far it is, and the last link of its chain."""

    request: RenderRequest
    chain: bytes
    step: int
    chunks_left: int

    @property
    def steps(self) -> int:
        """Steps in all."""
        return self.request.steps

    @property
    def passes_left(self) -> int:
        """One pass a step."""
        return max(0, self.request.goal - self.step)

    @property
    def window_count(self) -> int:
        """The virtual model makes no windows."""
        return 1

    @property
    def seams(self) -> tuple[int, ...]:
        """None."""
        return ()

    @property
    def unit(self) -> Unit:
        """Passes, then chunks of frames, then nothing."""
        if self.passes_left:
            return Unit.PASS
        return Unit.DECODE if self.chunks_left else Unit.NONE


class VirtualPipeline:
    """Implements `ports.Pipeline`; what it does with a request depends on the request alone."""

    def __init__(self, spec: VirtualSpec, card: ModelCard, device: VirtualDevice) -> None:
        self._spec = spec
        self._card = card
        self._device = device
        self._table = spec.table
        # Shared by all checkpoints, so that taking one costs no CPU; not zeros, so that its bytes are really moved.
        self._latents = np.random.default_rng(0).bytes(spec.latent_bytes)

    @property
    def card(self) -> ModelCard:
        """What the folder's card says."""
        return self._card

    def check(self, request: RenderRequest) -> None:
        """The card's rules."""
        self._card.check(request)

    def key(self, request: RenderRequest, state: VirtualState | None = None) -> str:  # noqa: ARG002 - the port's signature
        """Shots of the same shape share a pass."""
        return f"{request.width}x{request.height}x{request.frames}"

    def footprint(self, request: RenderRequest) -> Footprint:  # noqa: ARG002 - the port's signature
        """The same for every request."""
        return Footprint(self._spec.latent_bytes, self._spec.working_bytes)

    def prepare(self, request: RenderRequest, inputs: Inputs) -> VirtualState:
        """Begin the chain with the request's fingerprint, or go on from the checkpoint."""
        chain, step = _begin(request), 0
        if inputs.checkpoint is not None:
            chain, step = _unpack(inputs.checkpoint, request, self._spec.latent_bytes)
        self._device.work("prepare", self._spec.prepare_seconds, [request.job_id], [step])
        return VirtualState(request, chain, step, self._spec.decode_chunks)

    def advance(self, states: Sequence[VirtualState]) -> None:
        """One pass of the batch, one link for each."""
        needed = len(states) * self._spec.working_bytes
        if self._spec.memory_bytes and needed > self._spec.memory_bytes:
            raise OutOfMemoryError(f"a pass of {len(states)} needs {needed} bytes, there are {self._spec.memory_bytes}")
        jobs, reached = [s.request.job_id for s in states], [s.step + 1 for s in states]
        self._device.work("pass", self._table.seconds(len(states)), jobs, reached)
        for state in states:
            state.step += 1
            state.chain = hashlib.sha256(state.chain + struct.pack("<I", state.step)).digest()

    def decode(self, state: VirtualState) -> Frames:
        """The next chunk: the chain's last link, repeated over the frames."""
        chunks = self._spec.decode_chunks
        done = chunks - state.chunks_left
        self._device.work("decode", self._spec.decode_seconds, [state.request.job_id], [state.step])
        state.chunks_left -= 1
        request = state.request
        first, behind = (request.frames * n // chunks for n in (done, done + 1))
        link = hashlib.sha256(state.chain + struct.pack("<I", done)).digest()
        return np.resize(np.frombuffer(link, dtype=np.uint8), (behind - first, request.height, request.width, 3))

    def save(self, state: VirtualState) -> Callable[[], bytes]:
        """The link and, so that the size is true, the latents' bytes."""
        head = {"fingerprint": state.request.fingerprint(), "step": state.step, "chain": state.chain.hex()}
        latents = self._latents
        return lambda: _pack(head, latents)


def load_virtual(folder: Path) -> VirtualPipeline:
    """The pipeline of a virtual model folder. Raises FileNotFoundError when card or `virtual.json` is missing."""
    spec = read_spec(folder)
    return VirtualPipeline(spec, load_card(folder), VirtualDevice(Path(spec.ledger) if spec.ledger else None))


def _begin(request: RenderRequest) -> bytes:
    return hashlib.sha256(request.fingerprint().encode()).digest()


def _pack(head: Mapping[str, Any], latents: bytes) -> bytes:
    text = json.dumps(head).encode()
    return b"".join([_MAGIC, struct.pack("<II", len(text), zlib.crc32(text)), text, latents])


def _unpack(data: bytes, request: RenderRequest, latent_bytes: int) -> tuple[bytes, int]:
    try:
        length, checksum = struct.unpack_from("<II", data, len(_MAGIC))
        text = data[len(_MAGIC) + 8 : len(_MAGIC) + 8 + length]
    except struct.error as error:
        raise InvalidInputError(f"checkpoint: damaged ({error})") from error
    whole = len(data) == len(_MAGIC) + 8 + length + latent_bytes
    if not data.startswith(_MAGIC) or not whole or zlib.crc32(text) != checksum:
        raise InvalidInputError("checkpoint: damaged")
    head = json.loads(text)
    if head["fingerprint"] != request.fingerprint():
        raise InvalidInputError("checkpoint: of another request")
    return bytes.fromhex(head["chain"]), int(head["step"])
