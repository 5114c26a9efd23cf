"""A model without weights on a virtual device: for benches of the scheduling, and for trying it where there is no GPU.

Loaded by the loader for a folder whose `model_index.json` names `VirtualPipeline`; `virtual.json` beside it says
what everything costs, and `virtual_faults` what goes wrong. Imports no torch. A render is a chain of hashes, one link a pass:
two renders of the same request can be compared bit for bit, however they were batched, interrupted or resumed.
"""

import hashlib
import struct
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from storyreel_engine.card import ModelCard, load_card
from storyreel_engine.failures import ModelFaultError, OutOfMemoryError
from storyreel_engine.ports import Footprint, Frames, Inputs, look
from storyreel_engine.virtual_device import VirtualDevice
from storyreel_engine.virtual_faults import FaultFile
from storyreel_engine.virtual_folder import VirtualSpec, read_spec
from storyreel_engine.virtual_state import VirtualState, begun
from storyreel_engine.wire import RenderRequest

__all__ = ["VirtualPipeline", "VirtualState", "load_virtual"]


class VirtualPipeline:
    """Implements `ports.Pipeline`; what it does with a request depends on the request alone, and on the faults asked for."""

    def __init__(self, spec: VirtualSpec, card: ModelCard, device: VirtualDevice, faults: FaultFile | None = None) -> None:
        self._spec = spec
        self._card = card
        self._device = device
        self._table = spec.table
        self._faults = faults or FaultFile()
        self._look = ""
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
        """Windows of the same shape share a pass, if their jobs have the same LoRA at the same scale."""
        return f"{request.width}x{request.height}x{self._card.window(request)}{look(request)}"

    def footprint(self, request: RenderRequest) -> Footprint:
        """The more frames of a window, the more work."""
        return Footprint(self._spec.latent_bytes, self._working(self._card.window(request)))

    def prepare(self, request: RenderRequest, inputs: Inputs) -> VirtualState:
        """Begin a chain, or go on from the checkpoint."""
        state = begun(request, self._card, self._spec.decode_chunks)
        if inputs.checkpoint is not None:
            state.unpack(inputs.checkpoint, self._spec.latent_bytes)
        self._device.work("prepare", self._spec.prepare_seconds, [request.job_id], [state.step])
        return state

    def advance(self, states: Sequence[VirtualState]) -> None:
        """One pass of the batch, one link for each."""
        jobs, reached = [s.request.job_id for s in states], [s.next_step for s in states]
        memory = self._faults.meet(reached).memory_bytes or self._spec.memory_bytes
        needed = sum(self._working(s.window) for s in states)
        if memory and needed > memory:
            raise OutOfMemoryError(f"a pass of {len(states)} needs {needed} bytes, there are {memory}")
        self._device.work("pass", self._table.seconds(len(states)) + self._switch(states), jobs, reached)
        for state in states:
            state.advance()

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
        """The link and the latents."""
        return state.pack(self._latents)

    def _switch(self, states: Sequence[VirtualState]) -> float:
        """Seconds of putting another LoRA in force. Raises ModelFaultError where a pass is asked for that has several."""
        looks = {look(state.request) for state in states}
        if len(looks) > 1:
            raise ModelFaultError(f"jobs of several LoRAs in one pass: {sorted(looks)}")
        before, self._look = self._look, looks.pop()
        return self._spec.lora_seconds if before != self._look else 0.0

    def _working(self, window: int) -> int:
        return self._spec.working_bytes + self._spec.frame_bytes * window


def load_virtual(folder: Path) -> VirtualPipeline:
    """The pipeline of a virtual model folder. Raises FileNotFoundError when card or `virtual.json` is missing."""
    spec = read_spec(folder)
    device = VirtualDevice(folder / spec.ledger if spec.ledger else None)
    return VirtualPipeline(spec, load_card(folder), device, FaultFile(folder))
